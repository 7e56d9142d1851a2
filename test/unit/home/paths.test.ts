import { dirname, join, resolve } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { createPaths, fileName, platformFolders } from '../../../src/home/paths.ts';

describe('a name as a file name', () => {
  test.each([
    ['c41f09aa77be@im.bot', 'c41f09aa77be@im.bot'],
    ['o9cq80z_-X@im.wechat', 'o9cq80z_-X@im.wechat'],
    ['..', '%2E%2E'],
    ['.', '%2E'],
    ['', '%'],
    ['\0', '%00'],
    ['.hidden', '%2Ehidden'],
    ['ends.', 'ends%2E'],
    ['a/b\\c', 'a%2Fb%5Cc'],
    ['../../etc/passwd', '%2E.%2F..%2Fetc%2Fpasswd'],
    ['a b:c*d?"<>|', 'a%20b%3Ac%2Ad%3F%22%3C%3E%7C'],
    ["~!'()%", '%7E%21%27%28%29%25'],
    ['a\0b\n', 'a%00b%0A'],
    ['用户', '%E7%94%A8%E6%88%B7'],
    ['\ud800', '%EF%BF%BD'],
    ['CON', '%43ON'],
    ['nul.txt', '%6Eul.txt'],
    ['com1', '%63om1'],
    ['LPT9.x.y', '%4CPT9.x.y'],
    ['console', 'console'],
    ['com', 'com'],
  ])('%j is %s', (name, expected) => {
    expect(fileName(name)).toBe(expected);
  });

  test('is a single, plain component whatever the name', () => {
    fc.assert(
      fc.property(fc.string({ unit: 'binary', minLength: 1 }), (name) => {
        const file = fileName(name);
        expect(file).toMatch(/^[A-Za-z0-9._@%~-]{1,255}$/);
        expect(file).not.toMatch(/^\.|\.$/);
        expect(dirname(resolve('/folder', file))).toBe(resolve('/folder'));
      }),
    );
  });

  test('is as it always was where it fits, and a beginning and a hash where it does not', () => {
    const longest = 'x'.repeat(255);
    expect(fileName(longest)).toBe(longest);
    expect(fileName('x'.repeat(239), 16)).toBe('x'.repeat(239));
    expect(fileName(`${longest}x`)).toMatch(/^x{120}~[0-9a-f]{64}$/);
    expect(fileName(`${longest}x`)).not.toBe(fileName(`${longest}y`));
    expect(fileName('用'.repeat(200))).toMatch(/^(%[0-9A-F]{2})+~[0-9a-f]{64}$/);
    expect(fileName('x'.repeat(240), 16)).toMatch(/~/);
    // Nobody can call themselves what another is called here.
    expect(fileName(fileName(`${longest}x`))).not.toBe(fileName(`${longest}x`));
  });

  test('two names never share a file', () => {
    const names = fc.oneof(fc.string({ minLength: 0 }), fc.string({ unit: 'binary-ascii', minLength: 250 }));
    fc.assert(
      fc.property(names, names, (one, two) => {
        fc.pre(one !== two);
        expect(fileName(one)).not.toBe(fileName(two));
      }),
    );
  });
});

test('everything of a home lies in it, where docs/files.md says', () => {
  const home = resolve('/home/of/wxagent');
  const paths = createPaths(home);
  const [bot, user] = ['b0f5@im.bot', '../x'];
  expect({
    config: paths.config,
    database: paths.database,
    lock: paths.processLock(1),
    cache: paths.media('cache', bot),
    turn: paths.media('turn', bot),
    out: paths.media('out', bot),
    state: paths.agentState(bot, user),
  }).toEqual({
    config: join(home, 'config.json'),
    database: join(home, 'state', 'wxagent.db'),
    lock: join(home, 'state', 'processes', '1.lock.db'),
    cache: join(home, 'media', 'cache', bot),
    turn: join(home, 'media', 'turn', bot),
    out: join(home, 'media', 'out', bot),
    state: join(home, 'agents', bot, '%2E.%2Fx'),
  });
});

test('no account can have the lock of the config file, or the database, as its own', () => {
  const paths = createPaths(resolve('/h'));
  for (const name of [
    'config',
    'wxagent',
    'wxagent.db',
    'config.lock.db',
    'reserve',
    'processes/1',
    'processes',
  ]) {
    expect([paths.configLock, paths.database, paths.reserve, paths.processLock(1)]).not.toContain(
      paths.pollerLock(name),
    );
  }
});

test('without a home the folders of the platform are used, apart for config, state and cache', async () => {
  const paths = createPaths(await platformFolders());
  expect(paths.config).toContain('wxagent');
  expect(new Set([dirname(paths.config), dirname(paths.database)]).size).toBe(2);
  expect(paths.media('out', 'bot').startsWith(dirname(paths.database))).toBe(true);
});
