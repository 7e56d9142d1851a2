import type { Log } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { IlinkClient } from '../../ilink/client.ts';
import { encodeMedia, encodeText } from '../../ilink/message/outbound.ts';
import type { Trust } from '../../store/port/lease.ts';
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
import { createPartUpload, type RefusalNotice, type Uploader, type UploadListener } from './cdn-upload.ts';
import type { Outgoing } from './outgoing-files.ts';
import { partEvent } from './part-event.ts';
import { readSendResult } from './send-result.ts';

/** Delivers the outbox of one account: each user in order, several users at once. */
export interface Delivery {
  /** Looks for parts to this user. */
  wake(user: string): void;
  /** Runs a store step that queues parts; it claims the first if the user has none on its way. Rejects as the step. */
  queue(user: string, step: (claim: ClaimRequest | null) => Promise<QueuedParts>): Promise<void>;
  /** Wakes the delivery to every user with open parts. */
  refresh(): Promise<void>;
  /** Whether a part is on its way, or may be sent within `withinMs`. */
  pending(withinMs: number): boolean;
  /** Resolves when nothing is {@link pending}: every part is final, held, or has to wait for longer. */
  settled(withinMs: number): Promise<void>;
  /** Starts no more requests and aborts the current ones. Resolves when all have ended. */
  stop(): Promise<void>;
}

/** The loop that delivers to one user. It sends, or sleeps until a time on the monotonic clock. */
interface DeliveryLoop {
  /** Null while it sends. */
  sleepsUntil: number | null;
  sleep: AbortController | null;
  /** A part was queued meanwhile: the loop looks once more before it ends. */
  again: boolean;
}

/** See {@link Delivery}. `onExpired` is called when the server says that the login has expired. */
export function createDelivery(options: {
  account: string;
  store: Pick<Store, 'outbox' | 'flush'>;
  client: Pick<IlinkClient, 'sendMessage'>;
  uploader: Uploader;
  outgoing: Pick<Outgoing, 'discard'>;
  /** Without trust no request begins; null: it may always begin. */
  trust?: Trust | null;
  clock: Clock;
  log: Log;
  emit: EventSink;
  paceMs: number;
  version: string;
  onUpload?: UploadListener;
  noticeOf?: RefusalNotice;
  /** Ends the poll session and begins another one; without it a refusal that this may cure is taken as it is. */
  renewPolls?: (signal: AbortSignal) => Promise<void>;
  /** Writes the part that asks a user for a word; null: nobody is asked now. */
  ask?: () => ClaimRequest['ask'] | null;
  onExpired: () => void;
  onError: (error: unknown) => void;
}): Delivery {
  const { account, store, client, clock, log, emit } = options;
  const loops = new Map<string, DeliveryLoop>();
  const waiters = new Set<() => void>();
  const stopping = new AbortController();
  let stopped = false;
  const upload = createPartUpload({ ...options, outbox: store.outbox, report });

  function askNow(): Pick<ClaimRequest, 'ask'> {
    const ask = options.ask?.();
    return ask ? { ask } : {};
  }

  const claimFor = (user: string): ClaimRequest => ({
    account,
    user,
    nowMs: clock.now(),
    paceMs: options.paceMs,
    ...askNow(),
    encode: ({ upload, ...part }) =>
      upload === null
        ? encodeText({ version: options.version, ...part })
        : encodeMedia({ version: options.version, media: JSON.parse(upload), ...part }),
  });

  /** Delivers to one user until nothing can be sent; `first` is a claim made elsewhere. */
  async function deliver(user: string, loop: DeliveryLoop, first: Claim | null): Promise<void> {
    for (let next = first; ; ) {
      const claim: Claim = next ?? (await store.outbox.claimPart(claimFor(user)));
      next = null;
      if (stopped) return returnClaim(claim);
      if (claim.kind === 'nothing') report(claim.held, null);
      if (claim.kind === 'nothing' && !loop.again) return;
      // The claim that comes with the verdict finds what is queued from here on.
      loop.again = false;
      let waitMs = claim.kind === 'wait' ? claim.waitMs : 0;
      if (claim.kind === 'part' || claim.kind === 'upload') {
        // Right before a request, without anything to wait for in between, whatever has been waited for until now.
        if (claim.kind === 'part') await store.flush();
        if (options.trust && !options.trust.isTrusted()) {
          await options.trust.regained(stopping.signal);
          if (stopped) return returnClaim(claim);
        }
        const verdict = claim.kind === 'part' ? await send(claim.part) : await upload(claim, stopping.signal);
        if (!verdict) return;
        await removeCopy(verdict.part);
        if (verdict.renewsPolls) await options.renewPolls?.(stopping.signal);
        waitMs = verdict.waitMs ?? 0;
        next = verdict.next;
      }
      if (waitMs > 0 && !stopped) await sleep(loop, waitMs);
      if (stopped) return returnClaim(next);
    }
  }

  /** Returns a part that was claimed and not sent. */
  async function returnClaim(claim: Claim | null): Promise<void> {
    if (claim?.kind === 'part') await store.outbox.returnPart({ account, seq: claim.part.seq });
    if (claim?.kind === 'upload') await store.outbox.returnPart({ account, seq: claim.seq });
  }

  async function sleep(loop: DeliveryLoop, waitMs: number): Promise<void> {
    loop.sleep = new AbortController();
    loop.sleepsUntil = clock.monotonic() + waitMs;
    notify();
    await clock.sleep(waitMs, loop.sleep.signal);
    loop.sleepsUntil = null;
  }

  /** Sends one request; null if the login has expired. */
  async function send(part: ClaimedPart): Promise<Verdict | null> {
    const reply = readSendResult(await client.sendMessage(part.body, { signal: stopping.signal }));
    if (reply === 'expired') {
      await store.outbox.returnPart({ account, seq: part.seq });
      options.onExpired();
      return null;
    }
    const claimed = { account, seq: part.seq, known: part.view };
    const verdict = await store.outbox.settlePart({
      reply,
      nowMs: clock.now(),
      canRenewPolls: options.renewPolls !== undefined,
      next: stopped ? null : claimFor(part.user),
      ...claimed,
    });
    if (reply.kind === 'unknown') log.debug(`${reply.detail}; repeating the request`, { part: part.seq });
    report([verdict.part, ...verdict.held], verdict.budgetLeft);
    return verdict;
  }

  /** Removes our copy of a file once its part is final. */
  async function removeCopy({ file, state }: PartView): Promise<void> {
    if (file === null || OPEN_PART_STATES.includes(state)) return;
    // A later sweep removes what cannot be removed now.
    await options.outgoing.discard(store.outbox, [file.path]).catch(() => {});
  }

  function report(parts: readonly PartView[], budgetLeft: number | null): void {
    for (const part of parts) emit(partEvent(account, part, budgetLeft));
  }

  /** Starts the loop of a user. */
  function start(user: string, first: Promise<Claim | null>): void {
    const loop: DeliveryLoop = { sleepsUntil: null, sleep: null, again: false };
    loops.set(user, loop);
    void first
      .then((claim) => deliver(user, loop, claim))
      .catch(options.onError)
      .finally(() => {
        loops.delete(user);
        if (loop.again) wake(user);
        notify();
      });
  }

  function wake(user: string): void {
    const loop = loops.get(user);
    if (loop) {
      loop.again = true;
      if (loop.sleepsUntil !== null) loop.sleep?.abort();
    } else if (!stopped) start(user, Promise.resolve(null));
  }

  function notify(): void {
    for (const waiter of [...waiters]) waiter();
  }

  function pending(withinMs: number): boolean {
    const limit = clock.monotonic() + withinMs;
    return [...loops.values()].some(({ sleepsUntil }) => sleepsUntil === null || sleepsUntil <= limit);
  }

  return {
    wake,
    async queue(user, step) {
      if (loops.has(user) || stopped) {
        report((await step(null)).held, null);
        wake(user);
        return;
      }
      // The loop is started before the step claims a part, so that no other loop sends it.
      const queued = step(claimFor(user));
      start(
        user,
        queued.then(
          ({ claim }) => claim,
          () => ({ kind: 'nothing', held: [] }),
        ),
      );
      report((await queued).held, null);
    },
    async refresh() {
      for (const user of await store.outbox.usersToDeliver(account)) wake(user);
    },
    pending,
    settled: (withinMs) =>
      new Promise((resolve) => {
        const check = (): void => {
          if (pending(withinMs)) return;
          waiters.delete(check);
          resolve();
        };
        waiters.add(check);
        check();
      }),
    async stop() {
      stopped = true;
      // The grace time is over. The next run repeats the requests that have no response yet.
      stopping.abort();
      for (const loop of loops.values()) loop.sleep?.abort();
      if (loops.size === 0) return;
      await new Promise<void>((resolve) => {
        const check = (): void => {
          if (loops.size === 0) resolve();
        };
        waiters.add(check);
        check();
      });
    },
  };
}
