import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterEach, beforeEach, expect, test } from 'vitest';
import type { CallResult, IlinkClient } from '../../../../src/ilink/client.ts';
import type { GetUpdatesResponse } from '../../../../src/ilink/wire/wire.ts';
import { createOutgoing } from '../../../../src/runner/delivery/outgoing-files.ts';
import { pollOnce } from '../../../../src/runner/intake/poll-once.ts';
import { DEFAULT_RUNNER_OPTIONS } from '../../../../src/runner/port/options.ts';
import { createJumpClock } from '../../../helpers/jump-clock.ts';
import { ACCOUNT, createDesk, LOGIN, OWNER } from '../../store/conformance/desk.ts';
import { makeSqliteStores } from '../../store/sqlite-stores.ts';
import { createLogBook, wireText } from '../support.ts';

type Result = CallResult<GetUpdatesResponse>;
const down: Result = { kind: 'unreachable', detail: 'ECONNREFUSED', timedOut: false };
const PATIENCE_MS = 60_000;
const empty: Result = { kind: 'ok', body: { msgs: [] } };

let folder: string;
let data: Awaited<ReturnType<typeof makeSqliteStores>>;
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wxagent-poll-once-'));
  data = await makeSqliteStores();
});
afterEach(async () => {
  await data.dispose();
  await rm(folder, { recursive: true, force: true });
});

/** Polls a server that answers by script, the last answer for ever. */
async function poll(script: Result[], waitMs: number) {
  const jump = createJumpClock();
  // The patience itself never runs out here, everything shorter is jumped over.
  const clock: typeof jump = {
    ...jump,
    sleep: (ms, signal) =>
      ms < PATIENCE_MS
        ? jump.sleep(ms, signal)
        : new Promise((resolve) => signal?.addEventListener('abort', () => resolve(), { once: true })),
  };
  const { store } = await createDesk(data.open('me'));
  let polls = 0;
  const client = {
    async getUpdates({ signal }: { signal?: AbortSignal }) {
      if (signal?.aborted) return { kind: 'aborted' } as const;
      if (++polls > 50) throw new Error('it polls for ever');
      clock.advance(1_000);
      return script[Math.min(polls, script.length) - 1] as Result;
    },
    notifyStart: async () => ({ kind: 'ok', body: {} }) as const,
  } as unknown as IlinkClient;
  const result = await pollOnce({
    account: { key: ACCOUNT, id: ACCOUNT, login: LOGIN, owner: OWNER },
    store,
    client,
    outgoing: createOutgoing(folder),
    rescue() {},
    keepUnread: async () => '',
    trust: null,
    settings: { ...DEFAULT_RUNNER_OPTIONS, maxAgeMs: 1 },
    clock,
    log: createLogBook(),
    waitMs,
    from: OWNER,
    signal: new AbortController().signal,
  });
  return { ...result, polls, store };
}

test('one whole poll, when it brings nothing', async () => {
  expect(await poll([empty], 0)).toMatchObject({ received: 0, expired: false, polls: 1 });
});

test('what arrives is in the inbox for the next run', async () => {
  const message = wireText('7', 'hi', { from_user_id: OWNER });
  const { received, polls, store } = await poll([{ kind: 'ok', body: { msgs: [message] } }], 0);
  expect([received, polls]).toEqual([1, 1]);
  const waiting = await store.inbox.messages({ account: ACCOUNT, user: null, sinceMs: null, limit: 9 });
  expect(waiting).toMatchObject([{ user: OWNER, state: 'received', reason: null }]);
  // Whatever this one was told of ages: what becomes of it is for the run to say.
  expect(await store.inbox.unfinished(ACCOUNT)).toEqual([]);
});

test('a server that cannot be reached is not waited for', async () => {
  expect(await poll([down], 0)).toMatchObject({ received: 0, expired: false, polls: 1 });
});

test('with patience it goes on through empty and failed polls, but not longer', async () => {
  const message = wireText('7', 'hi', { from_user_id: OWNER });
  expect(await poll([empty, down, { kind: 'ok', body: { msgs: [message] } }], PATIENCE_MS)).toMatchObject({
    received: 1,
    polls: 3,
  });
});

test('messages of others wait for the run, and are no reason to end', async () => {
  const stranger = wireText('7', 'hi', { from_user_id: 'stranger' });
  const own = wireText('8', 'hi', { from_user_id: OWNER });
  const script: Result[] = [stranger, own].map((message) => ({ kind: 'ok', body: { msgs: [message] } }));
  expect(await poll(script, PATIENCE_MS)).toMatchObject({ received: 1, polls: 2 });
});

test('a dead login is told and noted', async () => {
  const { expired, store } = await poll([{ kind: 'refused', code: -14, errmsg: '' }], PATIENCE_MS);
  expect(expired).toBe(true);
  expect((await store.admin.accountView(ACCOUNT))?.loginExpired).toBe(true);
});
