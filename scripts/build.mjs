/**
 * Builds dist/: the program, the library and what runs in threads of its own, in chunks, so that what a command
 * imports lazily is read only when it runs. Packages stay outside, plain dependencies.
 *
 * `node scripts/build.mjs [out-dir] [entry...]`
 */
import { readdirSync, readFileSync, rmSync } from 'node:fs';
import { join, resolve } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'esbuild';

const root = fileURLToPath(new URL('..', import.meta.url));
const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8'));
const [outdir = 'dist', ...entries] = process.argv.slice(2);
const workers = readdirSync(join(root, 'src/media'), { recursive: true }).filter((file) =>
  file.endsWith('-worker.js'),
);

rmSync(resolve(root, outdir), { recursive: true, force: true });
await build({
  absWorkingDir: root,
  entryPoints:
    entries.length > 0
      ? entries
      : ['src/main.ts', 'src/index.ts', ...workers.map((file) => join('src/media', file))],
  entryNames: '[name]',
  outdir,
  bundle: true,
  packages: 'external',
  splitting: true,
  format: 'esm',
  platform: 'node',
  target: 'node20',
  sourcemap: true,
  sourcesContent: false,
  define: { __VERSION__: JSON.stringify(version) },
  logLevel: 'warning',
});
