import { WxError } from '../../core/errors.ts';
import { atMostEvery } from '../../core/time/clock.ts';
import type { NewQuestion, QuestionView, Store } from '../../store/port/port.ts';
import type { CommandContext } from '../port/context.ts';
import type { Target } from '../send/target.ts';
import { standIn } from './runner-stand-in.ts';

/** How long a question may be on its way, however short its time for an answer is. */
const SENDING_MS = 30_000;
/** How often the store is asked for the answer. */
const LOOK_EVERY_MS = 100;
/** How often the asker says that it still waits; see `Questions.renew`. */
const RENEW_EVERY_MS = 20_000;

/** What became of a question. */
export type Asked = { number: number } & (
  | { kind: 'answer'; text: string; choice: number | null }
  /** It was asked, and there was no answer in time. */
  | { kind: 'timeout' }
  /** It could not be asked as yet. */
  | { kind: 'held'; reason: string }
  | { kind: 'refused'; reason: string }
  | { kind: 'login' }
  | { kind: 'stopped' }
);

export interface Asking extends Omit<NewQuestion, 'account' | 'user' | 'nowMs'> {
  /** What becomes of one that cannot be asked at once: it waits for its user, also after this process; or it is taken back. */
  hold: 'keep' | 'take-back';
  onHeld?: (reason: string) => void;
}

/** Asks, and waits for `timeoutMs` from the arrival on. Without a runner this process delivers and receives meanwhile. */
export async function askAndWait(
  context: CommandContext,
  store: Store,
  target: Target,
  { hold, onHeld, ...asking }: Asking,
): Promise<Asked> {
  const { clock } = context;
  const { key, user } = target;
  const { questions, outbox } = store;
  const stop = context.stopSignal();
  const asked = await questions.ask({ ...asking, account: key, user, nowMs: clock.now() });
  const { seq, number } = asked;
  const about = { account: key, seq };
  const over = new AbortController();
  let isLoginDead = target.isLoginDead;
  let failure: unknown = null;
  const standing = target.account
    ? standIn(context, store, { account: target.account, user }, over.signal).then(
        (expired) => {
          isLoginDead ||= expired;
        },
        (error) => {
          failure = error;
        },
      )
    : null;

  /** Waits for a reason to end. */
  async function wait(): Promise<Exclude<Asked['kind'], 'answer'> | null> {
    const startedAtMs = clock.monotonic();
    const isRenewalDue = atMostEvery(RENEW_EVERY_MS, clock);
    isRenewalDue();
    let isToldHeld = false;
    for (;;) {
      const now = await questions.question(seq);
      if (now?.state !== 'open') return null;
      const { state, reason, sentAtMs } = now.part;
      if (stop.aborted) return 'stopped';
      if (isLoginDead) return 'login';
      if (failure !== null) throw failure;
      if (state === 'refused' || state === 'expired') return 'refused';
      if (state === 'held') {
        if (hold === 'take-back') return 'held';
        if (!isToldHeld) onHeld?.(reason ?? '');
        isToldHeld = true;
      }
      if (sentAtMs !== null && clock.now() >= sentAtMs + asking.timeoutMs) return 'timeout';
      const mayTakeMs = state === 'held' ? asking.timeoutMs : Math.max(asking.timeoutMs, SENDING_MS);
      if (sentAtMs === null && clock.monotonic() - startedAtMs >= mayTakeMs) return 'held';
      if (isRenewalDue()) await questions.renew({ ...about, nowMs: clock.now() });
      await clock.sleep(LOOK_EVERY_MS, stop);
    }
  }

  try {
    const end = await wait();
    over.abort();
    await standing;
    if (end === 'held' && hold === 'keep') {
      await questions.leave(about);
      const now = await questions.question(seq);
      if (now?.state !== 'answered') return { number, kind: 'held', reason: now?.part.reason ?? 'not-yet' };
    }
    const closed = await questions.close({ ...about, nowMs: clock.now() });
    if (closed?.state === 'answered')
      return { number, kind: 'answer', text: closed.answer ?? '', choice: closed.choice };
    await takeBack(closed);
    if (end === 'held' || end === 'refused')
      return { number, kind: end, reason: closed?.part.reason ?? 'not-yet' };
    return { number, kind: end ?? 'timeout' };
  } catch (error) {
    over.abort();
    await standing;
    // The question is as good as none: it could not be waited for.
    if (!(error instanceof WxError && error.kind === 'storage'))
      await takeBack(await questions.close({ ...about, nowMs: clock.now() }));
    throw error;
  }

  /** Nobody waits for it any more: what is not sent yet is not sent. */
  async function takeBack(closed: QuestionView | null): Promise<void> {
    if (closed === null || closed.part.sentAtMs !== null) return;
    await outbox.dropParts({
      account: key,
      seqs: [closed.part.seq],
      reason: 'taken-back',
      exceptSending: true,
      nowMs: clock.now(),
    });
  }
}
