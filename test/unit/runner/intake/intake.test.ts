import { describe, expect, test } from 'vitest';
import { WxError } from '../../../../src/core/errors.ts';
import type { PollResult } from '../../../../src/ilink/poll.ts';
import type { WeixinMessage } from '../../../../src/ilink/wire/wire.ts';
import { type IntakeOptions, runIntake } from '../../../../src/runner/intake/intake.ts';
import type { TriageRules } from '../../../../src/runner/intake/read-messages.ts';
import type { Intake, IntakeResult } from '../../../../src/store/port/port.ts';
import { expectJittered } from '../../../helpers/jitter.ts';
import { createJumpClock } from '../../../helpers/jump-clock.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { DAY_MS, HOUR_MS } from '../../../helpers/wall-clock.ts';
import { createLogBook, createScriptedPoller, wireText } from '../support.ts';

const NOTHING: IntakeResult = {
  messages: [],
  superseded: [],
  again: [],
  released: [],
  learnedOwner: null,
};
const RULES: TriageRules = {
  triage: 'now',
  allow: new Set(),
  maxAgeMs: 0,
  dedupeWindowMs: 0,
  commands: true,
  merge: () => [],
  chat: { busy: 'queue', mergeMs: 0, questionTo: () => null, noticeOf: () => [] },
};
const failed: PollResult = { kind: 'failed', detail: 'HTTP 500' };
const early: PollResult = { kind: 'empty', early: true, cursor: null, answered: true };
const empty: PollResult = { kind: 'empty', early: false, cursor: null, answered: true };
const brings = (messages: WeixinMessage[], cursor: string | null = null): PollResult => ({
  kind: 'messages',
  messages,
  cursor,
});

/** Runs an intake over a script of polls until it has asked once more. */
async function run(script: (PollResult | (() => PollResult))[], over: Partial<IntakeOptions> = {}) {
  const clock = createJumpClock();
  const log = createLogBook();
  const poller = createScriptedPoller(script);
  const taken: Intake[] = [];
  const happened: string[] = [];
  const rescued: string[] = [];
  let notes = 0;
  const enough = new AbortController();
  const options: IntakeOptions = {
    account: 'bot',
    bot: 'c41f09aa77be@im.bot',
    login: 'login',
    cursor: 'c0',
    store: {
      inbox: {
        async storeMessages(intake) {
          taken.push(intake);
          return NOTHING;
        },
      },
      admin: {
        async recordPolls() {
          notes++;
        },
      },
      async flush() {},
    },
    poller,
    rules: RULES,
    clock,
    log,
    onReady: () => void happened.push('ready'),
    onIntake: () => void happened.push('intake'),
    onEmpty: () => void happened.push('empty'),
    onFailure: () => void happened.push('failure'),
    rescue: (line) => void rescued.push(line),
    keepUnread: async () => '/unread',
    ...over,
  };
  const ended = runIntake(options, enough.signal);
  const isOver = Promise.race([
    ended.then(
      () => true,
      () => true,
    ),
    pollUntil('all polls', () => poller.cursors.length > script.length),
  ]);
  await isOver;
  enough.abort();
  return {
    how: await ended.catch((error: unknown) => error),
    clock,
    log,
    poller,
    taken,
    happened,
    rescued,
    notes,
  };
}

/** Up to half of a pause after an empty answer is left to chance. */
function expectSlept(slept: readonly number[], mostMs: readonly number[]): void {
  expectJittered(slept, mostMs);
  expect(slept.filter((ms, n) => ms < (mostMs[n] ?? 0) / 2)).toEqual([]);
}

describe('pauses', () => {
  test('up to 2 s after a failure, up to 30 s from the third in a row on, none after a success', async () => {
    const { clock } = await run([failed, failed, failed, failed, empty, failed]);
    expectJittered(clock.slept, [2_000, 2_000, 30_000, 30_000, 2_000]);
  });

  test('a server that does not hold is asked more and more slowly, up to 2 s', async () => {
    const { clock } = await run(Array.from({ length: 8 }, () => early));
    expectSlept(clock.slept, [50, 100, 200, 400, 800, 1_600, 2_000, 2_000]);
  });

  test.each([
    ['an answer in its time', empty],
    ['a message', brings([wireText('1', 'hi')])],
  ])('%s ends the pauses', async (_, good) => {
    const { clock } = await run([early, early, good, early]);
    expectSlept(clock.slept, [50, 100, 50]);
  });

  test('after messages the next poll follows at once', async () => {
    const { clock, poller } = await run([brings([wireText('1', 'a')]), brings([wireText('2', 'b')])]);
    expect(clock.slept).toEqual([]);
    expect(poller.cursors).toHaveLength(3);
  });

  test('failures are said, and that it works again', async () => {
    const { log } = await run([failed, failed, empty]);
    expect(log.lines).toEqual([
      expect.stringMatching(/^warn polling failed: HTTP 500; next try in [\d.]+ s$/),
      expect.stringMatching(/^warn polling failed: HTTP 500; next try in [\d.]+ s$/),
      'info polling works again',
    ]);
  });
});

describe('cursor', () => {
  test('each poll asks with the newest one that was named', async () => {
    const { poller } = await run([
      brings([wireText('1', 'a')], 'c1'),
      empty,
      { kind: 'empty', early: false, cursor: 'c2', answered: true },
    ]);
    expect(poller.cursors).toEqual(['c0', 'c1', 'c1', 'c2']);
  });

  test('a new cursor is stored without messages too, the same one again is not', async () => {
    const { taken } = await run([
      { kind: 'empty', early: false, cursor: 'c1', answered: true },
      { kind: 'empty', early: false, cursor: 'c1', answered: true },
      empty,
    ]);
    expect(taken).toMatchObject([{ account: 'bot', login: 'login', cursor: 'c1', messages: [] }]);
  });

  test('an idle account notes now and then that polling works', async () => {
    const clock = createJumpClock();
    const late = (): PollResult => {
      clock.advance(10_001);
      return empty;
    };
    const { notes } = await run(
      Array.from({ length: 9 }, () => late),
      { clock },
    );
    expect(notes).toBe(3);
  });
});

describe('after when a message was written', () => {
  const emptyAnswer: PollResult = { ...empty, cursor: 'c1' };
  const held = (result: PollResult) => (): PollResult => {
    clock.advance(20_000);
    return result;
  };
  let clock: ReturnType<typeof createJumpClock>;
  /** For each intake with messages, how long before its end they were written at the most; null: not known. */
  const writtenWithin = async (script: (PollResult | (() => PollResult))[]): Promise<(number | null)[]> => {
    clock = createJumpClock();
    const { taken } = await run(script, { clock });
    return taken
      .filter(({ messages }) => messages.length > 0)
      .map(({ writtenAfterMs, nowMs }) => (writtenAfterMs === null ? null : nowMs - writtenAfterMs));
  };
  const message = brings([wireText('1', 'x')], 'c2');

  test('a poll that was empty shows that nothing waited when it began', async () => {
    expect(await writtenWithin([held(emptyAnswer), message, message])).toEqual([20_000, 20_000]);
  });

  test('so does one that the server held until the message came', async () => {
    expect(await writtenWithin([emptyAnswer, held(emptyAnswer), held(message)])).toEqual([20_000]);
  });

  test.each<[string, (PollResult | (() => PollResult))[]]>([
    ['the first poll, however long it takes', [held(message)]],
    ['one that brings more at once', [message, message]],
    ['one after a failure', [failed, held(message)]],
    ['no answer of the server itself', [held(empty), held(message)]],
  ])('nothing is known after %s', async (_, script) => {
    expect((await writtenWithin(script)).every((ms) => ms === null)).toBe(true);
  });
});

test('a message is told of when it is committed, and on the disk before the next poll', async () => {
  const order: string[] = [];
  const says = (what: string) => async () => {
    await new Promise((resolve) => setImmediate(resolve));
    order.push(what);
  };
  const { poller } = await run(
    [
      brings([wireText('1', 'a')]),
      () => {
        order.push('next poll');
        return empty;
      },
    ],
    {
      store: {
        inbox: {
          async storeMessages() {
            await says('committed')();
            return NOTHING;
          },
        },
        admin: { async recordPolls() {} },
        flush: says('flushed'),
      },
      onIntake: () => void order.push('told'),
    },
  );
  expect(order).toEqual(['committed', 'told', 'flushed', 'next poll']);
  expect(poller.cursors).toHaveLength(3);
});

test('all polls under one lease have the same signal, so that nothing is left of each', async () => {
  const { signal } = new AbortController();
  const trust = { isTrusted: () => true, signal, regained: async () => {} };
  const { poller } = await run([empty, empty, empty], { trust });
  expect([poller.signals.length, new Set(poller.signals).size]).toEqual([4, 1]);
});

test('it is ready once, when an answer was understood', async () => {
  const { happened } = await run([failed, empty, brings([wireText('1', 'a')]), empty]);
  expect(happened).toEqual(['failure', 'ready', 'empty', 'intake', 'empty']);
});

test('a gateway that cannot reach the server makes nothing ready, and no poll empty', async () => {
  const { happened } = await run([{ ...empty, answered: false }, empty]);
  expect(happened).toEqual(['failure', 'ready', 'empty']);
});

test('bytes that cannot be read are kept, and it is said where; else they stand on stderr', async () => {
  const unread = Buffer.from([0xff, 0x7b]);
  const broken: PollResult = { ...failed, unread };
  const kept: Buffer[] = [];
  const { log } = await run([broken], {
    async keepUnread(bytes) {
      kept.push(bytes);
      return '/home/unread/1.body';
    },
  });
  expect(kept).toEqual([unread]);
  expect(log.lines).toEqual([
    expect.stringMatching(
      /^warn polling failed: HTTP 500; the 2 B that came are in \/home\/unread\/1\.body; next try in [\d.]+ s$/,
    ),
  ]);
  const { rescued } = await run([broken], { keepUnread: () => Promise.reject(new Error('disk')) });
  expect(rescued).toEqual([JSON.stringify({ unread: unread.toString('base64') })]);
});

test('a dead login ends it', async () => {
  expect((await run([empty, { kind: 'expired' }])).how).toBe('expired');
});

test('a stop ends it, also in the middle of a pause', async () => {
  expect((await run([failed])).how).toBe('aborted');
});

test.each(['storeMessages', 'flush'] as const)(
  'what cannot be stored (%s) is handed over whole before it fails',
  async (step) => {
    const message = wireText('7', 'precious', { unknown_field: 1 } as Partial<WeixinMessage>);
    const full = new WxError('storage', 'the disk is full');
    const fails = () => Promise.reject(full);
    const { how, rescued } = await run([brings([message])], {
      store: {
        inbox: { storeMessages: step === 'storeMessages' ? fails : async () => NOTHING },
        admin: { async recordPolls() {} },
        flush: step === 'flush' ? fails : async () => {},
      },
    });
    expect(how).toBe(full);
    expect(rescued.map((line) => JSON.parse(line))).toEqual([message]);
  },
);

describe('what becomes of a message', () => {
  const taken = async (message: WeixinMessage, over: Partial<IntakeOptions> = {}) =>
    (await run([brings([message])], over)).taken[0]?.messages;
  const NOW = createJumpClock().now();

  test('a text is for the agent, all of it kept', async () => {
    const message = wireText('18446744073709551615', 'hi', { group: 'x' } as Partial<WeixinMessage>);
    const [one] = (await taken(message)) ?? [];
    expect(one).toMatchObject({
      id: '18446744073709551615',
      kind: 'text',
      ignore: null,
      contextToken: 'token-18446744073709551615',
    });
    expect(JSON.parse(String(one?.raw))).toEqual(message);
  });

  test.each<[string, Partial<WeixinMessage>, string | null]>([
    ['a voice message with a transcript', { item_list: [{ type: 3, voice_item: { text: 'hi' } }] }, null],
    ['a voice message without one', { item_list: [{ type: 3, voice_item: {} }] }, null],
    ['a picture', { item_list: [{ type: 2, image_item: {} }] }, null],
    [
      'a text beside what nobody knows',
      { item_list: [{ type: 1, text_item: { text: 'x' } }, { type: 77 }] },
      null,
    ],
    ['what nobody knows', { item_list: [{ type: 77 }, { type: 78 }] }, 'kind:unknown'],
    ['nothing', { item_list: [] }, 'kind:unknown'],
    ['a group', { group_id: 'g' }, 'group'],
  ])('%s', async (_, over, ignore) => {
    expect(await taken(wireText('1', 'x', over))).toMatchObject([{ ignore }]);
  });

  test('items of no known kind are kept, counted and told of', async () => {
    const items = [{ type: 1, text_item: { text: 'x' } }, { type: 77, new_item: { a: 1 } }, {}];
    const message = wireText('1', 'x', { item_list: items as WeixinMessage['item_list'] });
    const { taken: all, log } = await run([brings([message])]);
    const [one] = all[0]?.messages ?? [];
    expect(one).toMatchObject({ unknownItems: 2, ignore: null });
    expect(JSON.parse(String(one?.raw))).toEqual(message);
    expect(log.lines).toEqual(['warn items of a kind unknown to this version: type 77, none; kept']);
    expect((await taken(wireText('2', 'x')))?.[0]).toMatchObject({ unknownItems: 0 });
  });

  test('one message that is too much, or no message, costs no other of its poll', async () => {
    const deep = JSON.parse(`${'['.repeat(6_000)}1${']'.repeat(6_000)}`);
    const items = Array.from({ length: 11_000 }, () => ({ type: 1, text_item: { text: 'x' } }));
    const odd = [wireText('1', 'x', { item_list: deep }), wireText('2', 'x', { item_list: items }), 'odd', 5];
    const { taken: all, how } = await run([brings([...odd, wireText('3', 'x')] as WeixinMessage[])]);
    const ignored = all[0]?.messages.map(({ ignore }) => ignore);
    expect(ignored).toEqual(['too-deep', 'oversized', 'no-sender', 'no-sender', null]);
    // None is taken for the repetition of another.
    expect(new Set(all[0]?.messages.map(({ fingerprint }) => fingerprint)).size).toBe(5);
    expect(how).toBe('aborted');
  });

  test('one that the store cannot bear is stored as it came, or else handed over; the others run', async () => {
    const stored: string[] = [];
    const isBorne = (id: string | null, ignore: string | null, raw: Buffer) =>
      id === '2' ? false : ignore !== 'unreadable' || !raw.includes('"3"');
    const { rescued, poller, how } = await run(
      [brings([wireText('1', 'a'), wireText('2', 'b'), wireText('3', 'c'), wireText('4', 'd')], 'c1')],
      {
        store: {
          inbox: {
            async storeMessages({ messages, cursor }) {
              for (const { id, ignore, raw } of messages) {
                if (id === '3' || !isBorne(id, ignore, raw)) throw new RangeError('a fault of a step');
              }
              stored.push(
                ...messages.map(({ id, ignore }) => id ?? String(ignore)),
                ...(cursor ? [cursor] : []),
              );
              return NOTHING;
            },
          },
          admin: { async recordPolls() {} },
          async flush() {},
        },
      },
    );
    expect(stored).toEqual(['1', 'unreadable', '4', 'c1']);
    expect(rescued.map((line) => JSON.parse(line).message_id)).toEqual(['3']);
    expect(poller.cursors).toEqual(['c0', 'c1']);
    expect(how).toBe('aborted');
  });

  test('what the bot itself wrote is not answered, whatever it is called', async () => {
    const own = wireText('1', 'x', { from_user_id: 'bot-of-a-relay', to_user_id: 'somebody' });
    expect(await taken(own, { bot: 'bot-of-a-relay' })).toMatchObject([{ ignore: 'bot' }]);
  });

  test('what no user wrote is left out, and a draft, which comes again when it is finished', async () => {
    expect(await taken(wireText('1', 'x', { message_type: 2 }))).toEqual([]);
    expect(await taken(wireText('1', 'x', { message_state: 1 }))).toEqual([]);
  });

  test('a server whose clock is days ahead makes nothing too old, and one that is right makes the wall clock no judge', async () => {
    const ignored = async (wallMs: number, createdAtMs: number) => {
      const clock = { ...createJumpClock(), now: () => NOW, wall: () => wallMs };
      const rules = { ...RULES, maxAgeMs: DAY_MS };
      const message = wireText('1', 'x', { create_time_ms: createdAtMs });
      return (await taken(message, { clock, rules }))?.[0]?.ignore;
    };
    expect(await ignored(NOW - 3 * DAY_MS, NOW - 3 * DAY_MS - 60_000)).toBe(null);
    expect(await ignored(NOW - 10 * DAY_MS, NOW - 3 * DAY_MS)).toBe('too-old');
    expect(await ignored(NOW + 25 * HOUR_MS, NOW - 60_000)).toBe(null);
    expect(await ignored(NOW + 25 * HOUR_MS, NOW - 3 * DAY_MS)).toBe('too-old');
  });

  test('what is too old is kept but not run; 0 turns that off', async () => {
    const old = wireText('1', 'x', { create_time_ms: NOW - 1_001 });
    expect(await taken(old, { rules: { ...RULES, maxAgeMs: 1_000 } })).toMatchObject([{ ignore: 'too-old' }]);
    expect(
      await taken(wireText('1', 'x', { create_time_ms: NOW - 1_000 }), {
        rules: { ...RULES, maxAgeMs: 1_000 },
      }),
    ).toMatchObject([{ ignore: null }]);
    expect(await taken(old, { rules: { ...RULES, maxAgeMs: 0 } })).toMatchObject([{ ignore: null }]);
    expect(
      await taken(wireText('1', 'x', { create_time_ms: undefined }), {
        rules: { ...RULES, maxAgeMs: 1_000 },
      }),
    ).toMatchObject([{ ignore: null }]);
  });

  test.each([1_789_000_000_123.5, 1e300, 9_007_199_254_740_991, -5, '1789000000123', 'soon', {}])(
    'a time that is none (%j) is no reason to lose it',
    async (time) => {
      const [one] = (await taken(wireText('1', 'x', { create_time_ms: time as number }))) ?? [];
      const { createdAtMs = 0.5 } = one ?? {};
      expect(
        createdAtMs === null ||
          (Number.isSafeInteger(createdAtMs) && !Number.isNaN(new Date(createdAtMs).getTime())),
      ).toBe(true);
    },
  );
});
