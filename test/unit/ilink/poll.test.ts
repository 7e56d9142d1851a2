import { expect, test } from 'vitest';
import type { CallResult } from '../../../src/ilink/client.ts';
import { createPoller } from '../../../src/ilink/poll.ts';
import type { GetUpdatesResponse } from '../../../src/ilink/wire/wire.ts';
import { createJumpClock } from '../../helpers/jump-clock.ts';

type Scripted = { result: CallResult<GetUpdatesResponse>; afterMs?: number };

/** Polls once for each scripted answer; what the client was told and what came out. */
async function pollThrough(...script: Scripted[]) {
  const clock = createJumpClock();
  const calls: { cursor: string; timeoutMs: number }[] = [];
  const rest = [...script];
  const poller = createPoller({
    clock,
    client: {
      async getUpdates({ cursor, timeoutMs }) {
        calls.push({ cursor, timeoutMs });
        const next = rest.shift();
        if (!next) throw new Error('one poll too many');
        clock.advance(next.afterMs ?? 0);
        return next.result;
      },
    },
  });
  const results = [];
  for (const _ of script) {
    results.push(await poller.poll({ cursor: 'c0', signal: new AbortController().signal }));
  }
  return { results, timeouts: calls.map((call) => call.timeoutMs), calls };
}

const ok = (body: object): CallResult<GetUpdatesResponse> => ({ kind: 'ok', body });
const http = (status: number): Scripted => ({ result: { kind: 'http', status }, afterMs: 20_000 });

test('messages come with the new cursor', async () => {
  const messages = [{ message_id: '1' }, { message_id: '2', new_field: true }];
  const { results, calls } = await pollThrough({ result: ok({ msgs: messages, get_updates_buf: 'c1' }) });
  expect(results).toEqual([{ kind: 'messages', messages, cursor: 'c1' }]);
  expect(calls[0]?.cursor).toBe('c0');
});

test.each([{}, { get_updates_buf: '' }, { get_updates_buf: null }, { get_updates_buf: 7 }])(
  'the cursor is kept for %j',
  async (body) => {
    const { results } = await pollThrough({ result: ok({ ...body, msgs: [{}] }) });
    expect(results).toEqual([{ kind: 'messages', messages: [{}], cursor: null }]);
  },
);

test.each([{}, { msgs: [] }, { msgs: null }, { msgs: [null, null] }])('%j is empty', async (body) => {
  const { results } = await pollThrough({ result: ok({ ...body, get_updates_buf: 'c1' }), afterMs: 35_000 });
  expect(results).toEqual([{ kind: 'empty', early: false, cursor: 'c1', answered: true }]);
});

test('what is no object among the messages is kept like one', async () => {
  const { results } = await pollThrough({ result: ok({ msgs: [null, 5, 'x', []] }) });
  expect(results).toEqual([{ kind: 'messages', messages: [5, 'x', []], cursor: null }]);
});

test('an empty answer long before the hold is over is early', async () => {
  const { results } = await pollThrough(
    { result: ok({}), afterMs: 4_000 },
    { result: ok({ longpolling_timeout_ms: 100 }), afterMs: 6_000 },
    { result: ok({}), afterMs: 40 },
    { result: ok({}), afterMs: 60 },
  );
  expect(results.map((result) => result.kind === 'empty' && result.early)).toEqual([
    true,
    false,
    true,
    false,
  ]);
});

test('the client waits ten seconds longer than the server says it will', async () => {
  const hint = (value: unknown): Scripted => ({ result: ok({ longpolling_timeout_ms: value }) });
  const { timeouts } = await pollThrough(hint(20_000), hint(-1), hint('x'), hint(1e12), hint(1), hint(1));
  expect(timeouts).toEqual([45_000, 30_000, 30_000, 30_000, 310_000, 10_050]);
});

test.each([408, 425, 429, 502, 503, 504, 520, 521, 522, 523, 524])(
  'HTTP %i is an empty poll, but only 524 is one that the server has held',
  async (status) => {
    const answered = status === 524;
    const { results } = await pollThrough(http(status), { result: { kind: 'http', status }, afterMs: 10 });
    expect(results).toEqual([
      { kind: 'empty', early: false, cursor: null, answered },
      { kind: 'empty', early: true, cursor: null, answered },
    ]);
  },
);

test('no answer in time is an empty poll', async () => {
  const result = { kind: 'unreachable', timedOut: true, detail: 'no answer' } as const;
  const { results } = await pollThrough({ result, afterMs: 45_000 });
  expect(results).toEqual([{ kind: 'empty', early: false, cursor: null, answered: true }]);
});

test('two 524 in a row shorten the poll for good', async () => {
  const quiet: Scripted = { result: ok({}), afterMs: 10_000 };
  const { timeouts, results } = await pollThrough(http(524), http(524), quiet, quiet, http(524), quiet);
  expect(timeouts).toEqual([45_000, 45_000, 10_000, 10_000, 10_000, 10_000]);
  expect(results[2]).toEqual({ kind: 'empty', early: false, cursor: null, answered: true });
});

test('two 524 with anything between them do not', async () => {
  const { timeouts } = await pollThrough(http(524), http(502), http(524), http(503), http(524));
  expect(timeouts).toEqual([45_000, 45_000, 45_000, 45_000, 45_000]);
});

test.each<[CallResult<GetUpdatesResponse>, object]>([
  [
    { kind: 'http', status: 500 },
    { kind: 'failed', detail: 'HTTP 500' },
  ],
  [
    { kind: 'http', status: 403 },
    { kind: 'failed', detail: 'HTTP 403' },
  ],
  [
    { kind: 'refused', code: -2, errmsg: 'prepare failed' },
    { kind: 'failed', detail: 'refused with code -2 prepare failed' },
  ],
  [
    { kind: 'unreadable', detail: 'not JSON', bytes: Buffer.from('<html>') },
    { kind: 'failed', detail: 'not JSON', unread: Buffer.from('<html>') },
  ],
  [
    { kind: 'unreadable', detail: 'too large' },
    { kind: 'failed', detail: 'too large' },
  ],
  [
    { kind: 'unreachable', timedOut: false, detail: 'cut', bytes: Buffer.from('{"msgs":[{') },
    { kind: 'failed', detail: 'cut', unread: Buffer.from('{"msgs":[{') },
  ],
  [
    { kind: 'unreachable', timedOut: false, detail: 'ECONNRESET' },
    { kind: 'failed', detail: 'ECONNRESET' },
  ],
  [
    ok({ msgs: 'many' }),
    { kind: 'failed', detail: 'msgs is not a list', unread: Buffer.from('{"msgs":"many"}') },
  ],
  [{ kind: 'refused', code: -14, errmsg: 'session timeout' }, { kind: 'expired' }],
  [{ kind: 'aborted' }, { kind: 'aborted' }],
])('%j means %j', async (result, meaning) => {
  expect((await pollThrough({ result })).results).toEqual([meaning]);
});
