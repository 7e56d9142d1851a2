import { expect, test } from 'vitest';
import { mostAccounts, openFilesFor, openFilesLimit, tooFewOpenFiles } from '../../../src/home/open-files.ts';

test('an account needs one open file, for its poll; so a limit of 1,024 serves nine hundred', () => {
  expect(openFilesFor(1_000) - openFilesFor(900)).toBe(100);
  expect(tooFewOpenFiles(900, 1_024)).toBeNull();
  expect(tooFewOpenFiles(1_000, 1_024)).toMatchObject({
    kind: 'config',
    message: '1000 accounts need 1064 open files, and this process may have 1024',
    hint: 'ulimit -n 4096, or LimitNOFILE= of systemd',
  });
  // A worker takes as many as that, and no more.
  expect([mostAccounts(1_024), mostAccounts(10), mostAccounts(null)]).toEqual([960, 0, null]);
  // A machine that has none, or does not tell.
  expect(tooFewOpenFiles(100_000, null)).toBeNull();
});

test.skipIf(process.platform === 'win32')('the limit of this process is known', () => {
  expect(openFilesLimit()).toBeGreaterThan(100);
});
