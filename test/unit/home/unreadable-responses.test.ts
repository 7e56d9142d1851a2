import { mkdtemp, readdir, readFile, rm, stat } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { basename, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { keepUnread } from '../../../src/home/unreadable-responses.ts';

test('answers are kept byte for byte, the same one again once, and the oldest go', async () => {
  const home = await mkdtemp(join(tmpdir(), 'wxagent-unread-'));
  onTestFinished(() => rm(home, { recursive: true, force: true }));
  const folder = join(home, 'state', 'unread', 'bot');
  const odd = Buffer.from([0xff, 0x00, 0x7b]);
  const path = await keepUnread(folder, odd, Date.UTC(2026, 10, 29));
  expect(await readFile(path)).toEqual(odd);
  expect((await stat(path)).mode & 0o777).toBe(0o600);
  expect(await keepUnread(folder, odd, Date.UTC(2026, 10, 30))).toBe(path);
  let newest = '';
  for (let n = 1; n <= 25; n++) {
    newest = await keepUnread(folder, Buffer.from(String(n)), Date.UTC(2026, 11, 1, 0, 0, n));
  }
  const names = (await readdir(folder)).sort();
  expect(names).toHaveLength(20);
  expect(join(folder, names.at(-1) as string)).toBe(newest);
  expect(String(await readFile(newest))).toBe('25');
  // Together they have 64 MiB at most, the newest among them.
  const large = await keepUnread(folder, Buffer.alloc(64 * 1024 * 1024), Date.UTC(2026, 11, 2));
  expect(await readdir(folder)).toEqual([basename(large)]);
});
