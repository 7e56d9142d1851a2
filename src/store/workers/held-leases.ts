import type { Clock } from '../../core/time/clock.ts';
import type { Lease } from '../port/lease.ts';
import { heldSum } from './rebalance.ts';

/** What serves the accounts of a worker. */
export interface LeasedService {
  /** An account was gained. */
  start(lease: Lease): void;
  /** Begins no turn of the account. True as soon as none runs; false, and all goes on, if that takes longer than `ms`. */
  rest(account: string, ms: number): Promise<boolean>;
  /** The account is handed over: no new turn begins. Resolves when the last one is answered. */
  drain(account: string): Promise<void>;
  /**
   * Another worker has the account, or may have it: it ends at once, whatever runs. Resolves when nothing of it is left that
   * could still ask the store for anything: it would do so under the next lease of this worker.
   */
  drop(account: string): Promise<void>;
}

/** So long the users of an account wait for its running turns, before it is handed over. Each try waits twice as long. */
const REST_MS = 10_000;
/** Between two tries so many times as long: then they wait a tenth of the time at the most. */
const PAUSE_TIMES = 10;

/** A lease, and what becomes of its account here. */
interface Held {
  lease: Lease;
  lost: AbortController;
  /** `waiting`: what served it under a former lease has not ended yet. `resting`: its turns end, before it is drained. */
  state: 'waiting' | 'serving' | 'resting' | 'draining' | 'drained';
  /** It was to be handed over, and is kept: its turns have not ended in time. */
  isKept: boolean;
  /** How long its turns are waited for, and from when on again; monotonic. */
  restMs: number;
  restAgainAtMs: number;
  /** Whether anything has been done under this lease. */
  isBegun: boolean;
  drained: Promise<void> | null;
}

/** The leases of a worker, as far as it knows, each with what serves its account. */
export interface HeldLeases {
  readonly size: number;
  /** A sum over all of them, which differs from that of the database when one was lost or gained there. */
  readonly sum: string;
  get(account: string): Readonly<Held> | undefined;
  all(): Held[];
  /** Begins to serve an account when nothing is left of what served it before. */
  gain(lease: Lease): void;
  /** Ends what serves an account. From here on no step of it passes the fence. */
  drop(account: string): void;
  /** Resolves when what was dropped of an account has ended. */
  ended(account: string): Promise<unknown>;
  /** Drains an account when its running turns have ended, or else keeps it. */
  handOver(account: string): Promise<void>;
  /** Those that may be handed over although a turn runs. */
  willing(): string[];
  /** Those that were to be handed over, and are kept. */
  kept(): Lease[];
  /** Others know now that these are kept. */
  keep(leases: readonly Lease[]): void;
  /** Lets what serves an account come to its end. */
  drain(account: string): Promise<void>;
  /** An account that is served no longer, and is to be given back. */
  end(account: string): void;
  /** What is to be given back. */
  drained(): Lease[];
  /** One that is given back. */
  forget(lease: Lease): void;
}

/** See {@link HeldLeases}. `onChange` is called when there is something to give back, or to be kept. */
export function createHeldLeases(
  service: LeasedService,
  options: { onChange: () => void; report: (error: unknown) => void; clock: Pick<Clock, 'monotonic'> },
): HeldLeases {
  const { onChange, report, clock } = options;
  const held = new Map<string, Held>();
  /** What was dropped and has not ended. */
  const ending = new Map<string, Promise<unknown>>();

  async function serve(one: Held): Promise<void> {
    const { lease } = one;
    for (let former = ending.get(lease.account); former; former = ending.get(lease.account)) await former;
    if (held.get(lease.account) !== one || one.state !== 'waiting') return;
    one.state = 'serving';
    one.isBegun = true;
    service.start(lease);
  }

  function drop(account: string): void {
    const one = held.get(account);
    if (!one) return;
    // First: from here on no step of it passes the fence.
    held.delete(account);
    one.lost.abort();
    const former = ending.get(account);
    const ended = Promise.all([former, service.drop(account).catch(report)]).then(() => {
      if (ending.get(account) === ended) ending.delete(account);
    });
    ending.set(account, ended);
  }

  async function drain(account: string): Promise<void> {
    const one = held.get(account);
    if (!one) return;
    if (one.state === 'waiting') {
      one.state = 'drained';
      onChange();
    }
    if (one.state === 'serving' || one.state === 'resting') {
      one.state = 'draining';
      one.drained = service
        .drain(account)
        .catch(report)
        .then(() => {
          one.state = 'drained';
          onChange();
        });
    }
    await one.drained;
  }

  return {
    get size() {
      return held.size;
    },
    get sum() {
      let epochs = 0;
      for (const { lease } of held.values()) epochs += lease.epoch;
      return heldSum(held.size, epochs);
    },
    get: (account) => held.get(account),
    all: () => [...held.values()],
    gain(lease) {
      const known = held.get(lease.account);
      if (known?.lease.epoch === lease.epoch) return;
      drop(lease.account);
      const one: Held = {
        lease,
        lost: new AbortController(),
        state: 'waiting',
        isKept: false,
        restMs: REST_MS,
        restAgainAtMs: 0,
        isBegun: false,
        drained: null,
      };
      held.set(lease.account, one);
      void serve(one);
    },
    drop,
    async handOver(account) {
      const one = held.get(account);
      if (one?.isKept || one?.state === 'resting') return;
      if (one?.state !== 'serving') return drain(account);
      one.state = 'resting';
      const isAtRest = await service.rest(account, one.restMs);
      // It may be lost meanwhile, or is drained because this process ends.
      if (held.get(account) !== one || one.state !== 'resting') return;
      if (isAtRest) return drain(account);
      one.state = 'serving';
      one.isKept = true;
      one.restAgainAtMs = clock.monotonic() + PAUSE_TIMES * one.restMs;
      one.restMs *= 2;
      onChange();
    },
    willing: () =>
      [...held.values()]
        .filter((one) => one.state === 'serving' && !one.isKept && clock.monotonic() >= one.restAgainAtMs)
        .map(({ lease }) => lease.account),
    kept: () => [...held.values()].filter(({ isKept }) => isKept).map(({ lease }) => lease),
    keep(leases) {
      for (const { account, epoch } of leases) {
        const one = held.get(account);
        if (one?.lease.epoch === epoch) one.isKept = false;
      }
    },
    ended: async (account) => ending.get(account),
    drain,
    end(account) {
      const one = held.get(account);
      if (one) one.state = 'drained';
    },
    drained: () => [...held.values()].filter(({ state }) => state === 'drained').map(({ lease }) => lease),
    forget({ account, epoch }) {
      if (held.get(account)?.lease.epoch === epoch) held.delete(account);
    },
  };
}
