import { thisClaimant } from '../../home/claimant.ts';
import type { Store } from '../../store/port/port.ts';
import { openStore } from '../../store/sqlite-store.ts';
import type { CommandContext } from '../port/context.ts';

type StoreHome = Pick<CommandContext, 'paths' | 'clock' | 'log'> & Partial<Pick<CommandContext, 'server'>>;

/** Opens the store. With `waitInTrouble` its steps wait for a full disk or a lost server, and say so; else they fail. */
export async function openHomeStore(
  context: StoreHome,
  options: { waitInTrouble: AbortSignal | null } = { waitInTrouble: null },
): Promise<Store> {
  const { paths, clock, server } = context;
  const wait = waitOf(context, options.waitInTrouble);
  if (server) return server.open(wait);
  return openStore({ path: paths.database, reserve: paths.reserve, clock, claimant: thisClaimant(), wait });
}

/** How steps wait, and say so, until the signal is aborted; null: they do not. */
export function waitOf({ log }: Pick<CommandContext, 'log'>, signal: AbortSignal | null) {
  if (signal === null) return null;
  return {
    signal,
    report: (why: string) => log.error(`${why}: receiving is paused until it can be written`),
  };
}

/** Opens the store for `work` alone. */
export async function withStore<T>(context: StoreHome, work: (store: Store) => Promise<T>): Promise<T> {
  const store = await openHomeStore(context);
  try {
    return await work(store);
  } finally {
    await store.close();
  }
}
