import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach, describe, expect, test } from 'vitest';
import { type CoprocessAgentOptions, createCoprocessAgent } from '../../../../src/agents/coprocess/agent.ts';
import { startCoprocessChild } from '../../../../src/agents/coprocess/child.ts';
import type { TurnContext } from '../../../../src/agents/port/port.ts';
import type { Outcome, ReplyPiece, Turn } from '../../../../src/core/message/message.ts';
import { type Clock, systemClock } from '../../../../src/core/time/clock.ts';
import { expectJittered } from '../../../helpers/jitter.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { contextIn, groupAlive, recordingLog, temporaryFolder, turnWith } from '../support.ts';

const FIXTURE = fileURLToPath(new URL('../../../fixtures/agents/coprocess.mjs', import.meta.url));

const closing: (() => Promise<void>)[] = [];
afterEach(async () => {
  await Promise.all(closing.splice(0).map((close) => close()));
});

interface Asked {
  outcome: Promise<Outcome>;
  emitted: ReplyPiece[];
  end: (why: 'stop' | 'cancel') => void;
}

/** An agent of the fixture, and what is seen of it. */
function coprocess(args: string[] = [], over: Partial<CoprocessAgentOptions> = {}) {
  const root = temporaryFolder();
  const log = recordingLog();
  const pauses: number[] = [];
  const started: number[] = [];
  const ended: number[] = [];
  const clock: Clock = {
    ...systemClock,
    sleep(ms, signal) {
      pauses.push(ms);
      return systemClock.sleep(1, signal);
    },
  };
  const agent = createCoprocessAgent({
    command: { argv: [process.execPath, FIXTURE, ...args] },
    per: 'account',
    account: { id: 'a@im.bot', name: null },
    cwd: root,
    parentEnv: process.env,
    constants: {
      home: null,
      store: null,
      baseUrl: null,
      cdnUrl: null,
      bin: '/bin/wxagent',
      version: '1.2.3',
    },
    killGraceMs: 300,
    clock,
    log,
    onStarted: async (pid) => void started.push(pid),
    onEnded: async (pid) => void ended.push(pid),
    ...over,
  });
  const close = async () => agent.close?.();
  closing.push(close);
  let ids = 0;

  /** Gives it one message. */
  function give(
    text: string,
    { turn = {}, context = {} }: { turn?: Partial<Turn>; context?: Partial<TurnContext> } = {},
  ): Asked {
    const end = new AbortController();
    const made = contextIn(root, { signal: end.signal, ...context });
    const given = turnWith({ id: `73000000000000000${10 + ++ids}`, text, ...turn });
    return { outcome: agent.answer(given, made), emitted: made.emitted, end: (why) => end.abort(why) };
  }
  const ask = (...given: Parameters<typeof give>): Promise<Outcome> => give(...given).outcome;
  const textOf = async (...given: Parameters<typeof give>): Promise<string> => {
    const outcome = await ask(...given);
    const [piece] = outcome.kind === 'reply' ? outcome.pieces : [];
    if (!piece || !('text' in piece)) throw new Error(`no text: ${JSON.stringify(outcome)}`);
    return piece.text;
  };
  return { agent, root, log, pauses, started, ended, give, ask, textOf, close };
}

const reply = (...texts: string[]) => ({ kind: 'reply', pieces: texts.map((text) => ({ text })) });

describe('answers', () => {
  test('one process answers one message after the other', async () => {
    const { agent, ask, textOf, started, close, ended } = coprocess();
    agent.start?.();
    expect(await ask('echo 你好 \u001b[31mred\u001b[0m')).toEqual(reply('你好 red'));
    expect(await ask('two-lines in one go')).toEqual(reply('in one go'));
    expect(await ask('nothing')).toEqual({ kind: 'silent' });
    expect(await ask('typing')).toEqual({ kind: 'silent' });
    expect(await ask('error it \u001b[31mbroke')).toMatchObject({
      kind: 'failed',
      reason: 'exit',
      detail: 'it broke',
    });
    expect(await ask('retry')).toMatchObject({ kind: 'retry', afterMs: 1 });
    expect(await textOf('pid')).toBe(String(started[0]));
    expect(started).toHaveLength(1);
    expect(ended).toEqual([]);
    await close();
    expect(ended).toEqual(started);
  });

  test('a piece goes out at once, the last ones with the end', async () => {
    const { give } = coprocess();
    const first = give('pieces');
    await pollUntil('the first piece', () => first.emitted.length > 0);
    expect(first.emitted).toEqual([{ text: 'one' }]);
    give('go');
    await pollUntil('the second piece', () => first.emitted.length > 1);
    give('go');
    expect(await first.outcome).toEqual({ kind: 'reply', pieces: [] });
    expect(first.emitted).toEqual([{ text: 'one' }, { text: 'two' }]);
  });

  test('it is no faster than its pieces are kept', async () => {
    const { give, ask } = coprocess();
    let keep = (): void => {};
    const kept = new Promise<void>((resolve) => {
      keep = resolve;
    });
    const emitted: ReplyPiece[] = [];
    const emit = (piece: ReplyPiece) => {
      emitted.push(piece);
      return kept;
    };
    const slow = give('pieces', { context: { emit } });
    await pollUntil('the first piece', () => emitted.length > 0);
    const other = ask('echo waits as well');
    expect(await Promise.race([other, delay(50, 'nothing')])).toBe('nothing');
    keep();
    expect(await other).toEqual(reply('waits as well'));
    slow.end('cancel');
    await slow.outcome;
  });

  test('a file is named by its path; the folders of the turn are in the event', async () => {
    const { ask, textOf, root } = coprocess();
    const event = JSON.parse(await textOf('event'));
    expect(event).toMatchObject({
      v: 1,
      type: 'message',
      stateDir: join(root, 'state'),
      replyDir: join(root, 'reply'),
      mediaDir: join(root, 'media'),
    });
    expect(await ask('file')).toEqual({
      kind: 'reply',
      pieces: [{ file: join(root, 'reply', 'a.txt'), name: 'a.txt' }],
    });
  });

  test('several turns are under way at once and may end in any order', async () => {
    const { give, ask, started } = coprocess();
    const turns = [200, 100, 1].map((ms) => give(`late ${ms}`));
    const order: number[] = [];
    turns.forEach(({ outcome }, index) => void outcome.then(() => order.push(index)));
    expect(await ask('echo meanwhile')).toEqual(reply('meanwhile'));
    for (const { outcome } of turns) expect(await outcome).toEqual(reply('too late'));
    expect(order).toEqual([2, 1, 0]);
    expect(started).toHaveLength(1);
  });
});

/** What a message makes of its own turn; the process answers the next one all the same. */
const HARMLESS: [how: string, outcome: object, log?: string][] = [
  ['garbage', { kind: 'failed', reason: 'bad-output', detail: expect.stringContaining('Traceback') }],
  ['list', { kind: 'failed', reason: 'bad-output' }],
  ['no-id', { kind: 'failed', reason: 'bad-output', detail: expect.stringContaining('"id"') }],
  ['numeric-id', { kind: 'failed', reason: 'bad-output' }],
  ['no-fields', { kind: 'failed', reason: 'bad-output', hint: expect.stringContaining('"done":true') }],
  ['wrong-type', { kind: 'failed', reason: 'bad-output' }],
  ['overlong', { kind: 'failed', reason: 'bad-output', detail: expect.stringContaining('1 MiB') }],
  [
    'overlong-without-newline',
    { kind: 'failed', reason: 'bad-output', detail: expect.stringContaining('1 MiB') },
  ],
  ['wrong-first', reply('mine'), 'unknown or finished'],
  ['twice', reply('once'), 'unknown or finished'],
  ['flood-stderr', reply('after the flood'), 'agent: eee'],
];

/** What costs the process its life, and its turn a retry. */
const DEADLY: [how: string, detail: RegExp, emitted?: string][] = [
  ['crash', /exit code 3: boom$/],
  ['crash-during', /exit code 3/, 'half of'],
  ['kill', /SIGKILL/],
  ['fork-and-exit', /exit code 0: forked \d+$/],
  ['close-stdout', /closed its stdout/],
  ['flood-of-strangers', /4 MiB of output without a reply/],
];

describe('misbehaviour', () => {
  test('an odd answer costs its own turn only, and the process goes on', async () => {
    const { ask, started, log } = coprocess();
    for (const [how, outcome, line] of HARMLESS) {
      const before = log.lines.length;
      expect(await ask(how), how).toMatchObject(outcome);
      expect(await ask('late 60'), how).toEqual(reply('too late'));
      if (line !== undefined) expect(log.lines.slice(before).join('\n'), how).toContain(line);
    }
    expect(started).toHaveLength(1);
  });

  test('what ends the process: another one, and the message again', async () => {
    const { give, ask, started, log } = coprocess();
    for (const [index, [how, detail, emitted]] of DEADLY.entries()) {
      const before = log.lines.length;
      const asked = give(how);
      expect(await asked.outcome, how).toMatchObject({
        kind: 'retry',
        afterMs: null,
        detail: expect.stringMatching(detail),
      });
      expect(asked.emitted, how).toEqual(emitted === undefined ? [] : [{ text: emitted }]);
      expect(await ask('echo survived'), how).toEqual(reply('survived'));
      expect(started, how).toHaveLength(index + 2);
      expect(groupAlive(started[index] ?? null), how).toBe(false);
      expect(log.lines.slice(before).join('\n')).toMatch(
        /the coprocess ended: .*; starting it again in [\d.]+ s/,
      );
    }
  });

  test('an answer before a crash is an answer', async () => {
    const { ask, ended } = coprocess();
    expect(await ask('crash-after')).toEqual(reply('whole'));
    await pollUntil('it has ended', () => ended.length === 1);
    expect(await ask('echo next')).toEqual(reply('next'));
  });

  test.each(['flood-of-pieces', 'flood-of-text'])('%s is too large, and then its end', async (how) => {
    const { ask, started, log } = coprocess();
    expect(await ask(how)).toMatchObject({ kind: 'failed', reason: 'too-large' });
    // It goes on, to nobody: lines of a finished turn are worth as little as any others.
    await pollUntil('another one', () => started.length === 2);
    expect(await ask('echo with another one')).toEqual(reply('with another one'));
    expect(log.lines.filter((line) => line.includes('unknown or finished')).length).toBeGreaterThan(5);
  });

  test('what cannot be understood ends every turn that it may have belonged to; pieces before it stay', async () => {
    const { give, ask, started } = coprocess();
    const [other, own] = [give('never'), give('text-then-garbage')];
    for (const { outcome } of [other, own]) {
      expect(await outcome).toMatchObject({
        kind: 'failed',
        reason: 'bad-output',
        detail: expect.stringContaining('oops'),
      });
    }
    expect(own.emitted).toEqual([{ text: 'stays' }]);
    expect(await ask('echo x')).toEqual(reply('x'));
    expect(started).toHaveLength(1);
  });

  test('what it says while nobody waits is for the log', async () => {
    const { agent, ask, log } = coprocess(['banner']);
    agent.start?.();
    await pollUntil('the banner', () => log.lines.some((line) => line.includes('listening on port')));
    expect(await ask('echo x')).toEqual(reply('x'));
  });

  test('asked for a retry after a piece: the piece stays', async () => {
    const { give } = coprocess();
    const asked = give('text-then-retry');
    expect(await asked.outcome).toMatchObject({ kind: 'retry', afterMs: 7 });
    expect(asked.emitted).toEqual([{ text: 'kept' }]);
  });
});

describe('a process that ends', () => {
  test('is started again later and later; the first time with what to do about it', async () => {
    const { agent, pauses, log, started } = coprocess(['exit', '127']);
    agent.start?.();
    await pollUntil('eight starts', () => started.length >= 8);
    expectJittered(pauses.slice(0, 7), [1_000, 2_000, 4_000, 8_000, 16_000, 32_000, 60_000]);
    expect(log.lines[0]).toMatch(/^the coprocess ended: exit code 127; starting it again in [\d.]+ s$/);
    expect(log.lines[1]).toContain('hint: the shell did not find a command');
  });

  test('begins anew with the first pause once it has worked', async () => {
    const { ask, pauses } = coprocess();
    for (const _ of [1, 2, 3]) {
      await ask('echo x');
      await ask('crash');
    }
    await ask('echo x');
    expectJittered(pauses, [1_000, 1_000, 1_000]);
  });

  test('a command that cannot be started: the turns that wait are tried again', async () => {
    const { ask, log } = coprocess([], { cwd: '/nowhere' });
    expect(await ask('echo x')).toMatchObject({
      kind: 'retry',
      detail: expect.stringContaining('could not be started'),
    });
    expect(log.lines.join('\n')).toContain('hint: the folder /nowhere does not exist any more');
  });
});

describe('a turn that must end', () => {
  test('its time is up: the lane is free, it is told, and what comes later is dropped', async () => {
    const { ask, textOf, log, started } = coprocess();
    await ask('echo it is there');
    expect(await ask('say-and-hang', { context: { timeoutMs: 500 } })).toMatchObject({
      kind: 'failed',
      reason: 'timeout',
    });
    const slow = ask('late 1000', { turn: { id: '7' }, context: { timeoutMs: 500 } });
    expect(await ask('echo meanwhile')).toEqual(reply('meanwhile'));
    expect(await slow).toMatchObject({ kind: 'failed', reason: 'timeout', detail: 'no answer within 0.5 s' });
    const received = JSON.parse(await textOf('received')) as string[];
    expect(received.at(-2)).toBe('{"v":1,"type":"cancel","id":"7"}');
    await pollUntil('it is dropped', () => log.lines.some((line) => line.includes('unknown or finished')));
    expect(started).toHaveLength(1);
  });

  test('a process that was silent for all that time is replaced, and the turns behind it run again', async () => {
    const { give, ask, started } = coprocess(['stubborn']);
    await ask('echo started');
    const stuck = give('half', { context: { timeoutMs: 400 } });
    const behind = give('never', { context: { timeoutMs: 60_000 } });
    expect(await stuck.outcome).toMatchObject({ kind: 'failed', reason: 'timeout' });
    expect(await behind.outcome).toMatchObject({
      kind: 'retry',
      detail: expect.stringContaining('no output for the time limit'),
    });
    expect(await ask('echo anew')).toEqual(reply('anew'));
    expect(started).toHaveLength(2);
    expect(groupAlive(started[0] ?? null)).toBe(false);
  });

  test('a process that has never answered yet is given time to get going', async () => {
    const { ask, started } = coprocess(['deaf']);
    expect(await ask('echo x', { context: { timeoutMs: 200 } })).toMatchObject({ reason: 'timeout' });
    expect(await ask('echo x', { context: { timeoutMs: 200 } })).toMatchObject({ reason: 'timeout' });
    expect(started).toHaveLength(1);
  });

  test.each(['stop', 'cancel'] as const)('%s: it is told, and goes on', async (why) => {
    const { give, textOf, started } = coprocess();
    const asked = give('never', { turn: { id: '7' } });
    await textOf('echo it is under way');
    asked.end(why);
    expect(await asked.outcome).toMatchObject({ kind: 'failed', reason: 'cancelled' });
    expect(JSON.parse(await textOf('received'))).toContain('{"v":1,"type":"cancel","id":"7"}');
    expect(started).toHaveLength(1);
  });

  test('a process that does not read: every timeout holds', async () => {
    // Long after it has started.
    const clock = { ...systemClock, monotonic: () => systemClock.monotonic() * 10_000 };
    const { ask, give, started } = coprocess(['deaf'], { clock });
    const text = `never ${'x'.repeat(300_000)}`;
    const first = give(text, { context: { timeoutMs: 1_000 } });
    await pollUntil('it has started', () => started.length === 1);
    await delay(20);
    const others = [1, 2, 3].map(() => ask(text, { context: { timeoutMs: 300 } }));
    for (const outcome of others) expect(await outcome).toMatchObject({ kind: 'failed', reason: 'timeout' });
    expect(await first.outcome).toMatchObject({ kind: 'failed', reason: 'timeout' });
    await pollUntil('another one', () => started.length === 2);
  });
});

describe('what is written to it', () => {
  async function begin(way: string) {
    let drains = 0;
    const root = temporaryFolder();
    const child = await startCoprocessChild({
      command: { argv: [process.execPath, FIXTURE, way] },
      cwd: root,
      env: { PATH: process.env.PATH ?? '' },
      killGraceMs: 100,
      log: recordingLog(),
      onDrain: () => drains++,
    });
    if ('spawnError' in child) throw child.spawnError;
    closing.push(() => child.end('the test is over'));
    return { child, drains: () => drains, context: contextIn(root) };
  }
  const large = (way: string) =>
    JSON.stringify({ type: 'message', id: '1', text: `${way} ${'x'.repeat(300_000)}` });

  test('is no more than it reads', async () => {
    const { child, drains, context } = await begin('deaf');
    expect(child.takesTurns).toBe(true);
    void child.ask('1', large('never'), context);
    expect(child.takesTurns).toBe(false);
    await delay(100);
    expect([child.takesTurns, drains()]).toEqual([false, 0]);
  });

  test('goes on when it has read', async () => {
    const { child, drains, context } = await begin('');
    const answer = child.ask('1', large('nothing'), context);
    expect(child.takesTurns).toBe(false);
    expect(await answer).toEqual({ kind: 'silent' });
    expect([child.takesTurns, drains() > 0]).toEqual([true, true]);
  });
});

describe('the end', () => {
  test('a well-behaved process ends when its stdin is closed', async () => {
    const { ask, close, log, started, pauses } = coprocess([], { killGraceMs: 60_000 });
    await ask('echo x');
    await close();
    expect(groupAlive(started[0] ?? null)).toBe(false);
    expect(pauses).toEqual([]);
    expect(log.lines.join('\n')).not.toContain('the coprocess ended');
  });

  test.each(['stubborn', 'deaf'])('one that is %s is killed with all it forked', async (how) => {
    const { agent, close, started } = coprocess([how], { killGraceMs: 100 });
    agent.start?.();
    await pollUntil('it has started', () => started.length === 1);
    await close();
    expect(groupAlive(started[0] ?? null)).toBe(false);
  });

  test('a fork that outlives it is ended as well', async () => {
    const { textOf, close, started } = coprocess();
    expect(Number(await textOf('fork'))).toBeGreaterThan(1);
    await close();
    expect(groupAlive(started[0] ?? null)).toBe(false);
  });

  test('nothing is started after it', async () => {
    const { agent, close, started } = coprocess();
    await close();
    agent.start?.();
    await delay(20);
    expect(started).toEqual([]);
  });

  test('closed while it waits to start again', async () => {
    const { agent, close, started } = coprocess(['exit', '0'], {
      clock: { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms * 1_000, signal) },
    });
    agent.start?.();
    await pollUntil('one start', () => started.length === 1);
    await close();
    expect(started).toHaveLength(1);
  });
});

describe('what it is told of itself', () => {
  test('the account and wxagent, nothing of a turn, none of our secrets', async () => {
    const { textOf } = coprocess([], {
      account: { id: 'b@im.bot', name: 'home' },
      parentEnv: {
        ...process.env,
        WXAGENT_TOKEN: 'secret',
        WXAGENT_USER: 'of another turn',
        WXAGENT_TEXT: 'of another turn',
        WXAGENT_STATE_DIR: 'of another turn',
        WXAGENT_ATTEMPT: '7',
      },
    });
    const env = JSON.parse(await textOf('env')) as Record<string, string>;
    const ours = Object.entries(env).filter(([name]) => name.startsWith('WXAGENT_'));
    expect(Object.fromEntries(ours)).toEqual({
      WXAGENT_ACCOUNT: 'b@im.bot',
      WXAGENT_ACCOUNT_NAME: 'home',
      WXAGENT_BIN: '/bin/wxagent',
      WXAGENT_VERSION: '1.2.3',
    });
    expect(env.PYTHONUNBUFFERED).toBe('1');
  });
});

describe('one for each user', () => {
  const of = (user: string) => ({ turn: { user } });

  test('each has a process, a folder and a name of their own', async () => {
    const { textOf, root, started } = coprocess([], { per: 'user', clock: patient() });
    const pids = [
      await textOf('pid', of('ann')),
      await textOf('pid', of('bob')),
      await textOf('pid', of('ann')),
    ];
    expect(pids).toEqual([started[0], started[1], started[0]].map(String));
    expect(JSON.parse(await textOf('env', of('bob')))).toMatchObject({
      WXAGENT_USER: 'bob',
      WXAGENT_STATE_DIR: join(root, 'state'),
    });
    expect(started).toHaveLength(2);
  });

  test('one crash is of one user', async () => {
    const { ask, started } = coprocess([], { per: 'user', clock: patient() });
    const [ann, bob] = [ask('never', { ...of('ann'), context: { timeoutMs: 500 } }), ask('crash', of('bob'))];
    expect(await bob).toMatchObject({ kind: 'retry' });
    expect(await ann).toMatchObject({ kind: 'failed', reason: 'timeout' });
    expect(started.length).toBeGreaterThanOrEqual(2);
  });

  test('it ends after ten minutes with nothing to do, and the next message has another', async () => {
    let passIdle = (): void => {};
    const idle: number[] = [];
    const clock: Clock = {
      ...systemClock,
      sleep: (ms, signal) =>
        new Promise((resolve) => {
          idle.push(ms);
          passIdle = resolve;
          signal?.addEventListener('abort', () => resolve(), { once: true });
        }),
    };
    const { textOf, ended, started } = coprocess([], { per: 'user', clock });
    await textOf('pid', of('ann'));
    expect(idle).toEqual([600_000]);
    // A message in between: the ten minutes begin anew.
    await textOf('pid', of('ann'));
    expect(idle).toEqual([600_000, 600_000]);
    expect(started).toHaveLength(1);
    passIdle();
    await delay(1);
    // While the old one ends: two must not share the state of a user.
    expect(await textOf('pid', of('ann'))).toBe(String(started[1]));
    expect(ended).toEqual([started[0]]);
  });
});

/** A clock on which nothing that waits for long comes to its end. */
function patient(): Clock {
  return { ...systemClock, sleep: (ms, signal) => systemClock.sleep(ms >= 60_000 ? 10 * ms : 1, signal) };
}
