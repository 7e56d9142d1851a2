import { useEffect, useRef } from 'preact/hooks';
import { openChannel } from '../../../../page/channel.ts';
import { ask } from '../../api-client/api.ts';
import type { Entry } from '../../api-client/types.ts';

/** Which conversation was looked at. */
export interface Seen {
  account: string;
  user: string;
}

/** To the other pages of this browser. To those of others it is no news that somebody has looked. */
const otherPages = openChannel('wxagent-seen', (seen) => tell(seen as Seen));
const listeners = new Set<(seen: Seen) => void>();

function tell(seen: Seen): void {
  for (const listener of listeners) listener(seen);
}

/** Tells what is looked at, here or in another page of this browser. Returns what ends it. */
export function onSeen(listener: (seen: Seen) => void): () => void {
  listeners.add(listener);
  return () => void listeners.delete(listener);
}

/** Notes that somebody looks at the newest messages of a user, for as long as the page itself is seen. */
export function useSeen(account: string, user: string, entries: readonly Entry[] | null): void {
  const last = entries?.findLast(({ message }) => message !== null)?.message?.id ?? null;
  const noted = useRef<string | null>(null);
  useEffect(() => {
    const note = async (): Promise<void> => {
      if (last === null || noted.current === last || document.visibilityState !== 'visible') return;
      noted.current = last;
      await ask(`/accounts/${encodeURIComponent(account)}/seen`, { body: { message: last } });
      otherPages.tell({ account, user });
      tell({ account, user });
    };
    // Who cannot note it sees it all the same.
    const tryNote = (): void => void note().catch(() => {});
    tryNote();
    document.addEventListener('visibilitychange', tryNote);
    return () => document.removeEventListener('visibilitychange', tryNote);
  }, [account, user, last]);
}
