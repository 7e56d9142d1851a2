import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import type { EventPlace, StateEvent } from '../../../../src/store/port/port.ts';
import { isBehind } from '../../../../src/web/events/event-id.ts';
import { createEventLog } from '../../../../src/web/events/event-reader.ts';
import { follow } from '../../../../src/web/events/subscriber.ts';

const USERS = ['ann', 'bob'] as const;

/** A log in memory, as the store has it, whose readers look when they are told to. */
function createMemoryLog() {
  let all: StateEvent[] = [];
  let seq = 0;
  const looks: (() => void)[] = [];
  const log = createEventLog(
    {
      newest: async () => all.at(-1) ?? null,
      at: async ({ xid, seq: wanted, atMs }) =>
        all.find((one) => one.xid === xid && one.seq === wanted && one.atMs === atMs) ?? null,
      after: async ({ place, limit }) => ({
        events: all.filter((one) => isBehind(one, place)).slice(0, limit),
        isWhole: place.seq === 0 || all.some(({ seq: one }) => one === place.seq),
      }),
    },
    {
      clock: {
        sleep: (_, signal) =>
          new Promise((resolve) => {
            looks.push(resolve);
            signal?.addEventListener('abort', () => resolve());
          }),
      },
      log: { info() {}, warn() {}, error() {}, debug() {} } as never,
      tell: async (events) => events.map((event) => ({ ...event, text: '' })),
    },
  );
  return {
    log,
    all: () => all,
    /** Every third transaction is one of several events. */
    add(user: string) {
      seq++;
      const place = { xid: Math.floor(seq / 3), seq, atMs: 1_000 + seq };
      const about = { account: 'a', message: null, subject: null, state: 'x', ms: null };
      all.push({ ...place, ...about, kind: 'message', user });
    },
    sweep(count: number) {
      // The newest one stays.
      all = all.slice(Math.min(count, Math.max(0, all.length - 1)));
    },
    look() {
      for (const resolve of looks.splice(0)) resolve();
    },
  };
}

/** A client that comes back with the last ID it has, and that checks each event against the log. */
function createClient(memory: ReturnType<typeof createMemoryLog>, user: string | null) {
  const everything: StateEvent[] = [];
  const got: StateEvent[] = [];
  const faults: string[] = [];
  let known: EventPlace | null = null;
  /** Behind it nothing may be missing; null: before the first reset. */
  let from: EventPlace | null = null;
  let stop: AbortController | null = null;
  let isTaking = true;
  const waiting: (() => void)[] = [];
  const isFor = (event: { user: string | null }) => user === null || event.user === user;

  function take(events: readonly StateEvent[]): void {
    for (const event of events) {
      if (!isFor(event)) faults.push(`event ${event.seq} is of somebody else`);
      const expected = everything.find((one) => isFor(one) && from !== null && isBehind(one, from));
      if (expected?.seq !== event.seq) faults.push(`got ${event.seq} instead of ${expected?.seq}`);
      got.push(event);
      from = event;
      known = event;
    }
  }

  return {
    got,
    faults,
    note: (event: StateEvent) => void everything.push(event),
    connect() {
      if (stop !== null) return;
      stop = new AbortController();
      const { signal } = stop;
      void follow(
        memory.log,
        {
          mayKnow: isFor,
          isFor,
          reset(end) {
            from = end;
            known = user === null ? end : null;
          },
          push: (events) => {
            if (!signal.aborted) take(events);
          },
          async pull(events) {
            if (signal.aborted) return;
            take(events);
            if (!isTaking)
              await new Promise<void>((resolve) => {
                waiting.push(resolve);
                signal.addEventListener('abort', () => resolve());
              });
          },
        },
        { known, signal },
      );
    },
    cut() {
      stop?.abort();
      stop = null;
    },
    stall(isStalled: boolean) {
      isTaking = !isStalled;
      if (isTaking) for (const resolve of waiting.splice(0)) resolve();
    },
    /** What it must have by now. */
    missing: () => everything.filter((one) => isFor(one) && from !== null && isBehind(one, from)),
  };
}

type Act = 'add-ann' | 'add-bob' | 'look' | 'turn' | 'cut' | 'connect' | 'stall' | 'go' | 'sweep';
const ACTS: Act[] = ['add-ann', 'add-bob', 'look', 'turn', 'cut', 'connect', 'stall', 'go', 'sweep'];

test('whatever happens, a client misses nothing behind its last reset, gets nothing twice and nothing of others', async () => {
  await fc.assert(
    fc.asyncProperty(
      fc.array(fc.constantFrom(...ACTS), { minLength: 1, maxLength: 120 }),
      fc.constantFrom(null, ...USERS),
      async (acts, user) => {
        const memory = createMemoryLog();
        const client = createClient(memory, user);
        const act: Record<Act, () => unknown> = {
          'add-ann': () => add('ann'),
          'add-bob': () => add('bob'),
          look: () => memory.look(),
          turn: () => turn(),
          cut: client.cut,
          connect: client.connect,
          stall: () => client.stall(true),
          go: () => client.stall(false),
          sweep: () => memory.sweep(2),
        };
        function add(name: string): void {
          memory.add(name);
          client.note(memory.all().at(-1) as StateEvent);
        }
        add('ann');
        client.connect();
        for (const one of acts) await act[one]();
        client.stall(false);
        client.connect();
        for (let n = 0; n < 6; n++) {
          await turn();
          memory.look();
        }
        await turn();
        expect(client.faults).toEqual([]);
        expect(client.missing()).toEqual([]);
        client.cut();
      },
    ),
    { numRuns: 400 },
  );
});

test('who comes back with an ID of somebody else is reset, as with one that is not there', async () => {
  const memory = createMemoryLog();
  memory.add('ann');
  const known = memory.all()[0] as EventPlace;
  for (const [place, user, isReset] of [
    [known, 'ann', false],
    [known, 'bob', true],
    [{ ...known, atMs: 1 }, 'ann', true],
    [null, 'ann', true],
  ] as const) {
    const stop = new AbortController();
    let resets = 0;
    const ending = follow(
      memory.log,
      {
        mayKnow: (event) => event.user === user,
        isFor: (event) => event.user === user,
        reset: () => void resets++,
        push() {},
        async pull() {},
      },
      { known: place, signal: stop.signal },
    );
    await turn();
    expect(resets > 0).toBe(isReset);
    stop.abort();
    await ending;
  }
});
