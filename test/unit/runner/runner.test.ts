import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { Agent } from '../../../src/agents/port/port.ts';
import { WxError } from '../../../src/core/errors.ts';
import type { Outcome, Turn } from '../../../src/core/message/message.ts';
import { systemClock } from '../../../src/core/time/clock.ts';
import { untilAborted } from '../../../src/core/time/event-loop.ts';
import { createSteadyClock } from '../../../src/core/time/steady-clock.ts';
import type { CallResult, IlinkClient } from '../../../src/ilink/client.ts';
import type { GetUpdatesResponse, SendMessageResponse, WeixinMessage } from '../../../src/ilink/wire/wire.ts';
import { createOutgoing } from '../../../src/runner/delivery/outgoing-files.ts';
import type { RunnerEvent } from '../../../src/runner/port/events.ts';
import { DEFAULT_RUNNER_OPTIONS, type RunnerOptions } from '../../../src/runner/port/options.ts';
import type { Runner } from '../../../src/runner/port/port.ts';
import { startRunner } from '../../../src/runner/runner.ts';
import { createFolderMaker } from '../../../src/runner/turns/folders.ts';
import { createUpkeep } from '../../../src/runner/upkeep/upkeep.ts';
import { LeaseLost } from '../../../src/store/port/lease.ts';
import type { Child, Claim, Store } from '../../../src/store/port/port.ts';
import { createTrustWindow, type TrustWindow } from '../../../src/store/workers/lease-trust.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { ACCOUNT, createDesk, FRIEND, incoming, LOGIN, OWNER } from '../store/conformance/desk.ts';
import { makeSqliteStores } from '../store/sqlite-stores.ts';
import { createLogBook, wireText } from './support.ts';

const dead = { kind: 'refused', code: -14, errmsg: 'session timeout' } as const;

let folder: string;
let data: Awaited<ReturnType<typeof makeSqliteStores>>;
let store: Store;
let runner: Runner | null;
let events: RunnerEvent[];
/** What the server hands out, one batch a poll; without any it holds the poll. */
let inbox: WeixinMessage[][];
let sent: string[];
let calls: string[];
let sendResult: () => CallResult<SendMessageResponse>;
let wakePoll: () => void;
/** Told the body of each part that is sent, and `messages` for each poll. */
let onRequest: (what: string) => void;
/** Fetches what a message brings. */
let complete: (turn: Turn, signal: AbortSignal) => Promise<Turn>;
/** As that of a worker; null: the runner holds no lease. */
let trust: TrustWindow | null;

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wxagent-runner-'));
  data = await makeSqliteStores();
  store = data.open('me');
  runner = null;
  [events, inbox, sent, calls, wakePoll] = [[], [], [], [], () => {}];
  complete = async (turn) => turn;
  trust = null;
  onRequest = () => {};
  sendResult = () => ({ kind: 'ok', body: { message_id: String(sent.length) } });
});
afterEach(async () => {
  runner?.stop();
  await runner?.done.catch(() => {});
  await data.dispose();
  await rm(folder, { recursive: true, force: true });
});

const client = {
  async getUpdates({ signal }: { signal?: AbortSignal }): Promise<CallResult<GetUpdatesResponse>> {
    calls.push('poll');
    onRequest('messages');
    if (inbox.length === 0) {
      await new Promise<void>((resolve) => {
        wakePoll = resolve;
        signal?.addEventListener('abort', () => resolve(), { once: true });
      });
    }
    const msgs = inbox.shift();
    return msgs
      ? { kind: 'ok', body: { msgs } }
      : signal?.aborted
        ? { kind: 'aborted' }
        : { kind: 'ok', body: {} };
  },
  async sendMessage(body: Buffer) {
    onRequest(body.toString());
    sent.push(JSON.parse(body.toString('utf8')).msg.item_list[0].text_item.text);
    return sendResult();
  },
  async notifyStart() {
    calls.push('start');
    return { kind: 'ok', body: {} };
  },
  async notifyStop() {
    calls.push('stop');
    return { kind: 'ok', body: {} };
  },
} as unknown as IlinkClient;

/** Hands a batch to the poll that waits, or to the next one. */
function deliver(...messages: WeixinMessage[]): void {
  inbox.push(messages);
  wakePoll();
}

let ids = 0;
const says = (text: string, user = OWNER): WeixinMessage =>
  wireText(String(++ids), text, { from_user_id: user, create_time_ms: Date.now() - 1_000_000 + ids * 1_001 });

function start(
  answer: (turn: Turn, signal: AbortSignal) => Promise<Outcome> | Outcome,
  over: Partial<RunnerOptions> = {},
  resident: { start?: () => void; endChild?: (child: Child) => Promise<boolean> } = {},
): Runner {
  const agent: Agent = {
    name: 'test',
    answer: async (turn, { signal }) => answer(turn, signal),
    start: () => resident.start?.(),
  };
  runner = startRunner({
    account: { key: ACCOUNT, id: ACCOUNT, name: null, owner: OWNER, login: LOGIN, formerPoller: null },
    store,
    trust,
    upkeep: createUpkeep(store, createSteadyClock(systemClock), createLogBook()),
    client,
    agent,
    folders: createFolderMaker({
      turns: join(folder, 'turns'),
      state: () => join(folder, 'state'),
      sessions: null,
      keep: false,
      log: createLogBook(),
    }),
    attachments: { complete: (turn, _, _folders, signal) => complete(turn, signal), async sweep() {} },
    outgoing: createOutgoing(join(folder, 'out')),
    uploader: { upload: async () => ({ kind: 'refused', reason: 'no files here' }) },
    endChild: resident.endChild ?? (async () => false),
    rescue() {},
    keepUnread: async () => '',
    settings: { ...DEFAULT_RUNNER_OPTIONS, typing: false, paceMs: 0, allow: 'all', ...over },
    version: '1.2.3',
    clock: createSteadyClock(systemClock),
    log: createLogBook(),
    emit: (event) => void events.push(event),
  });
  return runner;
}
const echo = ({ text }: Turn): Outcome => ({ kind: 'reply', pieces: [{ text: `re: ${text}` }] });
const states = async (): Promise<string[]> =>
  (await store.inbox.messages({ account: ACCOUNT, user: null, sinceMs: null, limit: 100 })).map(
    ({ state }) => state,
  );
const types = (): string[] => events.map((event) => event.type);

test('messages come in, are answered in order, and a stop is clean', async () => {
  start(echo);
  deliver(says('1'), says('2'));
  await pollUntil('the answers', () => events.filter((event) => event.type === 'part').length === 2);
  runner?.stop();
  expect(await runner?.done).toBe('stopped');
  expect(sent).toEqual(['re: 1', 're: 2']);
  // When a part arrives is the server's affair: the lane does not wait for it.
  expect(types().filter((type) => type !== 'part')).toEqual([
    'ready',
    'message',
    'outcome',
    'message',
    'outcome',
    'stopped',
  ]);
  expect(calls.filter((call) => call !== 'poll')).toEqual(['start', 'stop']);
  expect(await store.inbox.unfinished(ACCOUNT)).toEqual([]);
});

test('without trust in its lease it polls nothing, starts nothing and sends nothing, and then goes on', async () => {
  trust = createTrustWindow(systemClock);
  trust.renewed(trust.now());
  let end: () => void = () => {};
  start(({ text }) =>
    text === '1'
      ? new Promise((resolve) => {
          end = () => resolve({ kind: 'reply', pieces: [{ text: 're: 1' }] });
        })
      : echo({ text } as Turn),
  );
  deliver(says('1'), says('2'));
  await pollUntil('the first turn runs', () => types().includes('message'));
  await pollUntil('the second poll', () => calls.filter((call) => call === 'poll').length === 2);
  trust.spend();
  end();
  await pollUntil('the outcome', () => types().includes('outcome'));
  inbox.push([says('3')]);
  wakePoll();
  for (let n = 0; n < 50; n++) await new Promise((resolve) => setImmediate(resolve));
  // What the poll that ended was handed is stored, and waits.
  expect(calls.filter((call) => call === 'poll')).toHaveLength(2);
  expect([sent, types().filter((type) => type === 'message')]).toEqual([[], ['message']]);
  trust.renewed(trust.now());
  await pollUntil('all are answered', () => sent.length === 3);
  expect(sent).toEqual(['re: 1', 're: 2', 're: 3']);
});

test.each(['told', 'fenced'])('it leaves a lost account at once, whatever runs: %s', async (how) => {
  let aborted = false;
  const opened = store;
  let isFenced = false;
  store = {
    ...opened,
    turns: {
      ...opened.turns,
      async startTurn(input) {
        if (isFenced) throw new LeaseLost(ACCOUNT);
        return opened.turns.startTurn(input);
      },
    },
  };
  start((_, signal) => {
    return new Promise((resolve) => {
      signal.addEventListener('abort', () => {
        aborted = true;
        resolve({ kind: 'retry', detail: 'stopped' } as unknown as Outcome);
      });
    });
  });
  deliver(says('1'), says('2', FRIEND));
  await pollUntil('both turns run', () => types().filter((type) => type === 'message').length === 2);
  if (how === 'told') runner?.lose();
  else {
    isFenced = true;
    deliver(says('3', 'o9cq80zExampleUser03@im.wechat'));
  }
  expect(await runner?.done).toBe('lost');
  expect(aborted).toBe(true);
  expect(calls).not.toContain('stop');
  store = opened;
});

test('it is ready when the server has greeted it: with nothing to do, the first poll is held for half a minute', async () => {
  start(echo);
  await pollUntil('ready', () => types().includes('ready'));
  expect(calls).toEqual(['poll', 'start']);
  deliver(says('1'));
  await pollUntil('the outcome', () => types().includes('outcome'));
  expect(types().filter((type) => type === 'ready')).toHaveLength(1);
});

test('an agent that stays running starts when what a former runner left has ended', async () => {
  const order: string[] = [];
  await store.turns.recordChild({ account: ACCOUNT, id: null, child: { pid: 41, startTime: 'x' } });
  start(
    echo,
    {},
    {
      start: () => void order.push('start'),
      async endChild({ pid }) {
        await pollUntil('the first poll', () => calls.includes('poll'));
        order.push(`end ${pid}`);
        return true;
      },
    },
  );
  await pollUntil('the start', () => order.includes('start'));
  expect(order).toEqual(['end 41', 'start']);
  const recovered = await store.turns.recover({
    account: ACCOUNT,
    former: null,
    retries: 3,
    nowMs: Date.now(),
  });
  expect(recovered.children).toEqual([]);
});

test('a turn of a free lane starts in the commit of its message, and the agent runs after it', async () => {
  const order: string[] = [];
  const { storeMessages } = store.inbox;
  const { startTurn } = store.turns;
  store.inbox.storeMessages = async (...intake) => {
    const result = await storeMessages(...intake);
    order.push('committed');
    return result;
  };
  store.turns.startTurn = (input) => {
    order.push('start');
    return startTurn(input);
  };
  start(({ text }) => {
    order.push(text);
    return { kind: 'silent' };
  });
  await pollUntil('the first poll', () => calls.includes('poll'));
  deliver(says('1'));
  await pollUntil('the outcome', () => types().includes('outcome'));
  expect(order).toEqual(['start', 'committed', '1']);
});

describe('what is committed is flushed before a request tells anybody of it', () => {
  test('a message before the next poll, every part before it is sent', async () => {
    const unflushed = new Set<string>();
    const early: string[] = [];
    const claims: string[] = [];
    const noted = <T extends { claim?: Claim | null; next?: Claim | null }>(result: T): T => {
      const claim = result.claim ?? result.next;
      if (claim?.kind !== 'part') return result;
      claims.push(claim.part.body.toString());
      unflushed.add(claim.part.body.toString());
      return result;
    };
    const { flush } = store;
    const { storeMessages } = store.inbox;
    const { finishTurn } = store.turns;
    const { claimPart, settlePart } = store.outbox;
    store.inbox.storeMessages = async (...intake) => {
      const result = await storeMessages(...intake);
      unflushed.add('messages');
      return result;
    };
    store.turns.finishTurn = async (input) => noted(await finishTurn(input));
    store.outbox.settlePart = async (input) => noted(await settlePart(input));
    store.outbox.claimPart = async (terms) => noted({ claim: await claimPart(terms) }).claim;
    store.flush = async () => {
      const covered = [...unflushed];
      await flush();
      for (const one of covered) unflushed.delete(one);
    };
    onRequest = (what) => {
      if (unflushed.has(what)) early.push(what);
    };
    start(({ text }) => ({ kind: 'reply', pieces: [{ text: `${text} a` }, { text: `${text} b` }] }));
    deliver(says('1'), says('2'), says('3', FRIEND));
    await pollUntil('the answers', () => sent.length === 6);
    deliver(says('4', FRIEND));
    await pollUntil('the next answer', () => sent.length === 8);
    expect(early).toEqual([]);
    expect(claims).toHaveLength(8);
  });

  test('the agent does not wait for that, its answer and the next poll do', async () => {
    let written: () => void = () => {};
    const disk = new Promise<void>((resolve) => (written = resolve));
    let waits = 0;
    store.flush = () => {
      waits++;
      return disk;
    };
    start(echo);
    deliver(says('1'));
    await pollUntil('the waits', () => waits === 2);
    expect(types()).toContain('outcome');
    expect(sent).toEqual([]);
    expect(calls.filter((call) => call === 'poll')).toHaveLength(1);
    written();
    await pollUntil('the answer', () => sent.length === 1);
    await pollUntil('the next poll', () => calls.filter((call) => call === 'poll').length === 2);
  });
});

test.each<[string, string, object, (signal: AbortSignal) => Outcome | Promise<Outcome>]>([
  ['a reply', 'done', { outcome: 'reply' }, () => ({ kind: 'reply', pieces: [{ text: 'a' }] })],
  ['silence', 'done', { outcome: 'silent' }, () => ({ kind: 'silent' })],
  [
    'a failure',
    'failed',
    { outcome: 'failed', reason: 'exit' },
    () => ({ kind: 'failed', reason: 'exit', detail: '' }),
  ],
  ['a retry', 'waiting', { outcome: 'retry' }, () => ({ kind: 'retry', afterMs: null, detail: '' })],
  [
    'a retry for want of room',
    'waiting',
    { outcome: 'retry' },
    () => Promise.reject(Object.assign(new Error('no room'), { code: 'ENOSPC' })),
  ],
  [
    'a stop by the user',
    'superseded',
    { outcome: 'failed', reason: 'cancelled' },
    (signal) =>
      new Promise((resolve) => {
        deliver(says('/stop'));
        signal.addEventListener('abort', () => resolve({ kind: 'silent' }), { once: true });
      }),
  ],
  ['a fault of wxagent', 'failed', { outcome: 'failed', reason: 'crash' }, () => ({ kind: 'silent' })],
])('an outcome is told once, after its commit: %s', async (name, state, event, answer) => {
  if (name === 'a fault of wxagent') complete = () => Promise.reject(new TypeError('boom'));
  const { finishTurn } = store.turns;
  let commit: () => void = () => {};
  const asked = new Promise<void>((ask) => {
    store.turns.finishTurn = async (input) => {
      ask();
      await new Promise<void>((resolve) => (commit = resolve));
      return finishTurn(input);
    };
  });
  start((_, signal) => answer(signal));
  deliver(says('1'));
  await asked;
  expect(types()).not.toContain('outcome');
  commit();
  await pollUntil('the outcome', () => types().includes('outcome'));
  expect(await states()).toContain(state);
  expect(events.filter(({ type }) => type === 'outcome')).toMatchObject([event]);
});

test('the next poll does not wait for the agent', async () => {
  start(() => new Promise(() => {}), { graceMs: 0 });
  deliver(says('1'));
  await pollUntil('the next poll', () => calls.filter((call) => call === 'poll').length === 2);
  expect(runner?.running).toBe(1);
});

describe('what was left by a run that was killed', () => {
  test('is run again, and before anything new of that user', async () => {
    const desk = await createDesk(store);
    desk.nowMs = Date.now() - 60_000;
    const text = (content: string) => Buffer.from(JSON.stringify(wireText('x', content)));
    const [first] = (await desk.receive([incoming({ raw: text('old') })])).messages;
    await desk.start(first?.seq ?? 0);
    start(echo);
    deliver(says('new'));
    await pollUntil('the answers', () => sent.length === 2);
    expect(sent).toEqual(['re: old', 're: new']);
    expect(events.find((event) => event.type === 'message')).toMatchObject({ turn: { attempt: 2 } });
  });

  test('is given up after its last try, with a notice before anything new of that user', async () => {
    const desk = await createDesk(store);
    desk.nowMs = Date.now() - 60_000;
    const raw = Buffer.from(JSON.stringify(wireText('x', 'old')));
    const [first, second] = (await desk.receive([incoming({ raw }), incoming({ raw })])).messages;
    await desk.start(first?.seq ?? 0);
    start(echo, { retries: 0 });
    await pollUntil('both parts', () => sent.length === 2);
    expect(sent).toEqual([expect.stringContaining('interrupted'), 're: old']);
    expect(events.filter(({ type }) => type === 'outcome')).toMatchObject([
      { id: first?.id, outcome: 'failed', reason: 'crash', attempt: 1, parts: 1 },
      { id: second?.id, outcome: 'reply' },
    ]);
    const messages = await store.inbox.messages({ account: ACCOUNT, user: OWNER, sinceMs: null, limit: 10 });
    expect(messages.map((one) => [one.seq, one.state, one.reason])).toEqual([
      [first?.seq, 'failed', 'crash'],
      [second?.seq, 'done', null],
    ]);
  });

  test('parts that were queued are delivered', async () => {
    const desk = await createDesk(store);
    await desk.says(OWNER);
    await desk.sends(OWNER, 'left behind');
    start(echo);
    await pollUntil('the part', () => sent.length === 2);
    expect(sent[0]).toBe('left behind');
  });
});

describe('failures', () => {
  test('a notice is in the language in which its user wrote last, after a restart too', async () => {
    const fails = (): Outcome => ({ kind: 'failed', reason: 'exit', detail: 'x' });
    start(fails, { language: 'zh' });
    deliver(says('1'));
    await pollUntil('the notice', () => sent.length === 1);
    deliver(says('see this, please'), says('👍'));
    await pollUntil('the notices', () => sent.length === 3);
    runner?.stop();
    await runner?.done;
    start(fails, { language: 'zh' });
    deliver(says('2'));
    await pollUntil('the one after the restart', () => sent.length === 4);
    deliver(says('算了'), says('https://example.com/a'));
    await pollUntil('the others', () => sent.length === 6);
    const languages = sent.map((text) => (/\p{Script=Han}/u.test(text.replace('/重来', '')) ? 'zh' : 'en'));
    expect(languages).toEqual(['zh', 'en', 'en', 'en', 'zh', 'zh']);
  });

  test('one notice, in the language of the message, and the lane goes on', async () => {
    start(({ text }) =>
      text === '好' ? { kind: 'failed', reason: 'exit', detail: 'secret' } : echo({ text } as Turn),
    );
    deliver(says('好'), says('next'));
    await pollUntil('both', () => sent.length === 2);
    expect(sent).toEqual([expect.stringMatching(/^⚠️ .*智能体出错了。\n发送 \/重来 再试一次。$/), 're: next']);
  });

  test.each([
    ['detail', { onError: 'detail' } as const, /secret/],
    ['a text of one’s own', { errorText: 'sorry!' }, /^sorry!$/],
  ])('%s', async (_, over, expected) => {
    start(() => ({ kind: 'failed', reason: 'exit', detail: 'secret' }), over);
    deliver(says('x'));
    await pollUntil('the notice', () => sent.length === 1);
    expect(sent[0]).toMatch(expected);
  });

  test('silent', async () => {
    start(() => ({ kind: 'failed', reason: 'exit', detail: 'x' }), { onError: 'silent', maxMessages: 1 });
    deliver(says('x'));
    expect(await runner?.done).toBe('finished');
    expect(sent).toEqual([]);
  });

  test('what is to be tried again is, as often as allowed, counting attempts', async () => {
    const attempts: number[] = [];
    start(
      ({ attempt }) => {
        attempts.push(attempt);
        return { kind: 'retry', afterMs: 1, detail: 'busy', reason: 'http' };
      },
      { retries: 2 },
    );
    deliver(says('x'));
    await pollUntil('the notice', () => sent.length === 1);
    expect(JSON.stringify(sent)).toContain('the agent service did not answer properly');
    expect(attempts).toEqual([1, 2, 3]);
  });
});

describe('a stop', () => {
  test('ends the turn that runs; it runs again later and that counts as no failure', async () => {
    start(
      (_, signal) =>
        new Promise((resolve) =>
          signal.addEventListener('abort', () =>
            resolve({ kind: 'failed', reason: 'cancelled', detail: String(signal.reason) }),
          ),
        ),
    );
    deliver(says('x'));
    await pollUntil('the turn', () => runner?.running === 1);
    runner?.stop();
    await runner?.done;
    const [entry] = await store.inbox.unfinished(ACCOUNT);
    const again = await store.turns.startTurn({
      account: ACCOUNT,
      seq: entry?.seq ?? 0,
      mergeMs: 0,
      nowMs: Date.now(),
    });
    expect(again).toMatchObject({ attempt: 2, failures: 0 });
    expect(events.filter(({ type }) => type === 'outcome')).toMatchObject([
      { outcome: 'retry', reason: 'cancelled', attempt: 1 },
    ]);
    expect(sent).toEqual([]);
  });

  test('ends the fetching of files; no agent is started, and that counts as no failure', async () => {
    let isFetching = false;
    complete = (turn, signal) =>
      new Promise((resolve) => {
        isFetching = true;
        signal.addEventListener('abort', () => resolve(turn), { once: true });
      });
    const asked: string[] = [];
    start((turn) => {
      asked.push(turn.id);
      return { kind: 'silent' };
    });
    deliver(says('x'));
    await pollUntil('the fetching', () => isFetching);
    const polls = () => calls.filter((call) => call === 'poll').length;
    const before = polls();
    deliver(says('y', FRIEND));
    await pollUntil('another poll, although a file is fetched', () => polls() > before);
    runner?.stop();
    expect(await runner?.done).toBe('stopped');
    expect(asked).toEqual([]);
    expect(types()).not.toContain('message');
    const [entry] = await store.inbox.unfinished(ACCOUNT);
    const again = await store.turns.startTurn({
      account: ACCOUNT,
      seq: entry?.seq ?? 0,
      mergeMs: 0,
      nowMs: Date.now(),
    });
    expect(again).toMatchObject({ failures: 0 });
  });

  test.each(['stop', 'drain'] as const)('%s: begins nothing that had waited for a rest', async (how) => {
    const asked: string[] = [];
    const over = new AbortController();
    const held = start(async ({ text }, signal) => {
      asked.push(text);
      await untilAborted(AbortSignal.any([signal, over.signal]));
      return { kind: 'silent' };
    });
    deliver(says('runs'));
    await pollUntil('the turn runs', () => asked.length === 1);
    const resting = held.rest(60_000);
    deliver(says('waits', FRIEND));
    await pollUntil('it is stored', async () => {
      const [last] = await store.inbox.messages({ account: ACCOUNT, user: FRIEND, sinceMs: null, limit: 1 });
      return last !== undefined;
    });
    held[how]();
    expect(await resting).toBe(false);
    over.abort();
    await held.done;
    expect(asked).toEqual(['runs']);
  });

  test('waits no longer than the grace time for an agent that does not care', async () => {
    start(() => new Promise(() => {}), { graceMs: 50 });
    deliver(says('x'));
    await pollUntil('the turn', () => runner?.running === 1);
    runner?.stop();
    expect(await runner?.done).toBe('stopped');
    expect(await states()).toEqual(['running']);
  });
});

describe('ends by itself', () => {
  test('once: when one poll came back empty and all is answered', async () => {
    inbox = [[says('1'), says('2')], []];
    start(echo, { once: true });
    expect(await runner?.done).toBe('finished');
    expect(sent).toEqual(['re: 1', 're: 2']);
  });

  test('after so many messages, also when the last of them end in one moment', async () => {
    start(echo, { maxMessages: 3, concurrency: 4 });
    deliver(says('1'), says('2', FRIEND), says('3', 'third@im.wechat'));
    expect(await runner?.done).toBe('finished');
    expect(await states()).toEqual(['done', 'done', 'done']);
  });

  test('after so many messages, the rest kept', async () => {
    inbox = [[says('1'), says('2'), says('3', FRIEND)]];
    start(echo, { maxMessages: 2, concurrency: 1 });
    expect(await runner?.done).toBe('finished');
    expect(sent).toHaveLength(2);
    expect(await store.inbox.unfinished(ACCOUNT)).toHaveLength(1);
  });

  test('a message that is stopped before it starts is none of them', async () => {
    inbox = [[says('1'), says('2', FRIEND)], [says('/stop')]];
    start(echo, { maxMessages: 1, mergeMs: 100 });
    expect(await runner?.done).toBe('finished');
    expect(sent).toEqual([
      'Stopped. The queued message will not be answered; /again runs the last one.',
      're: 2',
    ]);
  });

  test('when there was nothing to do for long enough', async () => {
    start(echo, { exitIdleMs: 10 });
    expect(await runner?.done).toBe('finished');
  });
});

describe('a dead login', () => {
  test('found by the poll: noted, told once, and nothing is taken leave of', async () => {
    const original = client.getUpdates;
    client.getUpdates = async () => dead;
    start(echo);
    expect(await runner?.done).toBe('expired');
    client.getUpdates = original;
    expect(types()).toEqual(['expired', 'stopped']);
    expect(calls).not.toContain('stop');
    expect((await store.admin.accountView(ACCOUNT))?.loginExpired).toBe(true);
  });

  test('found by several requests at once: told once, every part kept', async () => {
    let answerAll: () => void = () => {};
    const gate = new Promise<void>((resolve) => (answerAll = resolve));
    const original = client.sendMessage;
    client.sendMessage = async (body) => {
      void original(body);
      await gate;
      return dead;
    };
    start(echo);
    deliver(says('1'), says('2', FRIEND), says('3', 'third'));
    await pollUntil('three requests', () => sent.length === 3);
    answerAll();
    expect(await runner?.done).toBe('expired');
    client.sendMessage = original;
    expect(types().filter((type) => type === 'expired')).toHaveLength(1);
    expect((await store.outbox.openParts(ACCOUNT)).map((part) => part.state)).toEqual(
      Array(3).fill('queued'),
    );
  });

  test('a dead login ends the agent after the grace time, and its message runs again', async () => {
    inbox = [[says('x')]];
    const untilStopped = (_: Turn, signal: AbortSignal): Promise<Outcome> =>
      new Promise((resolve) =>
        signal.addEventListener('abort', () =>
          resolve({ kind: 'failed', reason: 'cancelled', detail: 'stopped' }),
        ),
      );
    start(untilStopped, { graceMs: 50 });
    await pollUntil('the turn', () => runner?.running === 1);
    const original = client.getUpdates;
    client.getUpdates = async () => dead;
    wakePoll();
    expect(await runner?.done).toBe('expired');
    client.getUpdates = original;
    expect(await store.inbox.unfinished(ACCOUNT)).toHaveLength(1);
    const [view] = await store.inbox.messages({ account: ACCOUNT, user: null, sinceMs: null, limit: 1 });
    expect(view).toMatchObject({ state: 'waiting', attempt: 1 });
  });
});

test('a store that fails ends it with that error', async () => {
  store.inbox.storeMessages = () => Promise.reject(new WxError('storage', 'disk'));
  start(echo);
  deliver(says('x'));
  await expect(runner?.done).rejects.toThrow('disk');
});

test('a fault of the program costs the step that it is in, and not the runner', async () => {
  const { unfinished } = store.inbox;
  let faults = 0;
  const once = <A extends unknown[], T>(step: (...input: A) => Promise<T>) => {
    let isFirst = true;
    return (...input: A): Promise<T> => {
      if (!isFirst) return step(...input);
      isFirst = false;
      faults++;
      return Promise.reject(new TypeError('x is undefined'));
    };
  };
  store.outbox.usersToDeliver = once(store.outbox.usersToDeliver);
  store.admin.recordPolls = once(store.admin.recordPolls);
  start(echo);
  await pollUntil('it is ready', () => events.some(({ type }) => type === 'ready'));
  store.inbox.unfinished = once(unfinished);
  const beside = data.open('beside');
  await beside.admin.setAllowed({
    account: ACCOUNT,
    user: 'o9x@im.wechat',
    allowed: true,
    nowMs: Date.now(),
  });
  await pollUntil('the faults', () => faults >= 2);
  deliver(says('x'));
  await pollUntil('the answer', () => sent.length === 1);
  runner?.stop();
  expect(await runner?.done).toBe('stopped');
});

test('a file that finds no room costs its message nothing: it waits, and that counts as no failure', async () => {
  const noRoom = Object.assign(new Error('no space left on device'), { code: 'ENOSPC' });
  complete = () => Promise.reject(new Error('it cannot be kept', { cause: noRoom }));
  start(echo);
  deliver(says('x'));
  let state: string | undefined;
  const look = async (): Promise<void> => {
    const [message] = await store.inbox.messages({ account: ACCOUNT, user: null, sinceMs: null, limit: 1 });
    state = message?.state;
  };
  await pollUntil('it waits', () => {
    void look();
    return state === 'waiting';
  });
  expect(sent).toEqual([]);
});

test('what another process queues or has run again is seen', async () => {
  start(echo);
  deliver(says('x'));
  await pollUntil('the answer', () => sent.length === 1);
  const beside = data.open('beside');
  const [message] = await beside.inbox.messages({ account: ACCOUNT, user: OWNER, sinceMs: null, limit: 1 });
  await beside.inbox.retry({ account: ACCOUNT, id: message?.id ?? '' });
  await pollUntil('the second answer', () => sent.length === 2);
  expect(sent).toEqual(['re: x', 're: x']);
});
