import { createHash, randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import fc from 'fast-check';
import { encode } from 'silk-wasm';
import { describe, expect, test } from 'vitest';
import type { UserMessage } from '../../src/simulator/phone/writing.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { namesIn, sentItems } from '../helpers/fetching.ts';
import { runHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { type LoggedIn, loggedIn, simulate } from '../helpers/simulated.ts';
import { BIN, jsonLines, makeFolder, startWxagent, wxagent } from '../helpers/wxagent.ts';

/** Another user, who has a bot of their own. */
const OTHER = 'o9other@im.wechat';

/** A home that has received these messages; the ids of those. */
async function received(
  simulator: Simulator,
  messages: UserMessage[],
): Promise<LoggedIn & { ids: string[]; here: string }> {
  const bot = loggedIn(simulator);
  const ids = simulator.control.messages(messages).map(({ messageId }) => messageId as string);
  expect((await runHere(['listen', '--once'], { home: bot.home })).code).toBe(0);
  const here = join(bot.home, 'here');
  mkdirSync(here);
  return { ...bot, ids, here };
}

const md5 = (bytes: Buffer): string => createHash('md5').update(bytes).digest('hex');

describe('of a message', () => {
  test('its file lies in this folder, and stdout names it', async () => {
    const simulator = await simulate();
    const bytes = randomBytes(300_000);
    const { home, here, ids } = await received(simulator, [
      { file: { bytes, name: '../年报.bin' } },
      { text: 'x' },
    ]);
    for (const [which, name] of [
      [ids[0] as string, '年报.bin'],
      ['last', '年报 (1).bin'],
    ] as const) {
      const path = join(here, name);
      const done = await runHere(['download', which], { home, cwd: here });
      expect(done).toEqual({ code: 0, stdout: `${path}\n`, stderr: '' });
      expect(readFileSync(path).equals(bytes)).toBe(true);
    }
    expect(namesIn(here)).toEqual(['年报 (1).bin', '年报.bin']);
  });

  test('any bytes, many files at once, as one JSON document', async () => {
    const simulator = await simulate();
    const sizes = [0, 1, 15, 16, 17, 4095, 4096, 4097];
    const contents = [
      ...sizes.map((size) => randomBytes(size)),
      ...fc.sample(fc.uint8Array({ maxLength: 100 }), 12).map((bytes) => Buffer.from(bytes)),
    ];
    const files = contents.map((bytes, n) => ({ file: { bytes, name: `${n}.bin` } }));
    const items = await sentItems(simulator, files, OTHER);
    const { home, here, ids } = await received(simulator, [{ items }]);
    const out = join(here, 'new', 'folder');
    const done = await runHere(['download', 'last', '-o', out, '--json'], { home });
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(jsonLines(done.stdout)).toEqual([
      {
        v: 1,
        type: 'download',
        message: ids[0],
        files: contents.map((bytes, n) => ({
          path: join(out, `${n}.bin`),
          name: `${n}.bin`,
          kind: 'file',
          // Any bytes: now and then two of them begin as some format does.
          mime: expect.toSatisfy((mime) => mime === null || typeof mime === 'string'),
          sizeBytes: bytes.length,
          md5: md5(bytes),
          error: null,
        })),
      },
    ]);
    contents.forEach((bytes, n) => {
      expect(readFileSync(join(out, `${n}.bin`)).equals(bytes)).toBe(true);
    });
  });

  test('the files of the quoted message, when it brings none itself', async () => {
    const simulator = await simulate();
    const { home, here, ids } = await received(simulator, [
      { file: { bytes: Buffer.from('quoted'), name: 'q' } },
    ]);
    simulator.control.message({ text: 'this', quote: { id: ids[0] as string, form: 'full' } });
    await runHere(['listen', '--once'], { home });
    expect((await runHere(['download', 'last'], { home, cwd: here })).stdout).toBe(`${join(here, 'q')}\n`);
  });

  test('a file that was sent twice opens with the key that came first', async () => {
    const simulator = await simulate({ staleBlobs: true });
    const file = { bytes: randomBytes(5_000), name: 'twice.bin' };
    const { home, here, ids } = await received(simulator, [{ file }, { file }]);
    const done = await runHere(['download', ids[1] as string], { home, cwd: here });
    expect([done.code, done.stderr]).toEqual([0, '']);
    expect(readFileSync(join(here, 'twice.bin')).equals(file.bytes)).toBe(true);
  });

  test('--wav: a voice message as WAV, what is no SILK as it is', async () => {
    const simulator = await simulate();
    const tone = Int16Array.from({ length: 24_000 }, (_, n) => Math.sin(n / 20) * 8_000);
    const silk = Buffer.from((await encode(tone, 24_000)).data);
    const items = await sentItems(
      simulator,
      [
        { voice: { bytes: silk } },
        { voice: { bytes: Buffer.from('#!AMR\n') } },
        { voice: { bytes: silk.subarray(0, 11) } },
      ],
      OTHER,
    );
    const { home, here } = await received(simulator, [{ items }]);
    const done = await runHere(['download', 'last', '--wav'], { home, cwd: here });
    // They come at once: which of the two SILK files is "voice" and which "voice (1)" is not decided.
    const [wav = '', amr] = done.stdout.split('\n');
    expect(wav).toMatch(/voice(?: \(1\))?\.wav$/);
    expect(amr).toBe(join(here, 'voice.amr'));
    expect(readFileSync(wav).length).toBeGreaterThan(48_000);
    expect(done.stderr).toMatch(/^wxagent: voice: the voice message .*; the original is in .*\n$/);
    expect(done.code).toBe(65);
  });

  test('to stdout: all of it, or nothing', async () => {
    const simulator = await simulate();
    const text = 'öffentlich\n'.repeat(50_000);
    const { home, here, ids } = await received(simulator, [
      { file: { bytes: Buffer.from(text) } },
      { file: { bytes: Buffer.from(text), flaw: 'md5' } },
    ]);
    const temporary = join(here, 'tmp');
    mkdirSync(temporary);
    const options = { home, cwd: here, env: { TMPDIR: temporary } };
    const whole = await runHere(['download', ids[0] as string, '-o', '-'], options);
    expect([whole.code, whole.stdout === text, whole.stderr]).toEqual([0, true, '']);
    const broken = await runHere(['download', ids[1] as string, '-o', '-'], options);
    expect([broken.code, broken.stdout]).toEqual([65, '']);
    expect(namesIn(here)).toEqual(['tmp']);
    expect(namesIn(temporary)).toEqual([]);
  });

  test('what fails says why, beside what does not; the worst exit code wins', async () => {
    const simulator = await simulate();
    const bytes = Buffer.from('x');
    const items = await sentItems(
      simulator,
      [
        { file: { bytes, name: 'wrong.txt', flaw: 'wrong-key' } },
        { file: { bytes, name: 'good.txt' } },
        { file: { bytes: randomBytes(2_000), name: 'large.txt' } },
      ],
      OTHER,
    );
    const { home, here } = await received(simulator, [{ items }]);
    const args = ['download', 'last', '--max-media', '1kB'];
    const done = await runHere(args, { home, cwd: here });
    expect(done.code).toBe(65);
    expect(done.stdout).toBe(`${join(here, 'good.txt')}\n`);
    expect(done.stderr).toMatch(
      /^wxagent: wrong\.txt: cannot decrypt the file: .*\nwxagent: large\.txt: it is larger than the 1000 B allowed\nhint: .*--max-media\n$/,
    );
    expect(namesIn(here)).toEqual(['good.txt']);
    const [line] = jsonLines((await runHere([...args, '--json'], { home, cwd: here })).stdout);
    expect((line as { files: object[] }).files[0]).toMatchObject({
      path: null,
      name: 'wrong.txt',
      sizeBytes: 1,
      error: expect.stringContaining('cannot decrypt the file'),
    });
  });

  test.each([
    [66, 'it is not on the CDN any more (HTTP 410, injected fault)', { kind: 'status', status: 410 }],
    [69, 'the CDN does not deliver it: HTTP 503, injected fault', { kind: 'status', status: 503 }],
    [65, 'the CDN refuses it: HTTP 400, injected fault', { kind: 'status', status: 400 }],
  ] as const)('exit %i: %s', async (code, sentence, fault) => {
    const simulator = await simulate();
    const { home, here } = await received(simulator, [{ file: { bytes: Buffer.from('x'), name: 'a.txt' } }]);
    simulator.control.addFault({ endpoint: 'download', ...fault });
    const done = await runHere(['download', 'last'], { home, cwd: here });
    expect([done.code, done.stdout]).toEqual([code, '']);
    expect(done.stderr.split('\n')[0]).toBe(`wxagent: a.txt: ${sentence}`);
    expect(namesIn(here)).toEqual([]);
  });

  test.skipIf(process.platform !== 'linux')(
    'a folder that cannot be made: said, 73, and no hang',
    async () => {
      const simulator = await simulate();
      const { home, here } = await received(simulator, [
        { file: { bytes: Buffer.from('x'), name: 'a.txt' } },
      ]);
      writeFileSync(join(here, 'file'), '');
      for (const out of [
        '/proc/x',
        '/proc/self/fd/x/y',
        '/dev/null/x',
        'file',
        'file/x',
        `${'x'.repeat(300)}`,
      ]) {
        // In a process of its own: this one could not end what hangs.
        const done = await wxagent(['download', 'last', '-o', out], { home, cwd: here });
        expect(done, out).toMatchObject({ code: 73, stdout: '' });
        expect(done.stderr, out).toContain('wxagent: a.txt: it cannot be stored in ');
      }
      expect(namesIn(here)).toEqual(['file']);
    },
  );

  test('stopped half-way it leaves nothing', async () => {
    const simulator = await simulate();
    const { home, here } = await received(simulator, [{ file: { sizeBytes: 100, name: 'a.txt' } }]);
    simulator.control.addFault({ endpoint: 'download', kind: 'hang' });
    const running = startWxagent(['download', 'last'], { home, cwd: here });
    await pollUntil('the temporary file', () => namesIn(here).length === 1);
    running.signal('SIGTERM');
    expect(await running.exited).toMatchObject({
      code: 143,
      stdout: '',
      stderr: 'wxagent: the download was stopped\n',
    });
    expect(namesIn(here)).toEqual([]);
  });

  test('no message, and one without a file', async () => {
    const simulator = await simulate();
    const { home, ids } = await received(simulator, [{ text: 'x' }]);
    const missing = await runHere(['download', 'nope'], { home });
    expect([missing.code, missing.stderr]).toEqual([
      66,
      'wxagent: there is no message nope\nhint: wxagent messages\n',
    ]);
    const none = await runHere(['download', ids[0] as string], { home });
    expect([none.code, none.stderr]).toEqual([
      66,
      `wxagent: message ${ids[0]} has no file\nhint: wxagent messages\n`,
    ]);
    expect((await runHere(['download', 'last'], { home })).code).toBe(66);
  });
});

describe('without a login', () => {
  test('an item, from the arguments or from stdin', async () => {
    const simulator = await simulate({ mediaKey: 'raw' });
    const [bytes, home] = [randomBytes(1_000), makeFolder()];
    const [item] = await sentItems(simulator, [{ file: { bytes, name: 'a.bin' } }]);
    const json = JSON.stringify(item);
    const base = ['download', '--cdn-url', simulator.cdnUrl, '--item'];
    const [first, second] = [
      await runHere([...base, json], { home }),
      await runHere([...base, '-'], { home, input: json }),
    ];
    expect([first.stdout, second.stdout]).toEqual([
      `${join(home, 'a.bin')}\n`,
      `${join(home, 'a (1).bin')}\n`,
    ]);
    expect(readFileSync(join(home, 'a (1).bin')).equals(bytes)).toBe(true);
    expect(existsSync(join(home, 'wx', 'state', 'wxagent.db'))).toBe(false);
  });

  test('a parameter and its key, into a file, a folder or stdout', async () => {
    const simulator = await simulate();
    const home = makeFolder();
    const [item] = await sentItems(simulator, [{ file: { bytes: Buffer.from('content') } }]);
    const media = item?.file_item?.media;
    const args = ['download', '--cdn-url', simulator.cdnUrl, '--param', String(media?.encrypt_query_param)];
    const get = (...more: string[]) => runHere([...args, '--key', String(media?.aes_key), ...more], { home });
    mkdirSync(join(home, 'folder'));
    expect((await get('-o', 'folder')).stdout).toBe(`${join(home, 'folder', 'file')}\n`);
    expect((await get('-o', 'out.txt')).stdout).toBe(`${join(home, 'out.txt')}\n`);
    expect((await get('-o', 'out.txt')).stdout).toBe(`${join(home, 'out (1).txt')}\n`);
    expect((await get('-o', '-')).stdout).toBe('content');
  });
});

test.each([
  [[], 'download takes the id of one message or last, --item, or --param with --key'],
  [['a', '--item', '{}'], 'download takes the id of one message or last, --item, or --param with --key'],
  [['a', '--key', 'x'], '--key goes with --param only'],
  [['--param', 'p'], '--param needs --key'],
  [['--param', 'p', '--key', 'zz'], /^--key takes 16 bytes/],
  [['--item', '{bad'], /^--item takes the JSON of an item/],
  [['--item', '{"type":1}'], 'the item is not an image, voice message, file or video'],
  [['last', '-o', '-', '--json'], '-o - and --json would both write to stdout'],
  [['last', '--max-media', '5'], /^--max-media takes a size with its unit/],
])('download %j is a usage error', async (args, sentence) => {
  const done = await runHere(['download', ...args], { home: makeFolder() });
  expect([done.code, done.stdout]).toEqual([64, '']);
  expect(done.stderr.slice('wxagent: '.length).split('\n')[0]).toEqual(expect.stringMatching(sentence));
});

test.skipIf(process.platform !== 'linux')('200 MiB in the memory of a small file', async () => {
  const simulator = await simulate();
  const { home, here } = await received(simulator, [
    { file: { bytes: Buffer.alloc(200 * 1024 * 1024, 'abc'), name: 'large' } },
  ]);
  const peak = join(here, 'peak.cjs');
  const status = `require('node:fs').readFileSync('/proc/self/status', 'utf8')`;
  writeFileSync(
    peak,
    `process.on('exit', () => process.stderr.write(/VmHWM:\\s+(\\d+)/.exec(${status})[1]))`,
  );
  const done = await wxagent(['download', 'last'], {
    home,
    cwd: here,
    through: [process.execPath, '--require', peak, BIN],
  });
  expect([done.code, done.stdout]).toEqual([0, `${join(here, 'large')}\n`]);
  // Node itself has 50 MiB, and V8 lets buffers wait for a collection: 64 MiB, from Node 24 on 110. The file would come on top.
  expect(Number(done.stderr) / 1024).toBeLessThan(200);
});
