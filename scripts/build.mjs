/**
 * Builds dist/: the program, the library and what runs in threads of its own. What a command imports lazily is a file
 * of its own, read only when it runs. Packages stay outside, plain dependencies.
 *
 * `node scripts/build.mjs [out-dir] [entry...]`
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, parse, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { buildPage } from './build-page.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const [outdir = 'dist', ...entries] = process.argv.slice(2);
const workers = readdirSync(join(root, 'src/media'), { recursive: true }).filter((file) =>
  file.endsWith('-worker.js'),
);
const inputs =
  entries.length > 0
    ? entries
    : ['src/main.ts', 'src/index.ts', ...workers.map((file) => join('src/media', file))];
const main = join(root, 'src/main.ts');
const run = join(root, 'src/cli/run/run.ts');
const web = join(root, 'src/cli/web/open-web.ts');

rmSync(resolve(root, outdir), { recursive: true, force: true });
await build({
  cwd: root,
  input: Object.fromEntries(inputs.map((file) => [parse(file).name, file])),
  external: /^[^./]/,
  platform: 'node',
  transform: { target: 'node20', define: { __VERSION__: JSON.stringify(version), __PAGES__: '"./"' } },
  output: {
    dir: outdir,
    entryFileNames: '[name].js',
    sourcemap: true,
    codeSplitting: { groups: [group('start', main, 3), group('run', run, 2), group('web', web, 1)] },
  },
  logLevel: 'warn',
  checks: { ineffectiveDynamicImport: false },
});

if (entries.length === 0) {
  await buildPage(join(root, 'src/simulator/page'), resolve(root, outdir, 'phone'));
  await buildPage(join(root, 'src/web/page'), resolve(root, outdir, 'web-page'));
}

/**
 * What every start needs is one chunk, what `run` needs beside it another, and what the web server needs a third. Split
 * by who shares what, they would be 70, and Node takes half a millisecond to find and open each.
 */
function group(name, entry, priority) {
  const isImported = (module, context) => module !== main && importsOf(entry, context).has(module);
  return {
    debugName: name,
    name: (module, context) => (isImported(module, context) ? name : null),
    priority,
  };
}

/** The modules of ours that are loaded with this one. */
function importsOf(module, context, seen = new Set()) {
  if (!module.startsWith(root) || seen.has(module)) return seen;
  seen.add(module);
  for (const imported of context.getModuleInfo(module)?.importedIds ?? []) importsOf(imported, context, seen);
  return seen;
}
