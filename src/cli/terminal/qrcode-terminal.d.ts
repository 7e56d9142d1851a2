/** The generator inside qrcode-terminal, for the files that its terminal output does not serve. */
declare module 'qrcode-terminal/vendor/QRCode/index.js' {
  export default class QRCode {
    /** `-1`: the smallest size that holds the data; level 1 is L, 0 is M. */
    constructor(typeNumber: -1, errorCorrectLevel: 0 | 1);
    addData(text: string): void;
    make(): void;
    /** Rows of modules, true where dark; there after `make`. */
    modules: boolean[][];
  }
}
