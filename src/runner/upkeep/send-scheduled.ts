import { newUuid } from '../../core/ids.ts';
import type { SteadyClock } from '../../core/time/steady-clock.ts';
import type { ScheduledText, Store } from '../../store/port/port.ts';
import type { Outgoing } from '../delivery/outgoing-files.ts';
import { replyParts } from '../delivery/reply-parts.ts';
import type { RunnerOptions } from '../port/options.ts';
import { createLookLoop } from './accounts-loop.ts';

/** How often it is looked whether the time of a text has come. */
const LOOK_EVERY_MS = 2_000;

/** One account whose scheduled texts are sent. */
export interface Scheduling {
  account: string;
  settings: RunnerOptions;
  outgoing: Outgoing;
  delivery: { wake(user: string): void };
  onError: (error: unknown) => void;
}

/** Queues the scheduled texts of all accounts of a process at their time, each account until its signal is aborted. */
export function createScheduledWatch(
  store: Pick<Store, 'scheduled' | 'outbox'>,
  clock: SteadyClock,
): (account: Scheduling, signal: AbortSignal) => Promise<void> {
  async function release(text: ScheduledText, { settings, outgoing, delivery }: Scheduling): Promise<void> {
    const { account, user, format } = text;
    const nowMs = clock.now();
    const parts = await replyParts(
      [{ text: text.text }],
      { ...settings, format },
      { origin: 'send', runId: newUuid() },
      {
        budgetLeft: async () => {
          const { left, isOpen } = await store.outbox.budget({ account, user, nowMs });
          return isOpen ? left : Number.POSITIVE_INFINITY;
        },
        outgoing,
        nowMs,
      },
    );
    if ((await store.scheduled.release({ text, parts, nowMs })).length > 0) delivery.wake(user);
  }

  async function look(accounts: ReadonlySet<Scheduling>): Promise<void> {
    if (clock.isUnsure()) return;
    const members = new Map([...accounts].map((member) => [member.account, member]));
    try {
      for (const text of await store.scheduled.dueTexts(clock.now(), [...members.keys()])) {
        const member = members.get(text.account);
        if (member) await release(text, member).catch(member.onError);
      }
    } catch (error) {
      for (const member of members.values()) member.onError(error);
    }
  }

  return createLookLoop(look, LOOK_EVERY_MS, clock).join;
}
