import { readdirSync, readFileSync } from 'node:fs';
import { isBuiltin } from 'node:module';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { describe, expect, it } from 'vitest';

const dist = fileURLToPath(new URL('../../../dist/', import.meta.url));
const read = (file: string) => readFileSync(join(dist, file), 'utf8');

/** Every file takes its time at every start, so a module that moves must not divide what lies together. */
describe('the bundle', () => {
  const main = loadedWith('main.cjs');
  const actions = lazyImportsOf('main.cjs').find((file) => file.startsWith('run-')) as string;
  const run = new Set([...main, ...loadedWith(actions)]);

  it('is two files for a command that needs nothing', () => {
    expect([...main]).toHaveLength(2);
  });

  it('is four files for run, send and all that works with the store', () => {
    expect([...run]).toHaveLength(4);
  });

  it.each(['command.ts', 'coprocess.ts'])('adds at most five files for the agent of %s', (source) => {
    const name = source.replace('.ts', '-');
    const agent = [...run].flatMap(lazyImportsOf).find((file) => file.startsWith(name)) as string;
    const added = [...loadedWith(agent)].filter((file) => !run.has(file));
    expect(added.length).toBeGreaterThan(0);
    expect(added.length).toBeLessThanOrEqual(5);
  });

  it('keeps the packages of single agents and files out of that', () => {
    const code = [...run].map(read).join('');
    expect(code).toContain('getupdates');
    for (const word of ['chat/completions', 'session/prompt', 'application/x-7z-compressed']) {
      expect(code.includes(word), word).toBe(false);
      expect(readdirSync(dist).some((file) => file.endsWith('.cjs') && read(file).includes(word), word)).toBe(
        true,
      );
    }
  });

  it('has no chunks that import each other', () => {
    const chunks = readdirSync(dist).filter((file) => file.endsWith('.cjs'));
    const circular = chunks.filter((file) =>
      [...loadedWith(file)].some((other) => other !== file && loadedWith(other).has(file)),
    );
    expect(chunks.length).toBeGreaterThan(20);
    expect(circular).toEqual([]);
  });

  it('requires only what the program depends on', () => {
    const { dependencies } = JSON.parse(readFileSync(join(dist, '../package.json'), 'utf8'));
    const code = readdirSync(dist).flatMap((file) => (file.endsWith('.cjs') ? [read(file)] : []));
    const required = code.flatMap((text) =>
      [...text.matchAll(/\b(?:__)?require\("(?![.])([^"]+)"\)/g)].map(([, id]) => id as string),
    );
    const others = required.filter(
      (id) => !id.startsWith('node:') && !isBuiltin(id) && !((id.split('/')[0] as string) in dependencies),
    );
    expect(others).toEqual([]);
  });

  it('has every module once', () => {
    const withErrors = readdirSync(dist).filter(
      (file) => /\.c?js$/.test(file) && /WxError=class|class WxError/.test(read(file)),
    );
    expect(withErrors).toHaveLength(1);
  });
});

/** A file of the bundle and all that is loaded with it. */
function loadedWith(entry: string): Set<string> {
  const files = new Set([entry]);
  // A set hands out what is added while it is walked.
  for (const file of files) {
    for (const [, imported] of read(file).matchAll(/(?<!=>)\brequire\("\.\/([\w.-]+\.cjs)"\)(?!\()/g))
      files.add(imported as string);
  }
  return files;
}

function lazyImportsOf(file: string): string[] {
  return [...read(file).matchAll(/=>require\("\.\/([\w.-]+\.cjs)"\)/g)].map(
    ([, imported]) => imported as string,
  );
}
