import { hostname } from 'node:os';
import { reasonOf } from '../../core/errors.ts';
import type { WebBackend } from '../port/backend.ts';
import { storeAnswer } from '../port/store-answer.ts';

/** A poll is held for some 40 s, and tried again after a failure: after that, something is wrong. */
const LATE_MS = 2 * 60_000;
/** Whoever asks more often gets the same answer: everybody may ask. */
const FRESH_MS = 1_000;

/** Whether this process can do its work. */
export interface Readiness {
  ready: boolean;
  /** What is wrong with the store; null: nothing. */
  store: string | null;
  /** Accounts that this process serves, and whose last poll is too long ago. */
  late: number;
}

/** Says whether this process can do its work: the store can be written, and the accounts that it serves are polled. */
export function createReadiness(backend: WebBackend): () => Promise<Readiness> {
  const { clock } = backend;
  let last: { atMs: number; answer: Promise<Readiness> } | null = null;
  /** Of a store that hangs, one write is enough. */
  let probing: Promise<string | null> | null = null;

  async function look(): Promise<Readiness> {
    probing ??= probe(backend).finally(() => {
      probing = null;
    });
    const fault = await storeAnswer(probing).catch(reasonOf);
    if (fault !== null) return { ready: false, store: fault, late: 0 };
    const late = await lateAccounts(backend);
    return { ready: late === 0, store: null, late };
  }

  return () => {
    if (last === null || clock.monotonic() - last.atMs >= FRESH_MS)
      last = { atMs: clock.monotonic(), answer: look() };
    return last.answer;
  };
}

/** What is wrong with the store; null: nothing. */
async function probe({ store, log }: WebBackend): Promise<string | null> {
  try {
    await store.admin.probe();
    return null;
  } catch (error) {
    // Its words name places, which are nobody's business.
    log.warn(`the store cannot be written: ${reasonOf(error)}`);
    return 'it cannot be written: the log of the server says why';
  }
}

/** How many of the accounts that this process serves are polled no more, though their logins work. */
async function lateAccounts(backend: WebBackend): Promise<number> {
  const { store, clock } = backend;
  const measures = await store.admin.measures(clock.now());
  const late = new Set(
    measures
      .filter(({ loginExpired }) => !loginExpired)
      .filter(({ lastPollAtMs }) => lastPollAtMs === null || clock.now() - lastPollAtMs > LATE_MS)
      .map(({ account }) => account),
  );
  const known = (await backend.accounts()).filter(({ key }) => late.has(key));
  const runners = await Promise.all(known.map(backend.runnerOf));
  return runners.filter((runner) => runner?.pid === process.pid && runner.host === hostname()).length;
}
