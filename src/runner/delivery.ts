import type { Clock } from '../core/clock.ts';
import type { Log } from '../core/log.ts';
import type { CallResult, IlinkClient } from '../ilink/client.ts';
import { encodeText } from '../ilink/outbound.ts';
import type { SendMessageResponse } from '../ilink/wire.ts';
import type {
  Claim,
  ClaimedPart,
  DeliveryTerms,
  PartView,
  SendReply,
  Store,
  Verdict,
} from '../store/port.ts';
import type { EventSink } from './events.ts';

/** Delivers the outbox of one account: every user in order, several users at once. */
export interface Delivery {
  /** There may be something to deliver to this user. */
  kick(user: string): void;
  /**
   * Runs a store step that queues parts for the user, letting it claim the first one in the same
   * commit where nothing else is under way to that user. Rejects when the step does.
   */
  queue(user: string, step: (claim: DeliveryTerms | null) => Promise<Claim | null>): Promise<void>;
  /** Kicks every user with open parts. */
  refresh(): Promise<void>;
  /** Whether a part is under way or may go within `patienceMs`. */
  pending(patienceMs: number): boolean;
  /** Resolves when nothing is {@link pending}: all final, held, or waiting for longer. */
  settled(patienceMs: number): Promise<void>;
  /** Starts no further request; resolves when those under way are settled. */
  stop(): Promise<void>;
}

/** One user's delivery: at work (`until` null), or asleep until a time on the monotonic clock. */
interface Course {
  until: number | null;
  wake: AbortController;
  /** Something was queued meanwhile: look once more. */
  again: boolean;
}

/** See {@link Delivery}. `onExpired` is called when the server says that the login is dead. */
export function createDelivery(options: {
  account: string;
  store: Store;
  client: Pick<IlinkClient, 'sendMessage'>;
  clock: Clock;
  log: Log;
  emit: EventSink;
  paceMs: number;
  version: string;
  onExpired: () => void;
  onError: (error: unknown) => void;
}): Delivery {
  const { account, store, client, clock, log, emit } = options;
  const courses = new Map<string, Course>();
  const waiters = new Set<() => void>();
  let stopped = false;

  const terms = (user: string): DeliveryTerms => ({
    account,
    user,
    nowMs: clock.now(),
    paceMs: options.paceMs,
    encode: (part) => encodeText({ ...part, version: options.version }),
  });

  /** Delivers to one user until nothing can go; `first` is a claim made elsewhere. */
  async function serve(user: string, course: Course, first: Claim | null): Promise<void> {
    let claim = first ?? (await store.claimPart(terms(user)));
    for (;;) {
      let waitMs = 0;
      if (claim.kind === 'nothing') {
        report(claim.held, null);
        if (!course.again) return;
      } else if (claim.kind === 'wait') {
        waitMs = claim.waitMs;
      } else {
        const verdict = await send(claim.part);
        if (!verdict) return;
        waitMs = verdict.waitMs ?? 0;
      }
      course.again = false;
      if (waitMs > 0 && !stopped) await rest(course, waitMs);
      if (stopped) return;
      claim = await store.claimPart(terms(user));
      if (stopped && claim.kind === 'part') {
        await store.returnPart({ account, seq: claim.part.seq });
        return;
      }
    }
  }

  async function rest(course: Course, waitMs: number): Promise<void> {
    course.wake = new AbortController();
    course.until = clock.monotonic() + waitMs;
    notify();
    await clock.sleep(waitMs, course.wake.signal);
    course.until = null;
  }

  /** One request; null when the login turned out to be dead. */
  async function send(part: ClaimedPart): Promise<Verdict | null> {
    const reply = replyOf(await client.sendMessage(part.body));
    if (reply === 'expired') {
      await store.returnPart({ account, seq: part.seq });
      options.onExpired();
      return null;
    }
    const verdict = await store.settlePart({ account, seq: part.seq, reply, nowMs: clock.now() });
    if (reply.kind === 'unknown')
      log.debug(`part of ${part.user}: ${reply.detail}, repeating`, { clientId: part.clientId });
    report([verdict.part, ...verdict.held], verdict.budgetLeft);
    return verdict;
  }

  function report(parts: readonly PartView[], budgetLeft: number | null): void {
    for (const part of parts) {
      emit({
        type: 'part',
        account,
        message: part.message,
        user: part.user,
        clientId: part.clientId,
        kind: part.kind,
        verdict: part.state,
        messageId: part.serverId,
        reason: part.reason,
        budgetLeft,
      });
    }
  }

  /** Opens a course for the user and keeps it until nothing can go. */
  function open(user: string, first: Promise<Claim | null>): void {
    const course: Course = { until: null, wake: new AbortController(), again: false };
    courses.set(user, course);
    void first
      .then((claim) => serve(user, course, claim))
      .catch(options.onError)
      .finally(() => {
        courses.delete(user);
        if (course.again) kick(user);
        notify();
      });
  }

  function kick(user: string): void {
    const course = courses.get(user);
    if (course) {
      course.again = true;
      course.wake.abort();
    } else if (!stopped) open(user, Promise.resolve(null));
  }

  function notify(): void {
    for (const waiter of [...waiters]) waiter();
  }

  function pending(patienceMs: number): boolean {
    const limit = clock.monotonic() + patienceMs;
    return [...courses.values()].some((course) => course.until === null || course.until <= limit);
  }

  return {
    kick,
    async queue(user, step) {
      if (courses.has(user) || stopped) {
        await step(null);
        kick(user);
        return;
      }
      // The course is open before the step claims, so nobody else takes the same part.
      const claim = step(terms(user));
      open(
        user,
        claim.catch(() => ({ kind: 'nothing', held: [] })),
      );
      await claim;
    },
    async refresh() {
      for (const user of await store.usersToDeliver(account)) kick(user);
    },
    pending,
    settled: (patienceMs) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (pending(patienceMs)) return;
          waiters.delete(check);
          resolve();
        };
        waiters.add(check);
        check();
      }),
    async stop() {
      stopped = true;
      for (const course of courses.values()) course.wake.abort();
      if (courses.size === 0) return;
      await new Promise<void>((resolve) => {
        const check = (): void => {
          if (courses.size === 0) resolve();
        };
        waiters.add(check);
        check();
      });
    },
  };
}

/** What an answer of the server means for the part (design 3). */
function replyOf(result: CallResult<SendMessageResponse>): SendReply | 'expired' {
  switch (result.kind) {
    case 'ok':
      return { kind: 'accepted', messageId: result.body.message_id ?? null };
    case 'refused':
      return result.code === -14 ? 'expired' : { kind: 'refused', code: result.code, errmsg: result.errmsg };
    case 'http': {
      const final = result.status >= 400 && result.status < 500 && ![408, 425, 429].includes(result.status);
      return final
        ? { kind: 'rejected', status: result.status }
        : { kind: 'unknown', detail: `HTTP ${result.status}` };
    }
    case 'garbled':
      return { kind: 'unknown', detail: result.detail };
    case 'unreachable':
      return { kind: 'unknown', detail: result.detail };
    case 'aborted':
      return { kind: 'unknown', detail: 'stopped' };
  }
}
