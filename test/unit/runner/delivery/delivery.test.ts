import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CallResult } from '../../../../src/ilink/client.ts';
import type { SendMessageResponse } from '../../../../src/ilink/wire/wire.ts';
import type { Uploader } from '../../../../src/runner/delivery/cdn-upload.ts';
import { createDelivery, type Delivery } from '../../../../src/runner/delivery/delivery.ts';
import { readSendResult } from '../../../../src/runner/delivery/send-result.ts';
import type { RunnerEvent } from '../../../../src/runner/port/events.ts';
import type { StartedTurn, Store } from '../../../../src/store/port/port.ts';
import { expectJittered } from '../../../helpers/jitter.ts';
import { createJumpClock } from '../../../helpers/jump-clock.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { ACCOUNT, createDesk, type Desk, FRIEND, OWNER, part } from '../../store/conformance/desk.ts';
import { makeSqliteStores } from '../../store/sqlite-stores.ts';
import { createLogBook } from '../support.ts';

type Result = CallResult<SendMessageResponse>;
const ok = (id = '1'): Result => ({ kind: 'ok', body: { message_id: id } });
const lost: Result = { kind: 'unreachable', detail: 'timeout', timedOut: true };
const refusal: Result = { kind: 'refused', code: -2, errmsg: 'prepare failed' };
const dead: Result = { kind: 'refused', code: -14, errmsg: 'session timeout' };

let data: Awaited<ReturnType<typeof makeSqliteStores>>;
let desk: Desk;
/** A message of the owner that nobody has run. */
let first: number;
let clock: ReturnType<typeof createJumpClock>;
let delivery: Delivery;
let events: RunnerEvent[];
let errors: unknown[];
let expired: number;
/** What the server has seen: text and user of each request, and its bytes. */
let sent: { user: string; text: string; body: string }[];
/** What it answers, in turn; then everything is accepted. A promise keeps it waiting. */
let answers: (Result | Promise<Result>)[];
let uploads: Awaited<ReturnType<Uploader['upload']>>[];

beforeEach(async () => {
  data = await makeSqliteStores();
  clock = createJumpClock();
  desk = await createDesk(data.open('me'));
  desk.nowMs = clock.now();
  [events, errors, sent, answers, uploads, expired] = [[], [], [], [], [], 0];
  delivery = make(desk.store);
  first = await desk.says(OWNER);
  await desk.says(FRIEND);
});
afterEach(async () => {
  await delivery.stop();
  await data.dispose();
});

function make(store: Store, paceMs = 0): Delivery {
  const uploader: Uploader = {
    async upload() {
      return uploads.shift() ?? { kind: 'uploaded', upload: JSON.stringify({ kind: 'file', param: 'p' }) };
    },
  };
  return createDelivery({
    account: ACCOUNT,
    store,
    client: {
      async sendMessage(body, { signal } = {}) {
        const { msg } = JSON.parse(body.toString('utf8'));
        const [item] = msg.item_list;
        sent.push({
          user: msg.to_user_id,
          text: item.text_item?.text ?? `file ${item.type}`,
          body: body.toString('utf8'),
        });
        const cut = new Promise<Result>((resolve) =>
          signal?.addEventListener('abort', () => resolve({ kind: 'aborted' }), { once: true }),
        );
        return await Promise.race([answers.shift() ?? ok(String(sent.length)), cut]);
      },
    },
    uploader,
    outgoing: { async discard() {} },
    clock,
    log: createLogBook(),
    emit: (event) => void events.push(event),
    paceMs,
    version: '1.2.3',
    noticeOf: ({ name }) => [part(`${name} refused`)],
    onExpired: () => void expired++,
    onError: (error) => void errors.push(error),
  });
}

const texts = (user?: string): string[] =>
  sent.filter((one) => user === undefined || one.user === user).map((one) => one.text);
const verdicts = (): string[] => events.map((event) => (event.type === 'part' ? event.verdict : event.type));
const settled = (): Promise<void> => delivery.settled(1e9);

test('each user gets their parts in order, and each verdict is told', async () => {
  for (const text of ['1', '2', '3']) await desk.sends(OWNER, text);
  await desk.sends(FRIEND, 'x');
  await delivery.refresh();
  await settled();
  expect(texts(OWNER)).toEqual(['1', '2', '3']);
  expect(texts(FRIEND)).toEqual(['x']);
  expect(events).toHaveLength(4);
  expect(events.find((event) => event.type === 'part' && event.user === OWNER)).toEqual({
    type: 'part',
    account: ACCOUNT,
    message: null,
    user: OWNER,
    clientId: expect.any(String),
    kind: 'text',
    verdict: 'confirmed',
    messageId: expect.any(String),
    reason: null,
    budgetLeft: 9,
  });
});

test('nothing goes out before what would repeat it is flushed', async () => {
  let written: () => void = () => {};
  const disk = new Promise<void>((resolve) => (written = resolve));
  let waits = 0;
  const flush = async () => {
    waits++;
    await disk;
  };
  const cautious = make({ ...desk.store, flush });
  await desk.sends(OWNER, '1');
  await desk.sends(OWNER, '2');
  cautious.wake(OWNER);
  await pollUntil('the wait', () => waits === 1);
  expect(sent).toEqual([]);
  written();
  await pollUntil('both', () => sent.length === 2);
  expect(waits).toBe(2);
  await cautious.stop();
});

test('a slow request to one user does not keep the others waiting', async () => {
  let answer: (result: Result) => void = () => {};
  answers.push(new Promise((resolve) => (answer = resolve)));
  await desk.sends(OWNER, 'slow');
  await desk.sends(OWNER, 'behind');
  await desk.sends(FRIEND, 'quick');
  delivery.wake(OWNER);
  await pollUntil('the request', () => sent.length === 1);
  delivery.wake(FRIEND);
  delivery.wake(OWNER);
  await pollUntil('the other request', () => sent.length === 2);
  expect(texts()).toEqual(['slow', 'quick']);
  answer(ok());
  await settled();
  expect(texts()).toEqual(['slow', 'quick', 'behind']);
});

test('after an unknown result the same bytes go again, then the rest', async () => {
  answers.push(lost, { kind: 'http', status: 502 }, { kind: 'unreadable', detail: 'HTML' });
  await desk.sends(OWNER, '1');
  await desk.sends(OWNER, '2');
  delivery.wake(OWNER);
  await settled();
  expect(texts()).toEqual(['1', '1', '1', '1', '2']);
  expect(new Set(sent.slice(0, 4).map((one) => one.body)).size).toBe(1);
  expectJittered(clock.slept, [500, 1_000, 2_000]);
});

test('a refused part and those behind it are told as held, and nothing goes until the user writes', async () => {
  answers.push(refusal);
  await desk.sends(OWNER, '1');
  await desk.sends(OWNER, '2');
  delivery.wake(OWNER);
  await settled();
  expect(verdicts()).toEqual(['held', 'held']);
  delivery.wake(OWNER);
  await settled();
  expect(texts()).toEqual(['1']);
  await desk.says(OWNER);
  delivery.wake(OWNER);
  await settled();
  expect(texts()).toEqual(['1', '1|2']);
});

test('a first contact is told as held without a request', async () => {
  await desk.sends('unknown', 'hello?');
  delivery.wake('unknown');
  await settled();
  expect(events).toMatchObject([{ verdict: 'held', reason: 'first-contact', budgetLeft: null }]);
  expect(sent).toEqual([]);
});

test('the pace is kept', async () => {
  delivery = make(desk.store, 1_500);
  for (const user of [OWNER, FRIEND]) for (const text of ['1', '2']) await desk.sends(user, text);
  await delivery.refresh();
  await settled();
  expect(sent).toHaveLength(4);
  expect(clock.slept.length).toBeGreaterThan(0);
  expect(clock.now() - desk.nowMs).toBeGreaterThanOrEqual(2 * 1_500);
});

describe('an answer that is queued', () => {
  const finish = (turn: StartedTurn, ...list: string[]) =>
    delivery.queue(OWNER, (claim) => {
      const parts = list.map((text) => part(text));
      const input = {
        account: ACCOUNT,
        turn,
        result: { kind: 'done' } as const,
        parts,
        nowMs: clock.now(),
        claim,
      };
      return desk.store.turns.finishTurn(input);
    });

  test('goes at once, claimed in the same commit', async () => {
    const turn = await desk.start(first);
    await finish(turn, 'a', 'b');
    await settled();
    expect(texts()).toEqual(['a', 'b']);
  });

  test('goes behind what is under way', async () => {
    let answer: (result: Result) => void = () => {};
    answers.push(new Promise((resolve) => (answer = resolve)));
    const turn = await desk.start(first);
    await desk.sends(OWNER, 'earlier');
    delivery.wake(OWNER);
    await pollUntil('the request', () => sent.length === 1);
    await finish(turn, 'answer');
    answer(ok());
    await settled();
    expect(texts()).toEqual(['earlier', 'answer']);
  });

  test('behind a hold is told as held', async () => {
    const turn = await desk.start(first);
    answers.push(refusal);
    await desk.sends(OWNER, 'earlier');
    delivery.wake(OWNER);
    await settled();
    await finish(turn, 'answer');
    await settled();
    expect(verdicts()).toEqual(['held', 'held']);
    expect(texts()).toEqual(['earlier']);
  });

  test('a step that fails is passed on, and the next one works', async () => {
    await expect(delivery.queue(OWNER, () => Promise.reject(new Error('disk')))).rejects.toThrow('disk');
    await desk.sends(OWNER, 'x');
    delivery.wake(OWNER);
    await settled();
    expect(texts()).toEqual(['x']);
    expect(errors).toEqual([]);
  });
});

describe('a dead login', () => {
  test('is told, the part stays as it was, and nothing more is sent once it is noted', async () => {
    answers.push(dead);
    const first = await desk.sends(OWNER, '1');
    await desk.sends(OWNER, '2');
    delivery.wake(OWNER);
    await settled();
    expect(expired).toBe(1);
    expect(await desk.view(first.seq)).toMatchObject({ state: 'queued', clientId: first.clientId });
    await desk.store.admin.markLogin({ account: ACCOUNT, login: 'login-1', expired: true });
    await delivery.refresh();
    await settled();
    expect(sent).toHaveLength(1);
  });
});

describe('files', () => {
  const file = { path: '/copy', name: 'a.txt', kind: 'file' as const, sizeBytes: 1, md5: 'm' };
  const sendFile = () =>
    desk.store.outbox.enqueue({
      account: ACCOUNT,
      user: OWNER,
      parts: [{ ...part(''), file, origin: 'send' }],
      message: null,
      id: null,
      key: null,
      expiresAtMs: null,
      nowMs: clock.now(),
    });

  test('are uploaded before they are sent, in the order of the queue', async () => {
    await desk.sends(OWNER, 'before');
    await sendFile();
    await desk.sends(OWNER, 'after');
    delivery.wake(OWNER);
    await settled();
    expect(texts()).toEqual(['before', 'file 4', 'after']);
    expect(events.map((event) => event.type === 'part' && event.kind)).toEqual(['text', 'file', 'text']);
  });

  test('are uploaded again after a failure', async () => {
    uploads.push({ kind: 'retry', detail: 'CDN' }, { kind: 'retry', detail: 'CDN' });
    await sendFile();
    delivery.wake(OWNER);
    await settled();
    expect(texts()).toEqual(['file 4']);
    // The claim is renewed while an upload is under way.
    expectJittered(
      clock.slept.filter((ms) => ms !== 20_000),
      [500, 1_000],
    );
  });

  test('of a reply that are refused are named to the user, in their language, in the commit of the refusal', async () => {
    uploads.push({ kind: 'refused', reason: 'HTTP 413' });
    await desk.store.outbox.enqueue({
      account: ACCOUNT,
      user: OWNER,
      parts: [{ ...part(''), file, origin: 'answer' }],
      message: null,
      id: null,
      key: null,
      expiresAtMs: null,
      nowMs: clock.now(),
    });
    await desk.sends(OWNER, 'after');
    delivery.wake(OWNER);
    await settled();
    expect(texts()).toEqual(['after', 'a.txt refused']);
  });

  test('that are refused stop nothing', async () => {
    uploads.push({ kind: 'refused', reason: 'too big' });
    await sendFile();
    await desk.sends(OWNER, 'after');
    delivery.wake(OWNER);
    await settled();
    expect(texts()).toEqual(['after']);
    expect(events[0]).toMatchObject({ verdict: 'refused', reason: 'too big', kind: 'file' });
  });

  test('wait when the login has expired', async () => {
    uploads.push({ kind: 'expired' });
    const [queued] = await sendFile();
    delivery.wake(OWNER);
    await settled();
    expect(expired).toBe(1);
    expect((await desk.view(queued?.seq ?? 0)).state).toBe('queued');
  });
});

describe('what is pending', () => {
  test('a request is; what waits longer than one has patience for is not', async () => {
    delivery = createStillDelivery();
    for (const text of ['1', '2', '3']) await desk.sends(OWNER, text);
    answers.push(ok(), ok(), refusal);
    delivery.wake(OWNER);
    expect(delivery.pending(0)).toBe(true);
    await delivery.settled(29_000);
    expect([delivery.pending(29_000), delivery.pending(30_000)]).toEqual([false, true]);
    expect(texts()).toEqual(['1', '2', '3']);
  });

  /** Its sleeps never end by themselves. */
  function createStillDelivery(): Delivery {
    const still = {
      ...clock,
      sleep: (_: number, signal?: AbortSignal) =>
        new Promise<void>((resolve) => signal?.addEventListener('abort', () => resolve())),
    };
    const before = clock;
    clock = still;
    const made = make(desk.store);
    clock = before;
    return made;
  }

  test('nothing to do is settled at once', async () => {
    await delivery.settled(1e9);
  });
});

describe('stop', () => {
  test('gives up the request under way, to be repeated as it was, and starts no other', async () => {
    answers.push(new Promise(() => {}));
    const first = await desk.sends(OWNER, '1');
    const second = await desk.sends(OWNER, '2');
    delivery.wake(OWNER);
    await pollUntil('the request', () => sent.length === 1);
    await delivery.stop();
    await desk.sends(FRIEND, 'x');
    delivery.wake(FRIEND);
    expect(sent).toHaveLength(1);
    expect((await desk.view(second.seq)).state).toBe('queued');
    desk.nowMs += 1_000;
    expect(await desk.claimed(OWNER)).toMatchObject({
      seq: first.seq,
      repeats: 1,
      body: Buffer.from(sent[0]?.body ?? ''),
    });
  });

  test('an answer queued after it is stored, not sent', async () => {
    await delivery.stop();
    await desk.start(first);
    await delivery.queue(OWNER, async (claim) => {
      expect(claim).toBeNull();
      await desk.finish(first, { kind: 'done' }, [part('kept')]);
      return { claim: null, held: [] };
    });
    expect((await desk.store.outbox.openParts(ACCOUNT)).map((one) => [one.text, one.state])).toEqual([
      ['kept', 'queued'],
    ]);
    expect(sent).toEqual([]);
  });

  test('what is being claimed meanwhile is given back unsent', async () => {
    let claimed: () => void = () => {};
    const gate = new Promise<void>((resolve) => (claimed = resolve));
    let isClaimed = false;
    delivery = make({
      ...desk.store,
      outbox: {
        ...desk.store.outbox,
        async claimPart(terms) {
          const claim = await desk.store.outbox.claimPart(terms);
          isClaimed = true;
          await gate;
          return claim;
        },
      },
    });
    const { seq } = await desk.sends(OWNER, '1');
    delivery.wake(OWNER);
    await pollUntil('the claim', () => isClaimed);
    const stopped = delivery.stop();
    claimed();
    await stopped;
    expect(sent).toEqual([]);
    expect((await desk.view(seq)).state).toBe('queued');
  });
});

test('a store that fails is reported, and does not stop the others', async () => {
  const failing: Store = {
    ...desk.store,
    outbox: {
      ...desk.store.outbox,
      claimPart: (terms) =>
        terms.user === OWNER ? Promise.reject(new Error('disk')) : desk.store.outbox.claimPart(terms),
    },
  };
  delivery = make(failing);
  await desk.sends(OWNER, '1');
  await desk.sends(FRIEND, '2');
  await delivery.refresh();
  await settled();
  expect(errors).toMatchObject([{ message: 'disk' }]);
  expect(texts()).toEqual(['2']);
});

describe('what an answer means', () => {
  test.each<[Result, unknown]>([
    [ok('7'), { kind: 'accepted', messageId: '7' }],
    [
      { kind: 'ok', body: {} },
      { kind: 'accepted', messageId: null },
    ],
    [refusal, { kind: 'refused', code: -2, errmsg: 'prepare failed' }],
    [dead, 'expired'],
    ...[400, 401, 403, 404, 413].map((status): [Result, unknown] => [
      { kind: 'http', status },
      { kind: 'rejected', status },
    ]),
    ...[425, 429].map((status): [Result, unknown] => [
      { kind: 'http', status },
      { kind: 'unsent', detail: `HTTP ${status}` },
    ]),
    ...[301, 408, 500, 502, 524].map((status): [Result, unknown] => [
      { kind: 'http', status },
      { kind: 'unknown', detail: `HTTP ${status}` },
    ]),
    [
      { kind: 'unreadable', detail: 'HTML' },
      { kind: 'unknown', detail: 'HTML' },
    ],
    [lost, { kind: 'unknown', detail: 'timeout' }],
    [{ kind: 'aborted' }, { kind: 'unknown', detail: 'stopped' }],
  ])('%j', (result, reply) => {
    expect(readSendResult(result)).toEqual(reply);
  });
});
