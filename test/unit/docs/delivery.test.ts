import { existsSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { codeOf, ROOT, readPage } from '../../helpers/pages.ts';

const promises = readPage('docs/delivery.md')
  .split('\n')
  .filter((line) => line.startsWith('- '));

test('there are promises', () => {
  expect(promises.length).toBeGreaterThan(25);
});

test.each(promises)('%s', (promise) => {
  const tests = codeOf(promise).filter((code) => code.startsWith('test/'));
  expect(tests).not.toEqual([]);
  for (const path of tests) expect(existsSync(join(ROOT, path)), path).toBe(true);
});
