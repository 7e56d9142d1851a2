/** What keeps a bundle quick to start: nothing in it is loaded before it is needed, or at all when it never is. */

/** Modules that packages load at once for what is not used here, and what their importers get instead. */
const UNUSED = [
  // undici: HTTP/2, bodies that are FormData, node:http for a limit and an `instanceof`.
  { path: /\/client-h2\.js$/, importer: /\/undici\/lib\/dispatcher\/client\.js$/, contents: '' },
  { path: /\/fetch\/body\.js$/, importer: /\/undici\/lib\/dispatcher\/client-h1\.js$/, contents: '' },
  {
    path: /^node:http$/,
    importer: /\/undici\/lib\/(core\/util|dispatcher\/client)\.js$/,
    contents: 'exports.maxHeaderSize = 16384; exports.IncomingMessage = class {};',
  },
  // chalk: which colours a terminal takes; whoever makes one says it.
  {
    path: /^#supports-color$/,
    importer: /\/chalk\/source\/index\.js$/,
    contents: 'export default { stdout: false, stderr: false };',
  },
  // debug: the same, of whichever version somebody has installed beside this program.
  { path: /^supports-color$/, importer: /\/debug\/src\/node\.js$/, contents: '' },
  // commander: subcommands that are programs of their own.
  { path: /^node:child_process$/, importer: /\/commander\/lib\/command\.js$/, contents: '' },
];

/** An esbuild plugin that leaves {@link UNUSED} out. */
export function withoutUnused() {
  return {
    name: 'without-unused',
    setup({ onResolve, onLoad }) {
      onResolve({ filter: /./ }, ({ path, importer }) => {
        const from = importer.replaceAll('\\', '/');
        const index = UNUSED.findIndex((one) => one.path.test(path) && one.importer.test(from));
        return index < 0 ? null : { path: String(index), namespace: 'unused' };
      });
      onLoad({ filter: /./, namespace: 'unused' }, ({ path }) => ({ contents: UNUSED[path].contents }));
    },
  };
}

/**
 * An ES import of a module of Node reads every export of it, so that node:fs, for one, loads its streams.
 * Taken from the object that `require` gives, only what is named is read.
 */
export function withoutFacades(code) {
  return code
    .replace(/\bimport\s*\{([^}]*)\}\s*from\s*"(node:[^"]+)";/g, (_, names, module) => {
      return `const{${names.replaceAll(/\s+as\s+/g, ':')}}=globalThis.process.getBuiltinModule("${module}");`;
    })
    .replace(
      /\bimport\s+(\w+)\s+from\s*"(node:[^"]+)";/g,
      'const $1=globalThis.process.getBuiltinModule("$2");',
    );
}
