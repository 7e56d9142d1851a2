import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../../src/core/time/clock.ts';
import type { EventPlace, StateEvent } from '../../../../src/store/port/port.ts';
import type { Caller } from '../../../../src/web/access/authenticate.ts';
import { isBehind } from '../../../../src/web/events/event-id.ts';
import { createEventStreams } from '../../../../src/web/events/event-streams.ts';
import type { WebBackend } from '../../../../src/web/port/backend.ts';
import { type EventClient, openEvents } from '../../../helpers/event-client.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';

const CALLER: Caller = {
  ...{ name: 'token', scope: 'read', account: null, user: null, expiresAtMs: null },
  ...{ session: null, invitation: null, renewedCookie: null },
};

/** A server of nothing but events, over a log in memory. A token is the name of who asks, or what is said of them. */
async function serveEvents(callers: Record<string, Partial<Caller>> = {}) {
  const log: StateEvent[] = [];
  const removed = new Set<string>();
  const events = {
    newest: async () => log.at(-1) ?? null,
    at: async (place: EventPlace) => log[place.seq - 1] ?? null,
    after: async ({ place, limit }: { place: EventPlace; limit: number }) => ({
      events: log.filter((one) => isBehind(one, place)).slice(0, limit),
      isWhole: true,
    }),
  };
  const backend = {
    ...{ store: { events }, clock: systemClock, log: { warn() {} }, instance: 'test' },
    accounts: async () => [{ key: 'key', id: 'bot' }],
  } as unknown as WebBackend;
  const streams = createEventStreams(backend);
  const server = createServer((incoming, outgoing) => {
    const name = (incoming.headers.authorization ?? '').slice('Bearer '.length);
    const caller = { ...CALLER, name, ...callers[name] };
    const isOpen = streams.open({
      caller,
      again: async () => (removed.has(name) ? null : caller),
      knownId: String(incoming.headers['last-event-id'] ?? ''),
      page: new URL(incoming.url ?? '/', 'http://x').searchParams.get('page') ?? '',
      outgoing,
    });
    if (!isOpen) outgoing.writeHead(503).end();
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    streams.close();
    server.close();
    server.closeAllConnections();
  });
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/`,
    streams,
    removed,
    /** So many events; `state` makes them as long as wanted. */
    add(count: number, state = 'x', user = 'ann') {
      for (let n = 0; n < count; n++) {
        const seq = log.length + 1;
        const about = { account: 'key', message: null, subject: null, ms: null };
        log.push({ xid: 0, seq, atMs: seq, kind: 'message', user, state, ...about });
      }
    },
    idOf: (seq: number) => `test.0.${seq}.${seq}`,
  };
}

test('every block has data: some clients take any other for an event as well', async () => {
  const { url, add } = await serveEvents();
  add(1);
  const stop = new AbortController();
  onTestFinished(() => stop.abort());
  const { body } = await fetch(url, { headers: { authorization: 'Bearer one' }, signal: stop.signal });
  let text = '';
  for await (const chunk of body as ReadableStream<Uint8Array>) {
    text += Buffer.from(chunk).toString();
    if (text.endsWith('\n\n')) break;
  }
  const blocks = text.trimEnd().split('\n\n');
  expect(blocks).toEqual([expect.stringMatching(/^retry: 2000\nid: \S+\nevent: reset\ndata: \{.*\}$/)]);
});

const seqsOf = ({ events }: EventClient): number[] =>
  events.filter(({ event }) => event !== 'reset').map(({ id }) => Number(id?.split('.')[2]));
const from = (first: number, count: number): number[] => Array.from({ length: count }, (_, n) => first + n);

test('two hundred clients, of which some never read: those are cut off, all others get everything', async () => {
  const { url, streams, add } = await serveEvents();
  add(1);
  const clients = await Promise.all(
    Array.from({ length: 200 }, (_, n) => openEvents(url, { token: `t${Math.floor(n / 5)}`, onlyIds: true })),
  );
  expect(streams.count).toBe(200);
  const refused = [await openEvents(url, { token: 't1' }), await openEvents(url, { token: 'new' })];
  expect(refused.map(({ status }) => status)).toEqual([503, 503]);
  const deaf = clients.filter((_, n) => n % 10 === 0);
  for (const client of deaf) client.stopReading();
  const readers = clients.filter((client) => !deaf.includes(client));
  await pollUntil('all are told to begin', () => readers.every(({ events }) => events.length === 1));
  // What the machine keeps of a connection is a few megabytes.
  let sent = 1;
  while (streams.count > readers.length) {
    const before = sent;
    add(20, 'x'.repeat(50_000));
    sent += 20;
    await pollUntil('the readers have it', () => readers.every((one) => seqsOf(one).at(-1) === sent));
    expect(before).toBeLessThan(50_000);
  }
  expect(readers.filter(({ isOver }) => isOver)).toEqual([]);
  for (const one of readers) expect(seqsOf(one)).toEqual(from(2, sent - 1));
  expect(streams.count).toBe(readers.length);
});

test('who was away reads on behind the last event they know, however many there are', async () => {
  const { url, add, idOf } = await serveEvents();
  add(3);
  const first = await openEvents(url, { token: 'a' });
  await pollUntil('it may begin', () => first.lastId === idOf(3));
  first.cut();
  add(2_345);
  const second = await openEvents(url, { token: 'a', lastId: first.lastId });
  await pollUntil('it has all', () => seqsOf(second).length >= 2_345);
  add(2);
  await pollUntil('it goes on', () => seqsOf(second).length >= 2_347);
  expect(seqsOf(second)).toEqual(from(4, 2_347));
  expect(second.events.some(({ event }) => event === 'reset')).toBe(false);
  for (const lastId of [
    '',
    'x',
    'other.0.3.3',
    'test.0.99999.99999',
    'test.0.3',
    `test.0.${'9'.repeat(16)}.1`,
  ]) {
    const strange = await openEvents(url, { token: 'a', lastId });
    await pollUntil('it is told', () => strange.events.length > 0);
    expect(strange.events[0]).toMatchObject({ event: 'reset', id: idOf(2_350) });
    strange.cut();
  }
});

test('a stream of a page takes the place of its last one, whose client may be gone unheard, and of no other', async () => {
  const { url, streams, add } = await serveEvents();
  add(1);
  const open = (page: string, token = 'a') => openEvents(`${url}?page=${page}`, { token });
  const [other, others] = [await open('y'), await open('x', 'b')];
  const lost: EventClient[] = [];
  for (let n = 0; n < 12; n++) {
    const client = await open('x');
    expect(client.status).toBe(200);
    client.stopReading();
    lost.push(client);
  }
  expect(streams.count).toBe(3);
  const last = await open('x');
  add(1);
  await pollUntil('all that are left get it', () =>
    [other, others, last].every((one) => seqsOf(one).at(-1) === 2),
  );
  expect([other.isOver, others.isOver]).toEqual([false, false]);
});

test('a token of one user sees their events only, and learns no ID of another one', async () => {
  const { url, add, idOf } = await serveEvents({
    own: { account: 'key', user: 'ann' },
    other: { account: 'x' },
  });
  add(2, 'x', 'bob');
  const [own, other] = [await openEvents(url, { token: 'own' }), await openEvents(url, { token: 'other' })];
  await pollUntil('both may begin', () => own.events.length + other.events.length === 2);
  expect(own.events[0]).toEqual({ id: null, event: 'reset', data: { type: 'reset' } });
  add(1, 'x', 'ann');
  add(1, 'x', 'bob');
  add(1, 'x', 'ann');
  await pollUntil('its events', () => own.events.length === 3);
  expect(seqsOf(own)).toEqual([3, 5]);
  expect(other.events).toHaveLength(1);
  expect(own.events[1]?.data).toEqual({
    ...{ type: 'message', time: '1970-01-01T00:00:00.003Z', account: 'bot', user: 'ann', message: null },
    ...{ part: null, worker: null, state: 'x', seconds: null },
  });
  const guess = await openEvents(url, { token: 'own', lastId: idOf(4) });
  await pollUntil('it is told', () => guess.events.length > 0);
  expect(guess.events[0]?.event).toBe('reset');
});

test('a stream ends with its token, removed or expired', async () => {
  const { url, streams, removed } = await serveEvents({ short: { expiresAtMs: Date.now() + 50 } });
  const [short, long] = [await openEvents(url, { token: 'short' }), await openEvents(url, { token: 'long' })];
  await pollUntil('the first has ended', () => short.isOver);
  expect(long.isOver).toBe(false);
  removed.add('long');
  await pollUntil('the second has ended', () => long.isOver);
  await pollUntil('none is left', () => streams.count === 0);
});
