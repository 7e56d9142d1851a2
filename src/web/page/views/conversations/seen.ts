import { useEffect, useRef } from 'preact/hooks';
import { ask } from '../../server/api.ts';
import type { Entry } from '../../server/types.ts';

/** Notes that somebody looks at the newest messages of a user, for as long as the page itself is seen. */
export function useSeen(account: string, user: string, entries: readonly Entry[] | null): void {
  const last = entries?.findLast(({ message }) => message !== null)?.message?.id ?? null;
  const noted = useRef<string | null>(null);
  useEffect(() => {
    const note = (): void => {
      if (last === null || noted.current === last || document.visibilityState !== 'visible') return;
      noted.current = last;
      // Who cannot note it sees it all the same.
      ask(`/accounts/${encodeURIComponent(account)}/seen`, { body: { message: last } }).catch(() => {});
    };
    note();
    document.addEventListener('visibilitychange', note);
    return () => document.removeEventListener('visibilitychange', note);
  }, [account, user, last]);
}
