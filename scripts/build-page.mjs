/** Builds a page of a browser: one script with its packages, one stylesheet, its icon, and the document that names them. */
import { createHash } from 'node:crypto';
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { dirname, extname, join } from 'node:path';
import { gzipSync } from 'node:zlib';
import { build } from 'rolldown';

/** A page that comes over a slow line has at most so many bytes, compressed. */
const MOST_BYTES = 150_000;

/** Throws when the page is too large. From a folder with `page.tsx`, `page.css`, `icon.svg` and `index.html`, in which `{script}` and so on stand for names. */
export async function buildPage(source, outdir) {
  mkdirSync(outdir, { recursive: true });
  const { output } = await build({
    input: join(source, 'page.tsx'),
    platform: 'browser',
    transform: { target: 'es2022', jsx: { runtime: 'automatic', importSource: 'preact' } },
    output: { format: 'es', minify: true, codeSplitting: false },
    write: false,
    logLevel: 'warn',
  });
  let bytes = 0;
  const place = (name, content) => {
    bytes += gzipSync(content).length;
    const hash = createHash('sha256').update(content).digest('hex').slice(0, 10);
    const placed = `${name.slice(0, -extname(name).length)}-${hash}${extname(name)}`;
    writeFileSync(join(outdir, placed), content);
    return `/page/${placed}`;
  };
  const names = {
    script: place('page.js', output[0].code),
    style: place('page.css', stylesheet(join(source, 'page.css'))),
    icon: place('icon.svg', readFileSync(join(source, 'icon.svg'))),
  };
  const document = readFileSync(join(source, 'index.html'), 'utf8');
  const filled = document.replace(/\{(script|style|icon)\}/g, (_, name) => names[name]);
  writeFileSync(join(outdir, 'index.html'), filled);
  bytes += gzipSync(filled).length;
  if (bytes > MOST_BYTES) throw new Error(`${source}: ${bytes} bytes compressed, more than ${MOST_BYTES}`);
}

/** A stylesheet with those that it imports. */
function stylesheet(path) {
  const text = readFileSync(path, 'utf8');
  return text.replace(/^@import "([^"]+)";$/gm, (_, file) => stylesheet(join(dirname(path), file)));
}
