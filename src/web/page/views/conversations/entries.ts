import { useSignal } from '@preact/signals';
import { useEffect, useRef } from 'preact/hooks';
import { ask, Problem } from '../../api-client/api.ts';
import { onEvent } from '../../api-client/live.ts';
import { stale } from '../../api-client/state.ts';
import type { Entry } from '../../api-client/types.ts';

/** Entries of one request, and the most that are kept: an answer of thousands would freeze the page. */
const PAGE = 60;
const MOST = 300;
/** Events that come together are one reason to look. */
const TOGETHER_MS = 150;
/** Of more changes it is quicker to load everything anew. */
const MOST_CHANGES = 8;

interface Piece {
  entries: Entry[];
  older: string | null;
  newer: string;
}

/** What a conversation shows. */
export interface Entries {
  /** Oldest first; null: they have not come yet. */
  entries: readonly Entry[] | null;
  /** Why they have not come, as a sentence; null: they have. */
  problem: string | null;
  hasOlder: boolean;
  /** There are later ones than those shown. */
  hasNewer: boolean;
  loadOlder(): void;
  loadNewer(): void;
  loadNewest(): void;
}

/** Tells an entry from every other one of its conversation. */
export function keyOf({ message, part }: Entry): string {
  return message ? `message=${encodeURIComponent(message.id)}` : `part=${part.id}`;
}

/** The entries of a conversation, from the newest back or around one ({@link keyOf}). Only some hundred are kept. */
export function useEntries(account: string, user: string, around: string | null): Entries {
  const entries = useSignal<readonly Entry[] | null>(null);
  const problem = useSignal<string | null>(null);
  /** The query that gets what comes before the first one; null: nothing does. */
  const older = useSignal<string | null>(null);
  const hasNewer = useSignal(false);
  const work = useRef<ReturnType<typeof createWork> | null>(null);

  function createWork(stop: AbortSignal) {
    const chat = `/accounts/${encodeURIComponent(account)}/conversations/${encodeURIComponent(user)}/entries`;
    /** The place behind the last entry; null: it has to be asked for. */
    let newer: string | null = null;
    let isBusy = false;
    /** What is loaded next: the same not twice. */
    const waiting = new Set<() => Promise<void>>();
    /** Keys of entries that have changed. */
    const changed = new Set<string>();
    const get = (query: string, limit = PAGE) =>
      ask<Piece>(`${chat}?${query}&limit=${limit}`, { signal: stop });

    /** One after the other. */
    async function alone(load: () => Promise<void>): Promise<void> {
      if (isBusy) {
        waiting.add(load);
        return;
      }
      isBusy = true;
      try {
        await load();
        problem.value = null;
      } catch (thrown) {
        if (stop.aborted) return;
        problem.value = thrown instanceof Error ? thrown.message : String(thrown);
      } finally {
        isBusy = false;
      }
      const [next] = waiting;
      if (!next) return;
      waiting.delete(next);
      await alone(next);
    }

    async function newest(limit = PAGE): Promise<void> {
      const piece = await get('', limit);
      entries.value = piece.entries;
      older.value = piece.older && `older=${piece.older}`;
      newer = piece.newer;
      hasNewer.value = false;
    }

    async function aroundOne(key: string): Promise<void> {
      const before = await get(key, PAGE / 2).catch(unlessGone);
      if (!before) return newest();
      const after = await get(`newer=${before.newer}`, PAGE / 2);
      entries.value = [...before.entries, ...after.entries];
      older.value = before.older && `older=${before.older}`;
      newer = after.newer;
      hasNewer.value = after.entries.length === PAGE / 2;
    }

    async function takeOlder(): Promise<void> {
      const query = older.peek();
      if (query === null) return;
      const piece = await get(query);
      const now = entries.peek() ?? [];
      const all = [
        ...piece.entries.filter((one) => !now.some((other) => keyOf(other) === keyOf(one))),
        ...now,
      ];
      older.value = piece.older && `older=${piece.older}`;
      if (all.length > MOST) {
        newer = null;
        hasNewer.value = true;
      }
      entries.value = all.slice(0, MOST);
    }

    async function takeNewer(): Promise<void> {
      const last = entries.peek()?.at(-1);
      if (newer === null && last) newer = (await get(keyOf(last), 1)).newer;
      if (newer === null) return newest();
      const piece = await get(`newer=${newer}`);
      newer = piece.newer;
      hasNewer.value = piece.entries.length === PAGE;
      if (piece.entries.length === 0) return;
      const now = entries.peek() ?? [];
      const all = [
        ...now,
        ...piece.entries.filter((one) => !now.some((other) => keyOf(other) === keyOf(one))),
      ];
      const first = all.length > MOST ? all[all.length - MOST - 1] : undefined;
      // What goes at the front is what comes before the rest.
      if (first) older.value = keyOf(first);
      entries.value = all.slice(-MOST);
    }

    /** Loads what has changed, and what is new where the newest are shown. */
    async function refresh(): Promise<void> {
      const shown = (entries.peek() ?? []).filter((one) => changed.has(keyOf(one)));
      changed.clear();
      if (shown.length > MOST_CHANGES) await reload();
      else {
        const now = await Promise.all(
          shown.map(async (one) => [keyOf(one), await again(one).catch(unlessGone)] as const),
        );
        const found = new Map(now);
        entries.value = (entries.peek() ?? []).map((one) => found.get(keyOf(one)) ?? one);
      }
      if (hasNewer.peek()) return;
      // However many have come: whoever follows goes on to follow.
      do await takeNewer();
      while (hasNewer.peek());
    }

    async function again({ message, part }: Entry): Promise<Entry | null> {
      const one = message ? `messages/${encodeURIComponent(message.id)}` : `parts/${part.id}`;
      const found = await ask<never>(`/accounts/${encodeURIComponent(account)}/${one}`, { signal: stop });
      // What a message quotes is known from before.
      return message
        ? { message: { ...(found as object), quote: message.quote } as never, part: null }
        : { message: null, part: found };
    }

    /** Loads what is shown anew. */
    async function reload(): Promise<void> {
      const now = entries.peek();
      const last = now?.at(-1);
      // Whoever has scrolled back stays there: as many as were there.
      const limit = Math.max(PAGE, now?.length ?? 0);
      if (!last || !hasNewer.peek()) return newest(limit);
      const piece = await get(keyOf(last), limit);
      entries.value = piece.entries;
      older.value = piece.older && `older=${piece.older}`;
      newer = piece.newer;
    }

    return { alone, newest, aroundOne, takeOlder, takeNewer, refresh, reload, changed };
  }

  useEffect(() => {
    const stop = new AbortController();
    entries.value = null;
    problem.value = null;
    older.value = null;
    hasNewer.value = false;
    const mine = createWork(stop.signal);
    work.current = mine;
    let soon: ReturnType<typeof setTimeout> | undefined;
    const stopEvents = onEvent((event) => {
      if (event.account !== account || event.user !== user) return;
      if (event.part !== null) mine.changed.add(`part=${event.part}`);
      // Its parts are not itself.
      else if (event.message !== null) mine.changed.add(`message=${encodeURIComponent(event.message)}`);
      soon ??= setTimeout(() => {
        soon = undefined;
        void mine.alone(mine.refresh);
      }, TOGETHER_MS);
    });
    let isFirst = true;
    const stopStale = stale.subscribe(() => {
      void mine.alone(isFirst && around !== null ? () => mine.aroundOne(around) : mine.reload);
      isFirst = false;
    });
    return () => {
      stop.abort();
      clearTimeout(soon);
      stopEvents();
      stopStale();
    };
  }, [account, user, around]);

  return {
    entries: entries.value,
    problem: problem.value,
    hasOlder: older.value !== null,
    hasNewer: hasNewer.value,
    loadOlder: () => void work.current?.alone(work.current.takeOlder),
    loadNewer: () => void work.current?.alone(work.current.takeNewer),
    loadNewest: () => void work.current?.alone(work.current.newest),
  };
}

/** null for what is kept no longer; throws whatever else went wrong. */
function unlessGone(thrown: unknown): null {
  if (thrown instanceof Problem && thrown.status === 404) return null;
  throw thrown;
}
