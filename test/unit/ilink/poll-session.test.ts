import { expect, test } from 'vitest';
import type { PollResult } from '../../../src/ilink/poll.ts';
import { createPollSession } from '../../../src/ilink/poll-session.ts';
import { createJumpClock } from '../../helpers/jump-clock.ts';

const expired: PollResult = { kind: 'expired' };
const empty = (cursor: string | null): PollResult => ({
  kind: 'empty',
  early: false,
  cursor,
  answered: true,
});

/** A session over a script of polls; what is not in it is held until its signal is aborted. */
function scripted(...script: PollResult[]) {
  const calls: string[] = [];
  const notify = (what: string) => async () => {
    calls.push(what);
    return { kind: 'ok', body: {} } as const;
  };
  const session = createPollSession({
    clock: createJumpClock(),
    client: { notifyStart: notify('start'), notifyStop: notify('stop') },
    poller: {
      async poll({ cursor, signal }) {
        calls.push(`poll ${cursor}`);
        const next = script.shift();
        if (next) return next;
        if (!signal.aborted) await new Promise((resolve) => signal.addEventListener('abort', resolve));
        return { kind: 'aborted' };
      },
    },
  });
  return { session, calls, poll: (signal = never()) => session.poll({ cursor: 'c0', signal }) };
}

const never = (): AbortSignal => new AbortController().signal;

test('a -14 is believed after a beginning, a poll with the cursor and one without', async () => {
  const { poll, calls } = scripted(expired, expired, expired);
  expect(await poll()).toEqual(expired);
  expect(calls).toEqual(['poll c0', 'start', 'poll c0', 'poll ']);
});

test('the first of them that works is the poll; without a cursor, the old one is forgotten', async () => {
  const withCursor = scripted(expired, empty('c1'));
  expect(await withCursor.poll()).toEqual(empty('c1'));
  expect(withCursor.calls).toEqual(['poll c0', 'start', 'poll c0']);
  expect(await scripted(expired, expired, empty(null)).poll()).toEqual(empty(''));
  expect(await scripted(expired, expired, empty('c2')).poll()).toEqual(empty('c2'));
});

test('a failure in between says nothing about the login', async () => {
  const failed: PollResult = { kind: 'failed', detail: 'HTTP 500' };
  expect(await scripted(expired, failed).poll()).toEqual(failed);
});

test('a renewal ends the poll that is held; it is over when the next one is held', async () => {
  const { session, poll, calls } = scripted();
  const signal = never();
  const held = poll(signal);
  const renewed = session.renew('restart', never());
  expect(await held).toEqual({ kind: 'aborted' });
  const stop = new AbortController();
  const next = poll(stop.signal);
  await renewed;
  expect(calls).toEqual(['poll c0', 'stop', 'start', 'poll c0']);
  stop.abort();
  expect(await next).toEqual({ kind: 'aborted' });
});

test('a beginning that was asked for is the one that a -14 is worth', async () => {
  const { session, poll, calls } = scripted(expired, expired);
  const renewed = session.renew('start', never());
  expect(await poll()).toEqual(expired);
  await renewed;
  expect(calls).toEqual(['start', 'poll c0', 'poll ']);
});

test('whoever waits for a renewal does not wait for ever', async () => {
  const stop = new AbortController();
  const renewed = scripted().session.renew('start', stop.signal);
  stop.abort();
  await renewed;
});
