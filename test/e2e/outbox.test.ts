import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import type { Clock } from '../../src/core/time/clock.ts';
import type { FaultInput } from '../../src/simulator/world/fault-kinds.ts';
import { openDatabase } from '../../src/sqlite/database.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { DAY_MS, HOUR_MS, wallClock } from '../helpers/wall-clock.ts';
import {
  type Exited,
  jsonLines,
  makeFolder,
  startOnTerminal,
  startWxagent,
  wxagent,
} from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];

interface Sent {
  exit: number;
  parts: { clientId: string; verdict: string; reason: string | null; messageId: string | null }[];
}

/** `send --json`: its one document, whose exit code must be the true one. */
async function send(home: string, args: string[], clock?: Clock): Promise<Sent> {
  return sentBy(await runHere(['send', '--json', ...args], { home, ...(clock && { clock }) }));
}

function sentBy({ code, stdout, stderr }: Exited): Sent {
  const [sent] = jsonLines(stdout) as unknown as Sent[];
  if (!sent) throw new Error(`it said nothing: ${stderr}`);
  expect(sent.exit, stderr).toBe(code);
  return sent;
}

/** The exit code and what is known of the only part. */
async function verdictOf(
  home: string,
  args: string[],
  clock?: Clock,
): Promise<[exit: number, verdict: string | undefined, reason: string | null | undefined]> {
  const { exit, parts } = await send(home, args, clock);
  expect(parts).toHaveLength(1);
  return [exit, parts[0]?.verdict, parts[0]?.reason];
}

test('many sends at once, beside a live run and without one: all confirmed, each shown once; then the quota', async () => {
  const beside = await simulate({ quota: 11 });
  const alone = await simulate();
  const besideHome = loggedIn(beside).home;
  const aloneHome = loggedIn(alone).home;
  beside.control.message({ text: 'hello' });
  alone.control.message({ text: 'hello' });
  const run = startWxagent(['run', '--echo', ...QUICK], { home: besideHome });
  await answered(beside, 1);

  const ten = Array.from({ length: 10 }, (_, n) => `text ${n}`);
  // Those without a runner pace each other, each a process of its own: two at once, then one every 1.5 s.
  const four = ten.slice(0, 4);
  const all = await Promise.all([
    ...ten.map((text) => send(besideHome, [text])),
    ...four.map(async (text) => sentBy(await wxagent(['send', '--json', text], { home: aloneHome }))),
  ]);
  for (const sent of all) {
    expect(sent).toMatchObject({ exit: 0, parts: [{ verdict: 'confirmed', messageId: expect.any(String) }] });
  }
  expect(answers(beside).slice(1).sort()).toEqual(ten);
  expect(answers(alone).sort()).toEqual(four);
  expect(alone.control.stats().counts.sendsAccepted).toBe(4);

  // Eleven messages since the user's last one: what the server refuses now, it refuses for that.
  expect(await verdictOf(besideHome, ['one too many'])).toEqual([75, 'held', 'quota']);
  expect((await run.stop()).code).toBe(0);
});

test('refused for another reason: the window, or the context', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const clock = wallClock();
  simulator.control.message({ text: 'hi' });
  expect(await verdictOf(home, ['in time'])).toEqual([0, 'confirmed', null]);
  simulator.control.addFault({
    endpoint: 'sendmessage',
    kind: 'answer',
    body: { ret: -2, errmsg: 'unknown error' },
    count: 1,
  });
  expect(await verdictOf(home, ['context'])).toEqual([75, 'held', 'context']);

  // The clock of the machine is all that tells the time: a server's would tell that nothing but the clock has moved.
  const late = await simulate({ dateOffsetMs: null });
  const other = loggedIn(late).home;
  late.control.message({ text: 'hi' });
  expect(await verdictOf(other, ['in time'])).toEqual([0, 'confirmed', null]);
  late.control.advance(DAY_MS + HOUR_MS);
  clock.set(DAY_MS + HOUR_MS);
  expect(await verdictOf(other, ['too late'], clock)).toEqual([75, 'held', 'window']);
  // He may have written meanwhile: it has looked, with one whole poll, before it tried.
  expect(late.control.requests({ endpoint: 'getupdates' }).length).toBeGreaterThan(1);
  expect(answers(late)).toEqual(['in time']);
});

test('--id sends once, --key replaces, --ttl drops, --no-hold keeps nothing', async () => {
  const simulator = await simulate({ dateOffsetMs: null });
  const { home } = loggedIn(simulator);
  const clock = wallClock();
  // Nobody has written yet: all of it is held.
  for (const text of ['60 %', '80 %', '100 %']) {
    expect(await verdictOf(home, ['--key', 'progress', text])).toEqual([75, 'held', 'first-contact']);
  }
  const twice = await Promise.all([1, 2].map(() => send(home, ['--id', 'report', 'the report'])));
  expect(twice[0]?.parts[0]?.clientId).toBe(twice[1]?.parts[0]?.clientId);
  expect(twice.map(({ exit }) => exit)).toEqual([75, 75]);
  expect(await verdictOf(home, ['--ttl', '1h', 'lunch?'])).toEqual([75, 'held', 'first-contact']);
  expect(await verdictOf(home, ['--ttl', '9h', 'dinner?'])).toEqual([75, 'held', 'first-contact']);
  expect(await verdictOf(home, ['--no-hold', 'now or never'])).toEqual([
    69,
    'expired',
    'no-hold: first-contact',
  ]);

  clock.set(2 * HOUR_MS);
  simulator.control.advance(2 * HOUR_MS);
  simulator.control.message({ text: 'hi' });
  const run = await runHere(['run', '--once', ...QUICK, '--exec', 'echo hello'], { home, clock });
  expect(run.code, run.stderr).toBe(0);
  const [released, answer] = answers(simulator);
  expect(answers(simulator)).toHaveLength(2);
  expect(answer).toBe('hello');
  expect(released?.match(/the report/g)).toHaveLength(1);
  expect(released).toContain('100 %');
  expect(released).toContain('dinner?');
  expect(released).not.toMatch(/60 %|80 %|lunch|now or never/);

  // What was sent under that key stays sent, whatever it was sent in.
  expect((await send(home, ['--id', 'report', 'the report'], clock)).exit).toBe(0);
  expect((await send(home, ['--id', 'other', 'another'], clock)).exit).toBe(0);
  expect((await send(home, ['--id', 'other', 'another'], clock)).exit).toBe(0);
  expect(answers(simulator).slice(2)).toEqual(['another']);
});

test('--no-hold says 69 and why only when nothing has arrived or may have', async () => {
  // A port that no other test is given.
  const nobody = 'http://127.0.0.1:1';
  const sendmessage = { endpoint: 'sendmessage' } as const;
  const reset = { ...sendmessage, kind: 'reset', processed: true } as const;
  const cases: [exit: number, states: string[], fault: FaultInput | null, ...args: string[]][] = [
    [0, ['unconfirmed'], reset],
    [76, ['unconfirmed'], reset, '--strict'],
    [76, ['unconfirmed'], { ...sendmessage, kind: 'reset' }, '--strict'],
    [76, ['unconfirmed'], { ...sendmessage, kind: 'status', status: 502 }, '--strict'],
    [76, ['unconfirmed'], { ...sendmessage, kind: 'garbage', garbage: 'html' }, '--strict'],
    [76, ['unconfirmed'], { ...sendmessage, kind: 'hang' }, '--strict'],
    [69, ['expired'], null, '--base-url', nobody],
    [69, ['expired'], null, '--base-url', 'https://127.0.0.1:{port}'],
    [65, ['confirmed', 'expired'], { endpoint: 'getuploadurl', kind: 'status', status: 500 }, '--file', 'a'],
  ];
  await Promise.all(
    cases.map(async ([code, states, fault, ...args]) => {
      const simulator = await simulate();
      const { home } = loggedIn(simulator);
      writeFileSync(join(home, 'a'), 'x');
      simulator.control.message({ text: 'hi' });
      expect((await send(home, ['first'])).exit).toBe(0);
      if (fault) simulator.control.addFault(fault);
      const own = args.map((arg) => arg.replace('{port}', new URL(simulator.baseUrl).port));
      const { exit, parts } = await send(home, ['--no-hold', '--wait', '2s', 'now', ...own]);
      const ended = parts.map(({ verdict }) => verdict);
      expect([exit, ended], JSON.stringify([args, fault])).toEqual([code, states]);
      expect(parts.at(-1)?.reason).toMatch(/^no-hold: ./);
    }),
  );
});

test('what nobody tries because WeChat limits the rate says so', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  expect((await send(home, ['first'])).exit).toBe(0);
  const database = openDatabase(join(home, 'wx', 'state', 'wxagent.db'));
  database.run('UPDATE accounts SET throttle_until = ?, throttle_step = 1', Date.now() + 25 * 60_000);
  database.close();
  expect(await verdictOf(home, ['--wait', '300ms', 'kept'])).toEqual([75, 'queued', 'throttle']);
  expect(
    await verdictOf(home, ['--wait', '300ms', '--no-hold', '--to', 'o9friend@im.wechat', 'now']),
  ).toEqual([69, 'expired', 'no-hold: throttle']);
});

test('the wait begins after the look, and what is held is looked for, whatever holds it', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  // The look takes longer than the wait.
  simulator.control.addFault({ endpoint: 'getupdates', kind: 'delay', afterMs: 2_500, count: 1 });
  expect(await verdictOf(home, ['--wait', '2s', 'first'])).toEqual([0, 'confirmed', null]);

  // A hold that leaves the budget open.
  const body = { ret: -2, errmsg: 'unknown error' };
  const refusal = { endpoint: 'sendmessage', kind: 'answer', body, count: 1 } as const;
  simulator.control.addFault(refusal);
  expect(await verdictOf(home, ['later'])).toEqual([75, 'held', 'context']);
  const screen = startOnTerminal(['send', 'more'], { home, stdout: join(home, 'stdout') });
  await screen.says('stdout', 'checking for messages of the user');
  await screen.says('stdout', 'held (context)');
  simulator.control.message({ text: 'hi again' });
  expect(await verdictOf(home, ['at last'])).toEqual([0, 'confirmed', null]);
  expect(answers(simulator).join()).toMatch(/later[\s\S]*more[\s\S]*at last/);

  // The same under a login that has died meanwhile.
  simulator.control.addFault(refusal);
  expect(await verdictOf(home, ['held'])).toEqual([75, 'held', 'context']);
  simulator.control.kill();
  expect((await send(home, ['dead'])).exit).toBe(77);
  const { stderr } = await runHere(['send', 'told'], { home });
  expect(stderr).toMatch(
    /^-> the login of this bot has expired[^;]*; 1 kept: [^\n]*do not send again\nhint: wxagent login --account \S+@im\.bot\n$/,
  );
});

test('a text behind one with a --ttl, or released together with one, does not go with it', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  expect((await send(home, ['--ttl', '3s', '--key', 'k', 'short-lived'])).exit).toBe(75);
  expect((await send(home, ['for good'])).exit).toBe(75);
  // Released in time, and merged; but no answer of the server is heard until the time is over.
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'status', status: 500, count: 4 });
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'answer', body: { ret: -2 }, count: 1 });
  simulator.control.message({ text: 'hi' });
  // Never three in a second, whatever the jitter: that would be a throttle.
  const run = startHere(['run', ...QUICK, '--pace', '1100ms', '--exec', 'true'], { home });
  await pollUntil('it is held again', () =>
    simulator.control.faults().every(({ struck, count }) => struck === count),
  );
  await run.says('stderr', 'held (context)');
  expect((await send(home, ['--key', 'k', 'the newer one'])).exit).toBe(75);
  simulator.control.message({ text: 'hi again' });
  // What may have arrived goes by itself, under its own id.
  const [first, second] = await answered(simulator, 2);
  expect(first).toContain('for good');
  expect(second).toContain('the newer one');
  expect((await run.stop()).code).toBe(0);
});

test('a dead token: kept with 77, delivered after a new login, once the user writes to the new bot', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  expect((await send(home, ['before'])).exit).toBe(0);
  simulator.control.kill();
  expect(await verdictOf(home, ['meanwhile'])).toEqual([77, 'queued', null]);
  const plain = await runHere(['send', 'another'], { home });
  expect(plain).toMatchObject({ code: 77, stdout: '' });
  expect(plain.stderr).toContain('wxagent login');
  expect((await runHere(['login', '--force', '--base-url', simulator.baseUrl], { home })).code).toBe(0);
  const listed = jsonLines((await runHere(['outbox', '--json'], { home })).stdout);
  expect(listed).toMatchObject([
    {
      type: 'outbox',
      parts: [
        { text: 'meanwhile', verdict: 'held', reason: 'context' },
        { text: 'another', verdict: 'held', reason: 'context' },
      ],
    },
  ]);
  simulator.control.message({ text: 'hi, new bot' });
  expect((await runHere(['run', '--echo', '--once', ...QUICK], { home })).code).toBe(0);
  const shown = answers(simulator);
  expect(shown).toHaveLength(3);
  expect(shown[1]).toMatch(/meanwhile[\s\S]*another/);
  expect(shown[2]).toBe('hi, new bot');
});

test('inside an agent whose runner alone has the token: the text goes to who asked, stdout stays empty', async () => {
  const simulator = await simulate({ strangers: true });
  const { token } = simulator.control.createBot();
  const home = makeFolder();
  simulator.control.message({ user: 'o9friend@im.wechat', text: 'friend' });
  const agent =
    'text=$(cat); [ -z "$WXAGENT_TOKEN" ] || exit 9; said=$("$WXAGENT_BIN" send "working on it, $text") || exit 1; echo "done$said, $text"';
  const run = await runHere(
    ['run', '--once', '--allow-all', ...QUICK, '--base-url', simulator.baseUrl, '--exec', agent],
    { home, env: { WXAGENT_TOKEN: token } },
  );
  expect(run, run.stderr).toMatchObject({ code: 0, stdout: '' });
  expect(answers(simulator, 'o9friend@im.wechat')).toEqual(['working on it, friend', 'done, friend']);
});

test('a user whose texts wait holds nobody else up, and nothing overtakes them', async () => {
  const simulator = await simulate({ strangers: true });
  const { home, user } = loggedIn(simulator);
  const friend = 'o9friend@im.wechat';
  const run = startHere(['run', '--echo', '--allow-all', ...QUICK], { home });
  simulator.control.message({ user: friend, text: 'one' });
  await answered(simulator, 1);
  expect(await verdictOf(home, ['held'])).toEqual([75, 'held', 'first-contact']);
  expect(await verdictOf(home, ['behind it'])).toEqual([75, 'held', 'first-contact']);
  expect(await verdictOf(home, ['--to', friend, 'not held up'])).toEqual([0, 'confirmed', null]);
  expect(answers(simulator, user)).toEqual([]);
  simulator.control.message({ text: 'two' });
  const shown = await answered(simulator, 2, user);
  expect(shown[0]).toMatch(/held[\s\S]*behind it/);
  expect(shown[1]).toBe('two');
  expect((await run.stop()).code).toBe(0);
});

test('an agent that is run again repeats what it sends, unless it names it with --id', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  const agent =
    '"$WXAGENT_BIN" send "again $WXAGENT_ATTEMPT"; "$WXAGENT_BIN" send --id "$WXAGENT_MESSAGE_ID" once; [ "$WXAGENT_ATTEMPT" != 1 ] || exit 75; echo done';
  const run = startHere(['run', ...QUICK, '--base-url', simulator.baseUrl, '--exec', agent], { home });
  expect(await answered(simulator, 4)).toEqual(['again 1', 'once', 'again 2', 'done']);
  expect((await run.stop()).code).toBe(0);
});
