import { randomBytes } from 'node:crypto';
import { existsSync, mkdirSync, readdirSync, readFileSync, truncateSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { PNG } from 'pngjs';
import { expect, onTestFinished, test } from 'vitest';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines, startOnTerminal, startWxagent, type Wxagent, wxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];
const MiB = 1024 * 1024;
const picture = PNG.sync.write(new PNG({ width: 2, height: 2 }));

/** A home of a user who has just written, and files in it. */
async function ready(files: Record<string, Buffer | string> = {}) {
  const simulator = await simulate();
  const account = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  for (const [name, content] of Object.entries(files)) writeFileSync(join(account.home, name), content);
  return { simulator, ...account };
}

/** What the bot has shown: kind, text or name of the file, and why it would be grey. */
const shown = (simulator: Simulator) =>
  simulator.control
    .phone()
    .shown.filter(({ from }) => from === 'bot')
    .map(({ kind, text, fileName, grey }) => [kind, fileName ?? text, grey]);

/** The bytes of the newest file on the phone. */
function newest(simulator: Simulator): Buffer | null {
  return simulator.control.file(simulator.control.phone().shown.at(-1)?.messageId ?? '');
}

/** Our own copies that are still there. */
function copies(home: string, id: string): string[] {
  const folder = join(home, 'wx', 'media', 'out', id);
  return existsSync(folder) ? readdirSync(folder) : [];
}

const asked = (simulator: Simulator, endpoint: 'upload' | 'sendmessage'): number =>
  simulator.control.requests({ endpoint }).length;

test('the caption, then the files, each as what its content is; a part of each in --json', async () => {
  const { simulator, home, id } = await ready({ 'notes.txt': 'remember', 'chart.dat': picture });
  const files = ['--file', 'notes.txt', '--file', join(home, 'chart.dat')];
  const sent = await runHere(['send', '--json', 'see', 'these', ...files], { home });
  expect(sent.stderr).toBe('');
  const [line] = jsonLines(sent.stdout) as { exit: number; parts: Record<string, unknown>[] }[];
  expect(line?.exit).toBe(0);
  expect(line?.parts.map(({ kind, name, verdict }) => [kind, name, verdict])).toEqual([
    ['text', null, 'confirmed'],
    ['file', 'notes.txt', 'confirmed'],
    ['image', 'chart.dat', 'confirmed'],
  ]);
  expect(shown(simulator)).toEqual([
    ['text', 'see these', null],
    ['file', 'notes.txt', null],
    ['image', '', null],
  ]);
  expect(copies(home, id)).toEqual([]);
});

test.each([
  ['stdin', ['--file', '-', '--name', '../日志.bin'], [['file', '日志.bin', null]]],
  ['a file under another name', ['--file', 'out.tmp', '--name', 'a.txt'], [['file', 'a.txt', null]]],
  [
    'text of stdin and a file',
    ['--stdin', '--file', 'out.tmp'],
    [
      ['text', 'from stdin', null],
      ['file', 'out.tmp', null],
    ],
  ],
])('%s', async (_, args, expected) => {
  const { simulator, home } = await ready({ 'out.tmp': 'from stdin' });
  const end = await runHere(['send', ...args], { home, input: 'from stdin' });
  expect(end).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(shown(simulator)).toEqual(expected);
  expect(newest(simulator)?.toString()).toBe('from stdin');
});

test.each([
  [64, ['--file', '-'], '--file - needs a name'],
  [64, ['--file', '-', '--file', '-', '--name', 'x'], 'there is one stdin'],
  [64, ['--file', '-', '--name', 'x', '--stdin'], 'stdin is either the text'],
  [64, ['--file', 'a', '--file', 'a', '--name', 'x'], '--name goes with one file, not 2'],
  [64, ['hello', '--name', 'x'], '--name goes with one file, not 0'],
  [64, ['--file', ''], '--file needs the path of a file'],
  [64, ['', '--file', 'a'], 'the text is empty'],
  [66, ['--file', 'a', '--file', 'none.txt'], 'none.txt'],
  [65, ['hello', '--file', 'folder'], 'is a folder'],
])('%i for %j, before anything starts', async (code, args, said) => {
  const { simulator, home, id } = await ready({ a: 'x' });
  mkdirSync(join(home, 'folder'));
  const end = await runHere(['send', ...args], { home });
  expect(end).toMatchObject({ code, stdout: '' });
  expect(end.stderr).toContain(said);
  expect(simulator.control.requests({})).toEqual([]);
  expect(copies(home, id)).toEqual([]);
  expect((await runHere(['outbox'], { home })).stderr).toBe('Nothing is queued.\n');
});

test('any bytes that go up are the bytes on the phone, and sent back from there come down the same', async () => {
  const simulator = await simulate();
  const sizes = fc.oneof(
    fc.nat(70_000),
    fc.constantFrom(0, 1, 15, 16, 17, 4_095, 4_096, 4_097, 524_288, 524_289),
  );
  let users = 0;
  await fc.assert(
    fc.asyncProperty(sizes, fc.nat(255), fc.boolean(), async (size, first, isPiped) => {
      // An account each: the pace of one holds across processes.
      const user = `o9u${++users}@im.wechat`;
      const { home } = loggedIn(simulator, { user });
      simulator.control.message({ user, text: 'hi' });
      const bytes = Buffer.concat([Buffer.from([first]), randomBytes(size)]).subarray(0, size);
      writeFileSync(join(home, 'any'), bytes);
      const args = isPiped ? ['--file', '-', '--name', 'any'] : ['--file', 'any'];
      const end = await runHere(['send', ...args], { home, ...(isPiped && { input: bytes }) });
      expect(end).toMatchObject({ code: 0, stderr: '' });
      const onPhone = newest(simulator);
      expect(onPhone?.equals(bytes)).toBe(true);
      expect(shown(simulator).at(-1)?.[2]).toBeNull();

      simulator.control.message({ user, file: { bytes: onPhone ?? Buffer.alloc(0), name: 'back' } });
      expect((await runHere(['listen', '--once'], { home })).code).toBe(0);
      const down = await runHere(['download', 'last', '-o', 'down'], { home });
      expect(down).toMatchObject({ code: 0, stdout: `${join(home, 'down', 'back')}\n`, stderr: '' });
      expect(readFileSync(join(home, 'down', 'back')).equals(bytes)).toBe(true);
    }),
    { numRuns: 10 },
  );
});

test('inside an agent the file goes to the user who asked, before the answer', async () => {
  const { simulator, home } = await ready({ 'chart.png': picture });
  const run = ['run', '--once', ...QUICK, '--exec', '"$WXAGENT_BIN" send here --file chart.png && echo done'];
  const end = await runHere(run, { home });
  expect(end.code, end.stderr).toBe(0);
  expect(shown(simulator)).toEqual([
    ['text', 'here', null],
    ['image', '', null],
    ['text', 'done', null],
  ]);
});

test('a runner keeps no copy of a file that has arrived or was refused, only of one that waits', async () => {
  const { simulator, home, id } = await ready({ a: 'x' });
  const run = ['run', '--once', ...QUICK, '--exec', 'cp a "$WXAGENT_REPLY_DIR"'];
  expect((await runHere(run, { home })).code).toBe(0);
  expect(shown(simulator)).toEqual([['file', 'a', null]]);
  expect(copies(home, id)).toEqual([]);

  simulator.control.message({ text: 'once more' });
  simulator.control.addFault({ endpoint: 'upload', kind: 'status', status: 413, count: 1 });
  expect((await runHere(run, { home })).stderr).toContain('1 refused');
  expect(copies(home, id)).toEqual([]);

  simulator.control.message({ text: 'and again' });
  const body = { ret: -2, errmsg: 'prepare failed' };
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'answer', body, count: 1 });
  expect((await runHere(run, { home })).stderr).toContain('1 held');
  expect(copies(home, id)).toHaveLength(1);
});

test('beside a runner it waits for the upload, however long that takes, and run --json tells the kind', async () => {
  const { simulator, home } = await ready({ 'chart.png': picture });
  const run = startHere(['run', '--json', ...QUICK, '--exec', 'true'], { home });
  await run.says('stdout', '"outcome"');
  simulator.control.addFault({ endpoint: 'upload', kind: 'delay', afterMs: 2_500, count: 1 });
  const end = await runHere(['send', '--file', 'chart.png', '--wait', '1s'], { home });
  expect(end).toMatchObject({ code: 0, stderr: '' });
  await run.says('stdout', /"type":"part".*"kind":"image","verdict":"confirmed"/);
  await run.stop();
});

test.each([
  ['without a runner', false],
  ['beside a runner', true],
])('%s a terminal shows how far a file is, and that the server has to answer', async (_, isBeside) => {
  const { simulator, home, id } = await ready();
  // A CDN that takes the rest when part of it is on the screen, and hands it on when that says who is awaited.
  let screen: Wxagent | null = null;
  const cdn = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) {
      chunks.push(chunk);
      await screen?.says('stdout', /[\d.]+ MiB of 16\.0 MiB, [\d.]+ MiB\/s, \d+ s left/);
    }
    await screen?.says('stdout', '16.0 MiB of 16.0 MiB, waiting for the server');
    const to = new URL(request.url ?? '', simulator.baseUrl);
    const { status, headers } = await fetch(to, { method: 'POST', body: Buffer.concat(chunks) });
    response.writeHead(status, { 'x-encrypted-param': headers.get('x-encrypted-param') ?? '' }).end();
  });
  await new Promise<void>((resolve) => void cdn.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    cdn.closeAllConnections();
    cdn.close();
  });
  simulator.control.changeSettings({ uploadAnswer: 'param' });
  const cdnUrl = `http://127.0.0.1:${(cdn.address() as AddressInfo).port}/c2c`;
  const args = ['run', '--json', '--cdn-url', cdnUrl, ...QUICK, '--exec', 'true'];
  const run = isBeside ? startWxagent(args, { home }) : null;
  await run?.says('stdout', '"outcome"');
  const bytes = randomBytes(16 * MiB);
  writeFileSync(join(home, 'film.bin'), bytes);
  screen = startOnTerminal(['send', '--cdn-url', cdnUrl, '--file', 'film.bin'], {
    home,
    stdout: join(home, 'stdout'),
  });
  const { code, stdout } = await screen.exited;
  expect(code, stdout).toBe(0);
  expect(stdout).toContain('-> 1 part confirmed');
  expect(newest(simulator)?.equals(bytes)).toBe(true);
  expect(copies(home, id)).toEqual([]);
  await run?.stop();
});

test('no verdict within --wait: kept, 75, and delivered once by the next who can', async () => {
  const { simulator, home, id } = await ready({ a: 'x' });
  simulator.control.addFault({ endpoint: 'getuploadurl', kind: 'hang', count: 1 });
  const end = await runHere(['send', '--file', 'a', '--wait', '500ms'], { home });
  expect(end.code).toBe(75);
  expect(copies(home, id)).toHaveLength(1);
  // What becomes of the original is nobody's concern.
  truncateSync(join(home, 'a'));
  const next = await runHere(['send', 'and this'], { home });
  expect(next).toMatchObject({ code: 0, stderr: '' });
  expect(shown(simulator)).toEqual([
    ['file', 'a', null],
    ['text', 'and this', null],
  ]);
});

test.each([
  ['without a runner', false],
  ['beside a runner', true],
])('an upload that fails again and again uses up --wait %s', async (_, isBeside) => {
  const { simulator, home } = await ready({ a: 'x' });
  const args = ['run', '--json', '--grace', '100ms', ...QUICK, '--exec', 'true'];
  const run = isBeside ? startHere(args, { home }) : null;
  await run?.says('stdout', '"outcome"');
  simulator.control.addFault({ endpoint: 'upload', kind: 'status', status: 500 });
  const end = await runHere(['send', '--file', 'a', '--wait', '2s'], { home });
  expect(end.code).toBe(75);
  // The pauses have jitter, so a few more or fewer: not as many as fit into ten times the wait.
  expect(asked(simulator, 'upload')).toBeLessThan(12);
  await run?.stop();
});

test('kill -9 during an upload: the next run begins it again, and it arrives once', async () => {
  const { simulator, home } = await ready({ a: 'all of it' });
  simulator.control.addFault({ endpoint: 'upload', kind: 'hang', count: 1 });
  const run = startWxagent(['run', ...QUICK, '--exec', 'cp a "$WXAGENT_REPLY_DIR"; echo text'], { home });
  await pollUntil('the upload', () => asked(simulator, 'upload') === 1);
  run.signal('SIGKILL');
  await run.exited;
  const again = await runHere(['run', '--once', ...QUICK, '--exec', 'true'], { home });
  expect(again.code, again.stderr).toBe(0);
  expect(shown(simulator)).toEqual([
    ['text', 'text', null],
    ['file', 'a', null],
  ]);
  expect(newest(simulator)?.toString()).toBe('all of it');
});

test('when the runner beside it is killed, a waiting send delivers by itself', async () => {
  const { simulator, home } = await ready({ a: 'all of it' });
  const run = startWxagent(['run', '--json', ...QUICK, '--exec', 'true'], { home });
  await run.says('stdout', '"outcome"');
  simulator.control.addFault({ endpoint: 'upload', kind: 'hang', count: 1 });
  const sent = wxagent(['send', '--file', 'a', '--wait', '15s'], { home });
  await pollUntil('the upload', () => asked(simulator, 'upload') === 1);
  run.signal('SIGKILL');
  expect(await sent).toMatchObject({ code: 0, stderr: '' });
  expect(shown(simulator)).toEqual([['file', 'a', null]]);
});

test('a send whose runner is killed in the middle of an upload ends in 75 after its wait; the next run delivers once', async () => {
  const { simulator, home } = await ready({ a: 'all of it' });
  const run = startWxagent(['run', '--json', ...QUICK, '--exec', 'true'], { home });
  await run.says('stdout', '"outcome"');
  simulator.control.addFault({ endpoint: 'upload', kind: 'hang' });
  const send = startWxagent(['send', '--json', '--file', 'a', '--wait', '1s'], { home });
  await pollUntil('the upload', () => asked(simulator, 'upload') === 1);
  // Should the `send` go on with it, it gets nowhere.
  simulator.control.addFault({ endpoint: 'getuploadurl', kind: 'reset' });
  run.signal('SIGKILL');
  const end = await send.exited;
  expect(end.code, end.stderr).toBe(75);
  expect(jsonLines(end.stdout)[0]).toMatchObject({ exit: 75, parts: [{ name: 'a' }] });
  expect(shown(simulator)).toEqual([]);
  simulator.control.clearFaults();
  for (let n = 0; n < 2; n++) {
    expect((await runHere(['run', '--once', ...QUICK, '--exec', 'true'], { home })).code).toBe(0);
    expect(shown(simulator)).toEqual([['file', 'a', null]]);
  }
  expect(newest(simulator)?.toString()).toBe('all of it');
});

test('a stop cuts an upload at the end of the grace time; the next run begins it again', async () => {
  const { simulator, home } = await ready({ a: 'all of it' });
  simulator.control.addFault({ endpoint: 'upload', kind: 'hang', count: 1 });
  const args = ['run', '--grace', '300ms', ...QUICK, '--exec', 'cp a "$WXAGENT_REPLY_DIR"'];
  const run = startHere(args, { home });
  await pollUntil('the upload', () => asked(simulator, 'upload') === 1);
  const end = await run.stop();
  expect(end.code, end.stderr).toBe(0);
  const waiting = jsonLines((await runHere(['outbox', '--json'], { home })).stdout)[0];
  expect(waiting?.parts).toMatchObject([{ kind: 'file', name: 'a', verdict: 'queued' }]);
  expect(shown(simulator)).toEqual([]);
  await runHere(['run', '--once', ...QUICK, '--exec', 'true'], { home });
  expect(shown(simulator)).toEqual([['file', 'a', null]]);
});

test('a file outlives a hold, as the kind it is, with a new upload', async () => {
  const { simulator, home, id } = await ready({ 'chart.png': picture });
  const refusal = { ret: -2, errmsg: 'prepare failed' };
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'answer', body: refusal, count: 1 });
  const end = await runHere(['send', '--json', '--file', 'chart.png'], { home });
  expect(end.code).toBe(75);
  expect(jsonLines(end.stdout)[0]?.parts).toMatchObject([
    { kind: 'image', name: 'chart.png', verdict: 'held' },
  ]);
  expect(copies(home, id)).toHaveLength(1);
  simulator.control.message({ text: 'here I am' });
  await runHere(['run', '--once', ...QUICK, '--exec', 'true'], { home });
  expect(shown(simulator)).toEqual([['image', '', null]]);
  expect(newest(simulator)?.equals(picture)).toBe(true);
  expect(asked(simulator, 'upload')).toBe(2);
});

test.each([
  [1, 0, ''],
  [2, 65, 'refused (invalid arguments)'],
])('a reference that is refused is made anew, once: %i refusals', async (count, code, said) => {
  const { simulator, home } = await ready({ a: 'x' });
  const body = { ret: -2, errmsg: 'invalid arguments' };
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'answer', body, count });
  const end = await runHere(['send', '--file', 'a'], { home });
  expect([end.code, asked(simulator, 'upload')]).toEqual([code, 2]);
  expect(end.stderr).toContain(said);
  expect(shown(simulator)).toHaveLength(code === 0 ? 1 : 0);
});

test('the same --id is sent once, and keeps no second copy; --ttl and --no-hold drop the file too', async () => {
  const { simulator, home, id } = await ready({ a: 'x' });
  simulator.control.addFault({ endpoint: 'getuploadurl', kind: 'hang', count: 1 });
  const report = ['send', '--file', 'a', '--id', 'report', '--wait', '300ms'];
  expect((await runHere(report, { home })).code).toBe(75);
  expect(copies(home, id)).toHaveLength(1);
  expect((await runHere(report, { home })).code).toBe(0);
  expect((await runHere(report, { home })).code).toBe(0);
  expect(shown(simulator)).toEqual([['file', 'a', null]]);

  simulator.control.addFault({ endpoint: 'getuploadurl', kind: 'hang', count: 2 });
  const late = ['send', '--file', 'a', '--wait', '300ms', '--ttl', '1ms'];
  expect((await runHere(late, { home })).code).toBe(65);
  const now = await runHere(['send', '--file', 'a', '--wait', '300ms', '--no-hold'], { home });
  expect(now.code).toBe(69);
  expect(copies(home, id)).toEqual([]);
});

test('what the CDN refuses is refused in its words', async () => {
  const { simulator, home, id } = await ready({ a: 'x' });
  const headers = { 'x-error-message': 'file too large' };
  simulator.control.addFault({ endpoint: 'upload', kind: 'status', status: 413, headers });
  const end = await runHere(['send', 'see', '--file', 'a'], { home });
  expect(end.code).toBe(65);
  expect(end.stderr).toContain('1 part confirmed, 1 refused (the CDN refused the file: file too large)');
  expect(shown(simulator)).toEqual([['text', 'see', null]]);
  expect(copies(home, id)).toEqual([]);
});
