import { existsSync, readdirSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it, test } from 'vitest';
import { codeOf, ROOT, readPage, sectionOf, tableOf } from '../../helpers/pages.ts';

const page = readPage('docs/architecture.md');

function foldersOf(folder: string): string[] {
  return readdirSync(join(ROOT, folder), { withFileTypes: true })
    .filter((entry) => entry.isDirectory())
    .map(({ name }) => `${folder}/${name}`);
}

it.each([
  ['src', '## Layers'],
  ['src/agents', '## Agents'],
])('names every folder of %s', (folder, section) => {
  const named = tableOf(sectionOf(page, section), 'folder').flatMap(([names = '']) => codeOf(names));
  expect(named.filter((name) => !name.endsWith('.ts')).sort()).toEqual(foldersOf(folder).sort());
});

const files = codeOf(page).filter((code) => /^[\w/-]+\/[\w.-]+\.ts$/.test(code));

test.each(files)('%s is there', (path) => {
  expect([path, `src/${path}`].some((at) => existsSync(join(ROOT, at)))).toBe(true);
});

test('files are named', () => {
  expect(files.length).toBeGreaterThan(30);
});
