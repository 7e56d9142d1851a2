import { StringDecoder } from 'node:string_decoder';

/** Cuts a byte stream into lines of bounded length. */
export interface LineReader {
  write(bytes: Uint8Array): void;
  /** What has come of a line whose newline has not. */
  unended(): string;
  /** Hands over what came after the last newline. */
  end(): void;
}

/**
 * Calls `onLine` for every line of a UTF-8 stream, without its newline and without a BOM at the beginning. Of a line
 * longer than `maxChars` the beginning is handed over with `cut` set as soon as it is
 * too long, and the rest is dropped, so a child can never block on a full pipe nor
 * fill the memory.
 */
export function createLineReader(onLine: (line: string, cut: boolean) => void, maxChars: number): LineReader {
  const decoder = new StringDecoder('utf8');
  let line = '';
  /** The line is handed over already. */
  let isCut = false;
  let isBeginning = true;

  function add(piece: string): void {
    if (isCut) return;
    line += piece;
    if (line.length <= maxChars) return;
    isCut = true;
    onLine(line.slice(0, maxChars), true);
    line = '';
  }

  function finish(): void {
    if (!isCut) onLine(line, false);
    line = '';
    isCut = false;
  }

  function take(text: string): void {
    if (text === '') return;
    // Some programs begin each stream with a mark of its encoding (BOM).
    let from = isBeginning && text.startsWith('\uFEFF') ? 1 : 0;
    isBeginning = false;
    for (let at = text.indexOf('\n', from); at !== -1; at = text.indexOf('\n', from)) {
      add(text.slice(from, at));
      finish();
      from = at + 1;
    }
    add(text.slice(from));
  }

  return {
    write: (bytes) => take(decoder.write(Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength))),
    unended: () => line,
    end() {
      take(decoder.end());
      if (line !== '') finish();
    },
  };
}
