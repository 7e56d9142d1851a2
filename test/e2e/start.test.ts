import { execFileSync } from 'node:child_process';
import {
  chmodSync,
  chownSync,
  copyFileSync,
  cpSync,
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  statSync,
  writeFileSync,
} from 'node:fs';
import { basename, join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { loggedIn, simulate } from '../helpers/simulated.ts';
import { BIN, makeFolder, startWxagent, wxagent } from '../helpers/wxagent.ts';

/** A start with a cache folder of its own, and what lies in it. */
function starts(home = makeFolder()) {
  const cache = join(home, 'cache');
  const code = join(cache, 'wxagent', 'code');
  const env = { XDG_CACHE_HOME: cache };
  return {
    home,
    code,
    env,
    version: () => wxagent(['--version'], { home, env }),
    /** Files by path, each with what changes when it is written anew. */
    kept(): Record<string, string> {
      const paths = existsSync(code) ? (readdirSync(code, { recursive: true }) as string[]) : [];
      const files = paths.map((path) => [path, statSync(join(code, path))] as const);
      return Object.fromEntries(
        files
          .filter(([, stat]) => stat.isFile())
          .map(([path, { ino, mtimeMs }]) => [path, `${ino} ${mtimeMs}`]),
      );
    },
  };
}

const VERSION = { code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '' };

describe.runIf(process.platform === 'linux')('the code that V8 has compiled', () => {
  test('is kept by the first start, readable by nobody else, and used by the next', async () => {
    const { code, version, kept } = starts();
    expect(await version()).toMatchObject(VERSION);
    const first = kept();
    expect(Object.keys(first).map((path) => basename(path))).toEqual(
      expect.arrayContaining(['main.cjs', expect.stringMatching(/^chunk-\w+\.cjs$/)]),
    );
    for (const path of Object.keys(first)) expect(statSync(join(code, path)).mode & 0o777).toBe(0o600);
    expect(statSync(code).mode & 0o777).toBe(0o700);
    expect(await version()).toMatchObject(VERSION);
    expect(kept()).toEqual(first);
  });

  test('is kept by a runner that is told to stop, and used by the next', async () => {
    const simulator = await simulate();
    const { home } = loggedIn(simulator);
    const { env, kept } = starts(home);
    const run = async () => {
      const runner = startWxagent(['run', '--echo'], { home, env });
      await runner.says('stderr', 'ready');
      expect(await runner.stop()).toMatchObject({ code: 0 });
    };
    await run();
    const first = kept();
    expect(Object.keys(first).length).toBeGreaterThanOrEqual(4);
    await run();
    expect(kept()).toEqual(first);
  });

  test('is kept by a command that sets flags of V8, and used by the next', async () => {
    const simulator = await simulate();
    const { home, id, user } = loggedIn(simulator);
    const { env, kept } = starts(home);
    const file = join(home, 'a.txt');
    writeFileSync(file, 'hello');
    const send = async () => {
      simulator.control.message({ bot: id, user, text: 'hi' });
      expect(await wxagent(['send', '--file', file], { home, env })).toMatchObject({ code: 0 });
    };
    await send();
    const first = kept();
    expect(Object.keys(first).length).toBeGreaterThanOrEqual(4);
    await send();
    expect(kept()).toEqual(first);
  });

  test.each<[string, (whole: Buffer) => Buffer]>([
    ['cut', (whole) => whole.subarray(0, whole.length / 2)],
    ['empty', () => Buffer.alloc(0)],
    ['of something else', () => Buffer.from('something else')],
    ['broken in its middle', (whole) => whole.fill(0, whole.length / 2, whole.length / 2 + 512)],
    ['broken at its end', (whole) => whole.fill(255, whole.length - 16)],
  ])('is compiled again where a file is %s', async (_, spoil) => {
    const { code, version, kept } = starts();
    await version();
    const first = kept();
    for (const path of Object.keys(first)) {
      const file = join(code, path);
      writeFileSync(file, spoil(readFileSync(file)));
    }
    expect(await version()).toMatchObject(VERSION);
    const second = kept();
    expect(Object.keys(second)).toEqual(Object.keys(first));
    for (const path of Object.keys(second)) expect(second[path]).not.toBe(first[path]);
    expect(await version()).toMatchObject(VERSION);
    expect(kept()).toEqual(second);
  });

  test('is compiled again where the program was changed by hand, and is as long as before', async () => {
    const { home, env } = starts();
    for (const part of ['bin', 'dist', 'package.json'])
      cpSync(part, join(home, 'copy', part), { recursive: true });
    const version = () =>
      execFileSync(process.execPath, ['copy/bin/wxagent.js', '--version'], {
        cwd: home,
        env: { ...process.env, ...env },
        encoding: 'utf8',
      });
    const before = version().trim();
    const changed = before.replaceAll(/\d/g, '7');
    for (const name of readdirSync(join(home, 'copy/dist')).filter((file) => file.endsWith('.cjs'))) {
      const file = join(home, 'copy/dist', name);
      writeFileSync(file, readFileSync(file, 'utf8').replaceAll(`"${before}"`, `"${changed}"`));
    }
    expect(version()).toBe(`${changed}\n`);
    expect(version()).toBe(`${changed}\n`);
  });

  test('by another build of the same Node is left alone', async () => {
    const { home, env, version, kept } = starts();
    await version();
    const first = kept();
    const another = join(home, 'node');
    copyFileSync(process.execPath, another);
    chmodSync(another, 0o755);
    execFileSync(another, ['bin/wxagent.js', '--version'], { env: { ...process.env, ...env } });
    expect(kept()).toMatchObject(first);
    expect(Object.keys(kept())).toHaveLength(2 * Object.keys(first).length);
  });

  test('can import packages that are ES modules', async () => {
    const { home, env, kept } = starts();
    const set = () => wxagent(['config', 'set', 'lang', 'en'], { home, env });
    expect(await set()).toMatchObject({ code: 0, stderr: '' });
    const first = kept();
    expect(await set()).toMatchObject({ code: 0, stderr: '' });
    expect(kept()).toEqual(first);
  });

  test('of another build is removed', async () => {
    const { code, version, kept } = starts();
    mkdirSync(join(code, 'another', 'v20.18.1-x64', 'run'), { recursive: true, mode: 0o700 });
    writeFileSync(join(code, 'another', 'v20.18.1-x64', 'run', 'main.cjs'), 'old');
    await version();
    expect(readdirSync(code)).not.toContain('another');
    expect(Object.keys(kept()).length).toBeGreaterThan(0);
  });

  test('is kept whole by several starts at once', async () => {
    const { version, kept } = starts();
    const all = await Promise.all([version(), version(), version(), version()]);
    for (const one of all) expect(one).toMatchObject(VERSION);
    const first = kept();
    expect(Object.keys(first).filter((path) => !path.endsWith('.cjs'))).toEqual([]);
    expect(await version()).toMatchObject(VERSION);
    expect(kept()).toEqual(first);
  });

  test('is not kept by a command that fails', async () => {
    const { home, env, kept } = starts();
    expect(await wxagent(['no-such-command'], { home, env })).toMatchObject({ code: 64 });
    expect(await wxagent(['send', 'x'], { home, env })).toMatchObject({ code: 77 });
    expect(kept()).toEqual({});
  });

  test('is not kept where there is no folder for it', async () => {
    const { home, env } = starts();
    writeFileSync(env.XDG_CACHE_HOME, 'a file');
    expect(await wxagent(['--version'], { home, env })).toMatchObject(VERSION);
    expect(readFileSync(env.XDG_CACHE_HOME, 'utf8')).toBe('a file');
  });

  test('leaves nothing half done where it cannot be kept', async () => {
    const { code, version, kept } = starts();
    await version();
    const [main = ''] = Object.keys(kept()).filter((path) => basename(path) === 'main.cjs');
    rmSync(join(code, main));
    mkdirSync(join(code, main));
    const before = Object.keys(kept());
    expect(await version()).toMatchObject(VERSION);
    expect(Object.keys(kept())).toEqual(before);
  });

  test('is neither kept nor used where others may write', async () => {
    const { code, version, kept } = starts();
    await version();
    const first = kept();
    for (const path of Object.keys(first)) writeFileSync(join(code, path), 'from somebody');
    const spoilt = kept();
    chmodSync(code, 0o777);
    expect(await version()).toMatchObject(VERSION);
    expect(kept()).toEqual(spoilt);
  });

  test.runIf(process.getuid?.() === 0)('is not kept in the folders of another user', async () => {
    const { home, version, kept } = starts();
    chownSync(home, 12_345, 12_345);
    expect(await version()).toMatchObject(VERSION);
    expect(kept()).toEqual({});
    expect(existsSync(join(home, 'cache'))).toBe(false);
  });
});

test('--verbose names the functions of a failure, from kept code as well', async () => {
  const { home, env } = starts();
  await wxagent(['status'], { home, env });
  const { stderr } = await wxagent(['status', 'too', 'many', '--verbose'], { home, env });
  expect(stderr).toMatch(/\n {4}at (async )?[\w.]*\w+ \(.*[\\/]dist[\\/][\w-]+\.cjs:\d+:\d+\)\n/);
});

test.each([
  ['18.20.8', 78],
  ['20.18.0', 78],
  ['20.18.1', 0],
  ['21.7.3', 78],
  ['22.2.0', 78],
  ['22.3.0', 0],
  ['24.0.0', 0],
])('Node %s is told to be too old, or not: %i', async (node, code) => {
  const { home, env } = starts();
  const pretence = join(home, 'node.cjs');
  writeFileSync(
    pretence,
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${node}' } });`,
  );
  const through = [process.execPath, '--require', pretence, BIN] as const;
  const end = await wxagent(['--version'], { home, env, through });
  if (code === 0) expect(end).toMatchObject(VERSION);
  else
    expect(end).toMatchObject({
      code,
      stdout: '',
      stderr: expect.stringContaining(`needed, this is ${node}`),
    });
});
