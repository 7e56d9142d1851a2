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

test('it fits on a few screens', () => {
  expect(page.trimEnd().split('\n').length).toBeLessThanOrEqual(120);
});

const records = readdirSync(join(ROOT, 'docs/decisions')).filter((name) => name !== 'README.md');

test('every decision is listed by its title', () => {
  const listed = [...readPage('docs/decisions/README.md').matchAll(/^- \[(\d{4})\]\((\S+)\) (.*)$/gm)].map(
    ([, ...cells]) => cells,
  );
  const titled = records.map((name) => [
    name.slice(0, 4),
    name,
    readPage(`docs/decisions/${name}`).split('\n')[0]?.replace('# ', ''),
  ]);
  expect(listed).toEqual(titled.sort());
});

test.each(records)('%s is short, and says why, what and at what cost', (name) => {
  const text = readPage(`docs/decisions/${name}`).trimEnd();
  expect(text.split('\n').length).toBeLessThanOrEqual(25);
  expect(text.match(/^\*\*(Context|Decision|Cost)\.\*\*/gm)).toEqual([
    '**Context.**',
    '**Decision.**',
    '**Cost.**',
  ]);
});

test('files are named', () => {
  expect(files.length).toBeGreaterThan(30);
});
