import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { blocksOf, ROOT, readPage } from '../../helpers/pages.ts';

const page = readPage('docs/library.md');
const blocks = blocksOf(page).filter(({ language }) => language === 'js');

it('shows the example that is run', () => {
  const [, path] = /<!-- example: (\S+) -->/.exec(page) ?? [];
  const source = readFileSync(join(ROOT, path as string), 'utf8').replace(/^\/\/.*\n/gm, '');
  expect(blocks[0]?.text.trim()).toBe(source.trim());
});

it('shows a simulator that works', async () => {
  const { startSimulator } = await import('../../../src/index.ts');
  const printed: unknown[] = [];
  const code = (blocks[1]?.text ?? '').replace(/^import .*$/m, '').replace('console.log', 'print');
  const AsyncFunction = (async () => {}).constructor as FunctionConstructor;
  await new AsyncFunction('startSimulator', 'print', code)(startSimulator, (value: unknown) =>
    printed.push(value),
  );
  expect(printed).toMatchObject([[{ from: 'user', text: 'hello' }]]);
});
