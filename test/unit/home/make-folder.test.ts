import { existsSync, mkdtempSync, rmSync, statSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, expect, test } from 'vitest';
import { makeFolder } from '../../../src/home/make-folder.ts';

const root = mkdtempSync(join(tmpdir(), 'wxagent-folder-'));
afterAll(() => rmSync(root, { recursive: true }));

test('a folder and those above it are made, of their owner alone; one that is there stays', () => {
  const path = join(root, 'a', 'b', 'c');
  makeFolder(path);
  makeFolder(path);
  expect(statSync(path).mode & 0o77).toBe(0);
});

test('below a file, or a link to nothing, there is none', () => {
  writeFileSync(join(root, 'file'), '');
  symlinkSync(join(root, 'gone'), join(root, 'link'));
  for (const name of ['file', 'file/x', 'link', 'link/x'])
    expect(() => makeFolder(join(root, name))).toThrow(/ENOTDIR|EEXIST/);
});

test.runIf(existsSync('/proc/self'))('where nothing can be made it says so at once', () => {
  for (const path of ['/proc/wx', '/proc/wx/a/b']) expect(() => makeFolder(path)).toThrow('ENOENT');
});
