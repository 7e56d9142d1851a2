import { reasonOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import { decodeRaw, readInbound } from '../../ilink/message/inbound.ts';
import type { Store } from '../../store/port/port.ts';
import type { Delivery } from '../delivery/delivery.ts';
import { type ReplyShape, textParts } from '../delivery/reply-parts.ts';

/** Questions of turns to their users. A user has one turn at a time, and a turn one open question. */
export interface TurnQuestions {
  /** Sends a question; resolves with the next message, or null after `waitMs` or with the turn. Never rejects. */
  ask(
    turn: { id: string; user: string; over: AbortSignal },
    question: string,
    waitMs: number,
  ): Promise<string | null>;
  /** The number of the part with the open question to this user; null: there is none. */
  questionTo(user: string): number | null;
  /** Hands over a stored message as the answer. False without an open question: then the agent gets the message. */
  answer(user: string, seq: number): boolean;
}

interface OpenQuestion {
  part: number;
  settle: (answer: string | null | Promise<string | null>) => void;
}

/** See {@link TurnQuestions}. */
export function createTurnQuestions(options: {
  account: string;
  store: Pick<Store, 'outbox' | 'turns'>;
  delivery: Pick<Delivery, 'queue'>;
  shape: Pick<ReplyShape, 'maxChars' | 'format'>;
  clock: Clock;
  log: Log;
}): TurnQuestions {
  const { account, store, clock, log } = options;
  const open = new Map<string, OpenQuestion>();
  /** The last question to each user. The next one waits for it. */
  const last = new Map<string, Promise<unknown>>();

  /** Queues the question; the number of its last part. */
  async function send(turn: { id: string; user: string }, question: string): Promise<number | null> {
    let part: number | null = null;
    const { id, user } = turn;
    await options.delivery.queue(user, async () => {
      // A notice, since the next attempt asks again: a repeat of a question is not a repeat of a reply.
      const parts = textParts(question, options.shape, { origin: 'notice', runId: null });
      const request = { account, user, parts, message: id, id: null, key: null, expiresAtMs: null };
      const queued = await store.outbox.enqueue({ ...request, nowMs: clock.now() });
      part = queued.at(-1)?.seq ?? null;
      return { claim: null, held: queued.filter(({ state }) => state === 'held') };
    });
    return part;
  }

  async function askNow(
    turn: { id: string; user: string; over: AbortSignal },
    question: string,
    waitMs: number,
  ): Promise<string | null> {
    if (turn.over.aborted) return null;
    const part = await send(turn, question);
    if (part === null || turn.over.aborted) return null;
    const settled = new AbortController();
    const end = (): void => settled.abort();
    turn.over.addEventListener('abort', end, { once: true });
    try {
      return await new Promise<string | null>((settle) => {
        open.set(turn.user, { part, settle });
        void clock.sleep(waitMs, settled.signal).then(() => {
          // A question that is being answered is not open any more, and its answer is awaited.
          if (open.delete(turn.user)) settle(null);
        });
      });
    } finally {
      turn.over.removeEventListener('abort', end);
      end();
    }
  }

  return {
    ask(turn, question, waitMs) {
      const before = last.get(turn.user) ?? Promise.resolve();
      const answer = before
        .then(() => askNow(turn, question, waitMs))
        .catch((error) => {
          log.error(`cannot ask the user: ${reasonOf(error)}`, { message: turn.id });
          return null;
        })
        .finally(() => {
          if (last.get(turn.user) === answer) last.delete(turn.user);
        });
      last.set(turn.user, answer);
      return answer;
    },
    questionTo: (user) => open.get(user)?.part ?? null,
    answer(user, seq) {
      const question = open.get(user);
      if (!question) return false;
      open.delete(user);
      // Committed before the agent gets it: after a crash before that, the message is run like any other.
      const finished = store.turns.finishAnswer({ account, seq, nowMs: clock.now() });
      question.settle(finished.then((raw) => raw && readInbound(decodeRaw(raw)).text));
      return true;
    },
  };
}
