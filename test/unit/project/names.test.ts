import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, it } from 'vitest';

const src = fileURLToPath(new URL('../../../src', import.meta.url));
const paths = readdirSync(src, { recursive: true, encoding: 'utf8' });

it('src is read', () => {
  expect(paths.length).toBeGreaterThan(50);
});

it('no file or folder of src has a name that says nothing', () => {
  const vague = /(^|[/\\.-])(utils?|helpers?|managers?|services?|common|misc|shared)([/\\.-]|$)/i;
  expect(paths.filter((path) => vague.test(path))).toEqual([]);
});

it('files and folders of src are named in kebab-case', () => {
  const kebab = /^([a-z0-9]+(-[a-z0-9]+)*[/\\])*[a-z0-9]+(-[a-z0-9]+)*(\.d)?(\.[a-z]+)?$/;
  expect(paths.filter((path) => !kebab.test(path))).toEqual([]);
});

it('only main ends the process', () => {
  const ending = paths.filter(
    (path) =>
      path.endsWith('.ts') && /\bprocess\s*\.\s*exit\s*\(/.test(readFileSync(join(src, path), 'utf8')),
  );
  expect(ending.filter((path) => path !== 'main.ts')).toEqual([]);
});
