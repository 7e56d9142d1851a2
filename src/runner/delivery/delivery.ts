import type { Log } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { IlinkClient } from '../../ilink/client.ts';
import { encodeMedia, encodeText } from '../../ilink/message/outbound.ts';
import {
  type Claim,
  type ClaimedPart,
  type ClaimRequest,
  OPEN_PART_STATES,
  type PartView,
  type QueuedParts,
  type Store,
  type Verdict,
} from '../../store/port/port.ts';
import type { EventSink } from '../port/events.ts';
import type { Outgoing } from './outgoing-files.ts';
import { createPartUpload, type UploadNews } from './part-upload.ts';
import { replyOf } from './send-result.ts';
import type { Uploader } from './uploader.ts';

/** Delivers the outbox of one account: every user in order, several users at once. */
export interface Delivery {
  /** There may be something to deliver to this user. */
  kick(user: string): void;
  /**
   * Runs a store step that queues parts for the user, letting it claim the first one in the same
   * commit where nothing else is under way to that user. Rejects when the step does.
   */
  queue(user: string, step: (claim: ClaimRequest | null) => Promise<QueuedParts>): Promise<void>;
  /** Kicks every user with open parts. */
  refresh(): Promise<void>;
  /** Whether a part is under way or may go within `patienceMs`. */
  pending(patienceMs: number): boolean;
  /** Resolves when nothing is {@link pending}: all final, held, or waiting for longer. */
  settled(patienceMs: number): Promise<void>;
  /** Starts no further request and gives up those under way; resolves when all is settled. */
  stop(): Promise<void>;
}

/** One user's delivery: at work (`until` null), or asleep until a time on the monotonic clock. */
interface Course {
  until: number | null;
  wake: AbortController | null;
  /** Something was queued meanwhile: look once more. */
  again: boolean;
}

/** See {@link Delivery}. `onExpired` is called when the server says that the login is dead. */
export function createDelivery(options: {
  account: string;
  store: Pick<Store, 'outbox' | 'flush'>;
  client: Pick<IlinkClient, 'sendMessage'>;
  uploader: Uploader;
  outgoing: Pick<Outgoing, 'discard'>;
  clock: Clock;
  log: Log;
  emit: EventSink;
  paceMs: number;
  version: string;
  onUpload?: UploadNews;
  onExpired: () => void;
  onError: (error: unknown) => void;
}): Delivery {
  const { account, store, client, clock, log, emit } = options;
  const courses = new Map<string, Course>();
  const waiters = new Set<() => void>();
  const cut = new AbortController();
  let stopped = false;
  const upload = createPartUpload({ ...options, outbox: store.outbox, report });

  const terms = (user: string): ClaimRequest => ({
    account,
    user,
    nowMs: clock.now(),
    paceMs: options.paceMs,
    encode: ({ upload, ...part }) =>
      upload === null
        ? encodeText({ ...part, version: options.version })
        : encodeMedia({ ...part, version: options.version, media: JSON.parse(upload) }),
  });

  /** Delivers to one user until nothing can go; `first` is a claim made elsewhere. */
  async function serve(user: string, course: Course, first: Claim | null): Promise<void> {
    for (let next = first; ; ) {
      const claim: Claim = next ?? (await store.outbox.claimPart(terms(user)));
      next = null;
      if (stopped) return giveBack(claim);
      if (claim.kind === 'nothing') report(claim.held, null);
      if (claim.kind === 'nothing' && !course.again) return;
      // What is queued from here on is found by the claim that comes with the verdict.
      course.again = false;
      let waitMs = claim.kind === 'wait' ? claim.waitMs : 0;
      if (claim.kind === 'part' || claim.kind === 'upload') {
        const verdict = claim.kind === 'part' ? await send(claim.part) : await upload(claim, cut.signal);
        if (!verdict) return;
        await letGo(verdict.part);
        waitMs = verdict.waitMs ?? 0;
        next = verdict.next;
      }
      if (waitMs > 0 && !stopped) await rest(course, waitMs);
      if (stopped) return giveBack(next);
    }
  }

  /** A claim nothing has been done with yet. */
  async function giveBack(claim: Claim | null): Promise<void> {
    if (claim?.kind === 'part') await store.outbox.returnPart({ account, seq: claim.part.seq });
    if (claim?.kind === 'upload') await store.outbox.returnPart({ account, seq: claim.seq });
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
    await store.flush();
    const reply = replyOf(await client.sendMessage(part.body, { signal: cut.signal }));
    if (reply === 'expired') {
      await store.outbox.returnPart({ account, seq: part.seq });
      options.onExpired();
      return null;
    }
    const claimed = { account, seq: part.seq, known: part.view };
    const settled = { ...claimed, reply, nowMs: clock.now() };
    const verdict = await store.outbox.settlePart(stopped ? settled : { ...settled, next: terms(part.user) });
    if (reply.kind === 'unknown') log.debug(`${reply.detail}: the same request again`, { part: part.seq });
    report([verdict.part, ...verdict.held], verdict.budgetLeft);
    return verdict;
  }

  /** Our copy of a file is not needed any more once its part is final (design 4). */
  async function letGo({ file, state }: PartView): Promise<void> {
    if (file === null || OPEN_PART_STATES.includes(state)) return;
    // What cannot be removed now is swept later.
    await options.outgoing.discard(await store.outbox.unneededFiles([file.path])).catch(() => {});
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
    const course: Course = { until: null, wake: null, again: false };
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
      if (course.until !== null) course.wake?.abort();
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
        report((await step(null)).held, null);
        kick(user);
        return;
      }
      // The course is open before the step claims, so nobody else takes the same part.
      const queued = step(terms(user));
      open(
        user,
        queued.then(
          ({ claim }) => claim,
          () => ({ kind: 'nothing', held: [] }),
        ),
      );
      report((await queued).held, null);
    },
    async refresh() {
      for (const user of await store.outbox.usersToDeliver(account)) kick(user);
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
      // Whoever stops has waited long enough: what has no answer yet is repeated as it was by the next who delivers.
      cut.abort();
      for (const course of courses.values()) course.wake?.abort();
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
