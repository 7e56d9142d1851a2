import {
  chmodSync,
  existsSync,
  mkdirSync,
  mkdtempSync,
  rmSync,
  statSync,
  truncateSync,
  writeFileSync,
} from 'node:fs';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import { sweepSessions } from '../../../../src/runner/received/cache-sweep.ts';

const HOUR_MS = 3_600_000;
const MiB = 1024 * 1024;

let folder: string;
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'wxagent-sessions-'));
});
afterEach(() => rmSync(folder, { recursive: true, force: true }));

const ageOf = (path: string): number => statSync(path).ctimeMs;
/** Files of users in their sessions, each newer than the one before; holes, so that they take no space. */
function filesOf(sizesMiB: readonly number[]): string[] {
  const paths = sizesMiB.map((_, n) => join(folder, `user-${n % 2}`, 'session', `${n}.bin`));
  for (const [n, path] of paths.entries()) {
    mkdirSync(dirname(path), { recursive: true });
    writeFileSync(path, '');
    truncateSync(path, (sizesMiB[n] as number) * MiB);
    const before = n === 0 ? 0 : ageOf(paths[n - 1] as string);
    while (ageOf(path) <= before) chmodSync(path, 0o600);
  }
  return paths;
}
async function leftAfter(paths: string[], hours: number): Promise<string[]> {
  await sweepSessions(folder, Date.now() + hours * HOUR_MS);
  return paths.filter((path) => existsSync(path)).map((path) => path.slice(-5));
}

test('what users send to sessions is bounded together: the oldest goes until 256 MiB are left, their folders stay', async () => {
  const paths = filesOf([200, 100, 100, 56]);
  // It may be on its way to a turn yet.
  expect(await leftAfter(paths, 0.5)).toEqual(['0.bin', '1.bin', '2.bin', '3.bin']);
  expect(await leftAfter(paths, 2)).toEqual(['1.bin', '2.bin', '3.bin']);
  expect(await leftAfter(paths, 8 * 24)).toEqual([]);
  expect(paths.every((path) => existsSync(dirname(path)))).toBe(true);
});

test('one file that is larger than all may have goes, and small ones that came before it', async () => {
  expect(await leftAfter(filesOf([1, 1, 300]), 2)).toEqual([]);
});

test('a folder that is not there, or what is no folder, is nothing to do', async () => {
  await sweepSessions(join(folder, 'none'), Date.now());
  writeFileSync(join(folder, 'file'), '');
  await sweepSessions(join(folder, 'file'), Date.now());
  expect(existsSync(join(folder, 'file'))).toBe(true);
});
