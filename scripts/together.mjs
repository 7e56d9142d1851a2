/**
 * What keeps the files of a bundle few, because each takes its time at every start. esbuild lays modules together
 * that the same entries reach, and what is imported lazily is an entry: each divides what the others share.
 */
import { dirname, join } from 'node:path';
import { fileURLToPath, pathToFileURL } from 'node:url';

const source = (file) => join(fileURLToPath(new URL('../src', import.meta.url)), file);

/** What every entry has: settings, words and what goes with them, and small modules that most share. */
const BASE = [
  'agents/child/resolve-command.ts',
  'cli/agent/child.ts',
  'cli/command/context.ts',
  'cli/terminal/table.ts',
  'core/time/clock.ts',
  'core/message/media-key.ts',
  'core/http/this-machine.ts',
  'core/v8-flags.ts',
  'core/version.ts',
  'ilink/wire/json.ts',
  'ilink/wire/wire.ts',
];
/** What runs, sends and receives: nearly every entry reaches most of it. */
const ALL = [...BASE, 'cli/run/run.ts', 'cli/send/send.ts', 'cli/login/login.ts'];
/** What agents share, most of it for those that are programs: little enough for those that are not. */
const AGENT = [...ALL, 'cli/agent/command.ts', 'agents/child/resident.ts'];

const AGENTS = /[\\/]src[\\/](agents|cli[\\/]agent)[\\/]/;
/** Entries that do without most of {@link ALL}. */
const SMALL = /[\\/]src[\\/](main|index|cli[\\/](admin[\\/]agents|simulate[\\/]\w+))\.ts$/;
/** What is started or imported from outside; the build may also be asked for one module alone. */
const OUTER = /\bsrc[\\/](main|index)\.ts$/;

/**
 * An esbuild plugin: what is imported lazily imports as well what is loaded by then anyway, or nearly. At run
 * time that is nothing to do; to esbuild it says that these entries share all of it, so that it lies together.
 */
export function together() {
  return {
    name: 'together',
    setup({ onResolve, onLoad, resolve }) {
      onResolve({ filter: /./ }, async ({ path, importer, kind, resolveDir }) => {
        const isEntry = kind === 'entry-point' && OUTER.test(path);
        if (!isEntry && kind !== 'dynamic-import') return null;
        const found = await resolve(path, { importer, resolveDir, kind: 'import-statement' });
        return found.external || found.errors.length > 0
          ? found
          : { path: found.path, namespace: 'together' };
      });
      onLoad({ filter: /./, namespace: 'together' }, async ({ path }) => {
        const loaded = SMALL.test(path) ? BASE : AGENTS.test(path) ? AGENT : ALL;
        const imports = loaded.map((file) => `import ${JSON.stringify(source(file))};`);
        return { contents: [...imports, await exportsOf(path)].join('\n'), resolveDir: dirname(path) };
      });
    },
  };
}

/** Exports what a module exports; of one that is CommonJS all that `import()` has in Node. */
async function exportsOf(path) {
  const from = JSON.stringify(path);
  const names = path.endsWith('.ts') ? [] : Object.keys(await import(pathToFileURL(path)));
  if (!names.includes('default')) return `export * from ${from};`;
  const own = names.filter((name) => /^\w+$/.test(name) && name !== 'default');
  return `import whole from ${from}; export default whole; export const { ${own} } = whole;`;
}
