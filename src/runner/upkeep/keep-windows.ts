import { newClientId } from '../../core/ids.ts';
import type { ChatLanguage } from '../../core/message/language.ts';
import { askTimeMs, mayAskUntilMs, type WindowKeeper } from '../../core/message/window-keeper.ts';
import { isQuiet } from '../../core/time/quiet-hours.ts';
import type { SteadyClock } from '../../core/time/steady-clock.ts';
import type { NewPart, Store } from '../../store/port/port.ts';
import type { Delivery } from '../delivery/delivery.ts';
import { wordAsked } from '../delivery/notices.ts';
import { createAccountsLoop } from './accounts-loop.ts';

/** How often it looks whose window ends soon. */
const LOOK_EVERY_MS = 30_000;

/** One account whose users are asked for a word before their windows end. */
export interface Kept {
  account: string;
  keeper: WindowKeeper;
  language: ChatLanguage;
  delivery: Pick<Delivery, 'queue'>;
  onError: (error: unknown) => void;
}

/** Asks users for a word in time, for all accounts of a process, each until its signal is aborted. */
export function createWindowKeepers(
  store: Pick<Store, 'admin' | 'outbox'>,
  clock: SteadyClock,
): (kept: Kept, signal: AbortSignal) => Promise<void> {
  const loop = createAccountsLoop<Kept>(run);
  let current: Promise<void> = Promise.resolve();

  async function look(kept: Kept): Promise<void> {
    const { account, keeper, delivery } = kept;
    const nowMs = clock.now();
    if (clock.isUnsure() || isQuiet(nowMs, keeper.quietHours)) return;
    for (const { user, messageSeq, windowEndsAtMs, language } of await store.admin.usersToAsk({
      account,
      nowMs,
    })) {
      if (nowMs < askTimeMs(windowEndsAtMs, keeper)) continue;
      const untilMs = Math.min(windowEndsAtMs, mayAskUntilMs(nowMs, keeper));
      const part = wordPart(keeper, language ?? kept.language, untilMs);
      await delivery.queue(user, () => store.outbox.askForWord({ account, user, messageSeq, part, nowMs }));
    }
  }

  async function run(signal: AbortSignal): Promise<void> {
    while (!signal.aborted) {
      for (const kept of loop.members) {
        current = look(kept).catch(kept.onError);
        await current;
      }
      await clock.sleep(LOOK_EVERY_MS, signal);
    }
  }

  return async (kept, signal) => {
    if (signal.aborted) return;
    await loop.join(kept, signal);
    await current;
  };
}

/** The part that asks for a word. It is dropped if it cannot be sent in time. */
export function wordPart({ text }: WindowKeeper, language: ChatLanguage, untilMs: number): NewPart {
  return {
    clientId: newClientId(),
    origin: 'keeper',
    runId: null,
    text: text ?? wordAsked(language),
    file: null,
    expiresAtMs: untilMs,
  };
}
