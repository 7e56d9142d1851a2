/**
 * Builds dist/: the program and the library in shared chunks, so that what a command imports lazily is read only
 * when it runs (lean.mjs), and then from few files (together.mjs), as CommonJS (commonjs.mjs). Packages in
 * `dependencies` stay outside; every other one that src imports is inlined, because loading it from node_modules
 * would cost more than the rest of the start.
 *
 * `node scripts/build.mjs [out-dir] [entry...]`
 */
import { createHash } from 'node:crypto';
import { mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { basename, join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';
import { facadeOf, IMPORT, toCommonJs } from './commonjs.mjs';
import { withoutFacades, withoutUnused } from './lean.mjs';
import { together } from './together.mjs';

const root = fileURLToPath(new URL('..', import.meta.url));
const { dependencies, version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const [outDir = 'dist', ...entries] = process.argv.slice(2);
const outdir = resolve(root, outDir);

const LINE_CHARS = 160;

rmSync(outdir, { recursive: true, force: true });
const { metafile, outputFiles } = await build({
  absWorkingDir: root,
  entryPoints:
    entries.length > 0
      ? entries
      : { start: 'src/start.ts', main: 'src/main.ts', index: 'src/index.ts', ...workers() },
  outdir,
  bundle: true,
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  // Names stay as they are: stack traces show them, and restoring the name of every function (`keepNames`)
  // takes longer at each start than reading the longer code.
  minifyWhitespace: true,
  // A trace shows the line of an error: no host of the library is to get a whole chunk of it.
  lineLimit: LINE_CHARS,
  minifySyntax: true,
  legalComments: 'none',
  external: Object.keys(dependencies).flatMap((name) => [name, `${name}/*`]),
  define: { __VERSION__: JSON.stringify(version) },
  plugins: [withoutUnused(), together()],
  metafile: true,
  write: false,
  logLevel: 'warning',
});
mkdirSync(outdir, { recursive: true });
const hash = createHash('sha256');
for (const { text } of outputFiles) hash.update(text);
const id = JSON.stringify(hash.digest('hex').slice(0, 16));
/** What others import, as the ES module that they expect. */
const imported = entries.length > 0 ? entries.map((entry) => basename(entry, '.ts')) : ['index'];
writeFileSync(join(outdir, IMPORT[0]), IMPORT[1]);
for (const { path, text } of outputFiles) {
  const name = basename(path, '.js');
  const code = withoutFacades(text.replaceAll('__BUILD__', id));
  if (name.endsWith('-worker')) writeFileSync(path, code);
  else writeFileSync(join(outdir, `${name}.cjs`), toCommonJs(code, `${name}.cjs`));
  if (imported.includes(name)) writeFileSync(path, facadeOf(code, name));
}
writeFileSync(join(outdir, 'licenses.txt'), licencesOf(metafile));

/** What runs in a thread of its own: a file each beside the chunks, where the code that starts it looks for it. */
function workers() {
  const files = readdirSync(join(root, 'src/media'), { recursive: true });
  const scripts = files.filter((file) => file.endsWith('-worker.js'));
  return Object.fromEntries(scripts.map((file) => [basename(file, '.js'), join('src/media', file)]));
}

/** The licence of every package whose code is in the bundle. */
function licencesOf({ inputs }) {
  const folders = new Set(
    Object.keys(inputs).flatMap((file) => /^node_modules\/(?:@[^/]+\/)?[^/]+/.exec(file) ?? []),
  );
  const sections = [...folders].sort().map((folder) => {
    const {
      name,
      version: packaged,
      license,
    } = JSON.parse(readFileSync(join(root, folder, 'package.json'), 'utf8'));
    const file = readdirSync(join(root, folder)).find((entry) => /^licen[cs]e/i.test(entry));
    if (!file) throw new Error(`no licence text in ${folder}`);
    return `${name} ${packaged} (${license})\n\n${readFileSync(join(root, folder, file), 'utf8').trim()}\n`;
  });
  return `Code of these packages is part of this program.\n\n${sections.join(`\n${'-'.repeat(80)}\n\n`)}`;
}
