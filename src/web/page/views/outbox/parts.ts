import { ask, Problem } from '../../api-client/api.ts';
import type { Account, Part, ScheduledText } from '../../api-client/types.ts';

/** The most that is loaded at first, of each account; and by each wish for more. */
const PAGE = 100;

/** The parts of a user that wait, in the order in which they go. */
export interface UserQueue {
  account: Account;
  user: string;
  parts: readonly Part[];
}

/** A text that waits for its time, and its account. */
export interface Later {
  account: Account;
  text: ScheduledText;
}

export interface OpenParts {
  queues: readonly UserQueue[];
  /** What goes later, the next one first. */
  later: readonly Later[];
  /** There are older ones. */
  hasMore: boolean;
}

/** Loads what waits, of all accounts that have something, so many pages of each. */
export async function loadOpenParts(pages: number, signal: AbortSignal): Promise<OpenParts> {
  const { accounts } = await ask<{ accounts: Account[] }>('/accounts', { signal });
  const waiting = accounts.filter(
    ({ outbox: { queued, sending, held, delayed } }) => queued + sending + held + delayed > 0,
  );
  const found: Awaited<ReturnType<typeof openPartsOf>>[] = [];
  for (const account of waiting) found.push(await openPartsOf(account, pages, signal));
  const planned = accounts.filter(({ outbox }) => outbox.scheduled > 0);
  const later = (await Promise.all(planned.map((account) => scheduledOf(account, signal)))).flat();
  later.sort((a, b) => a.text.at.localeCompare(b.text.at));
  const hasMore = found.some((one) => one.hasMore);
  return { queues: found.flatMap(({ queues }) => queues), later, hasMore };
}

async function scheduledOf(account: Account, signal: AbortSignal): Promise<Later[]> {
  const path = `/accounts/${encodeURIComponent(account.id)}/scheduled`;
  const { scheduled } = await ask<{ scheduled: ScheduledText[] }>(path, { signal });
  return scheduled.map((text) => ({ account, text }));
}

async function openPartsOf(
  account: Account,
  pages: number,
  signal: AbortSignal,
): Promise<Pick<OpenParts, 'queues' | 'hasMore'>> {
  const parts: Part[] = [];
  let before: number | null = null;
  for (let page = 0; page < pages; page++) {
    const path = `/accounts/${encodeURIComponent(account.id)}/parts?verdict=open&limit=${PAGE}`;
    const found: { parts: Part[]; before: number | null } = await ask(
      before === null ? path : `${path}&before=${before}`,
      { signal },
    );
    parts.push(...found.parts);
    before = found.before;
    if (before === null) break;
  }
  const byUser = new Map<string, Part[]>();
  for (const part of parts.reverse()) byUser.set(part.user, [...(byUser.get(part.user) ?? []), part]);
  const queues = [...byUser].map(([user, own]) => ({ account, user, parts: own }));
  return { queues, hasMore: before !== null };
}

/** Drops a part. Resolves to what has become of it; `isDropped` false: somebody else was faster. Throws Problem. */
export async function dropPart(
  account: Account,
  part: Part,
): Promise<{ verdict: string; isDropped: boolean }> {
  const path = `/accounts/${encodeURIComponent(account.id)}/parts/${part.id}`;
  try {
    const { verdict } = await ask<Part>(path, { method: 'DELETE' });
    return { verdict, isDropped: true };
  } catch (thrown) {
    if (!(thrown instanceof Problem) || thrown.status !== 409) throw thrown;
    const { verdict } = await ask<Part>(path);
    return { verdict, isDropped: false };
  }
}

/** Drops a text that waits for its time; false: it is there no more. Throws Problem. */
export async function dropLater({ account, text }: Later): Promise<boolean> {
  const path = `/accounts/${encodeURIComponent(account.id)}/scheduled/${text.id}`;
  try {
    await ask(path, { method: 'DELETE' });
    return true;
  } catch (thrown) {
    if (thrown instanceof Problem && thrown.status === 404) return false;
    throw thrown;
  }
}
