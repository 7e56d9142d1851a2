import { atMostEvery } from '../../core/time/clock.ts';
import type { Outgoing } from '../../runner/delivery/outgoing-files.ts';
import { OPEN_PART_STATES, type Outbox, type PartView, type Store } from '../../store/port/port.ts';
import { loginHint } from '../account/choose-account.ts';
import { openOutgoing } from '../account/connection.ts';
import { pollerOf } from '../account/polling-right.ts';
import { withStore } from '../account/store.ts';
import { wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';
import { createProgressLine } from '../terminal/progress-line.ts';
import { createDeadline, watchUploads } from './deadline.ts';
import { type DirectDelivery, startDirectDelivery } from './direct-delivery.ts';
import { contentToSend, keepFiles, type SendContent } from './send-content.ts';
import { queueSend } from './send-queue.ts';
import { reportSend } from './send-report.ts';
import { findTarget, type Target } from './target.ts';

/** How often a waiting `send` looks whether its parts have got their verdicts. */
const LOOK_EVERY_MS = 50;
/** How often it looks whether there is another process that delivers. */
const LOOK_FOR_RUNNER_MS = 1_000;

/** How much longer than `--wait` a `--no-hold` may take: for its poll, or for uploads. */
const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;

/** `wxagent send`: puts a text and files into the outbox and waits for their verdict. */
export async function send(context: CommandContext, words: string[]): Promise<number> {
  const content = await contentToSend(context, words);
  const { at } = context.settings;
  if (at !== null) return (await import('./schedule.ts')).schedule(context, at, content);
  return sendContent(context, content);
}

/** Sends what was put together already, as `send` does, and tells how it went. Returns the exit code of `send`. */
export async function sendContent(context: CommandContext, content: SendContent): Promise<number> {
  const { hold, strict } = context.settings;
  return withStore(context, async (store) => {
    const target = await findTarget(context, store.admin);
    const outgoing = openOutgoing(context, store, target.key);
    const seqs = await enqueue(context, store.outbox, target, { ...content, outgoing });
    const { parts: waited, expired } = await deliver(context, store, target, seqs);
    const reason = await whyItWaits(context, store, target, waited);
    const parts = hold ? waited : await dropWaiting(context, store.outbox, waited, reason);
    const files = parts.flatMap(({ file }) => file?.path ?? []);
    await outgoing.discard(store.outbox, files);
    return reportSend(context, {
      account: target.id,
      user: target.user,
      parts,
      reason,
      expired,
      loginHint: target.account === null ? 'wxagent login' : loginHint(target.account),
      strict,
      hold,
    });
  });
}

/** Copies the files and queues everything; the numbers of the parts. With an `--id` that is known, those of before. */
async function enqueue(
  context: CommandContext,
  outbox: Outbox,
  target: Target,
  { text, files, outgoing }: SendContent & { outgoing: Outgoing },
): Promise<number[]> {
  const { sendFormat, id, key, ttl, hold, wait } = context.settings;
  const kept = await keepFiles(context, files, { outgoing, outbox });
  const nowMs = context.clock.now();
  const queued = await queueSend(outbox, outgoing, {
    account: target.key,
    user: target.user,
    message: context.environment.get('WXAGENT_MESSAGE_ID') ?? null,
    text,
    kept,
    form: sendFormat,
    id,
    key,
    // Without --hold a kill of this process must not leave it for the next who delivers.
    expiresAtMs:
      ttl !== null ? nowMs + ttl : hold ? null : nowMs + wait + (files.length > 0 ? HOUR_MS : MINUTE_MS),
    nowMs,
  });
  return queued.map((part) => part.seq);
}

/**
 * Waits until all parts have a verdict or `--wait` is over. That begins after the look for messages, and files that go
 * up do not use it up, whoever sends them. Where no other process has the account, this one delivers, also when the
 * other ends meanwhile. The parts as they stand then, and whether the login has expired.
 */
async function deliver(
  context: CommandContext,
  store: Store,
  target: Target,
  seqs: readonly number[],
): Promise<{ parts: PartView[]; expired: boolean }> {
  const { clock, io, json } = context;
  const { wait, quiet } = context.settings;
  const { key, account, user } = target;
  const sinceMs = clock.now();
  const stop = context.stopSignal();
  const line = createProgressLine({
    io,
    isShown: io.stderrIsTerminal && !json && !quiet,
    clock,
    words: wordsOf(context.language),
    count: 1,
    isUpload: true,
  });
  const deadline = createDeadline(clock, wait);
  const uploads = watchUploads(deadline, line.track(0));
  let direct: DirectDelivery | null = null;
  let expired = target.isLoginDead;
  const isLookDue = atMostEvery(LOOK_FOR_RUNNER_MS, clock);
  try {
    for (;;) {
      const parts = await verdicts(store.outbox, seqs);
      if (uploads.isAnswerDue()) deadline.extend();
      if (direct?.isLoginDead) expired = true;
      if (expired || stop.aborted || !parts.some(isOpen) || deadline.leftMs() === 0) break;
      if (!direct && account && isLookDue()) {
        if ((await pollerOf(context, { key }, store.admin))?.purpose !== 'serve') {
          direct = await startDirectDelivery(
            context,
            store,
            { account, user, sinceMs, stop },
            uploads.update,
          );
          expired = direct === null;
          deadline.extend();
          continue;
        }
      }
      if (!parts.some((part) => isOpen(part) && part.state !== 'held')) break;
      await (direct ? direct.waitUntilIdle(deadline.leftMs(), LOOK_EVERY_MS) : clock.sleep(LOOK_EVERY_MS));
      uploads.updateStored(await store.outbox.runningUpload({ account: key, user, nowMs: clock.now() }));
    }
  } finally {
    line.end();
    await direct?.end();
  }
  return { parts: await verdicts(store.outbox, seqs), expired };
}

function isOpen({ state }: PartView): boolean {
  return OPEN_PART_STATES.includes(state);
}

/** Why the first part that has no verdict yet waits, as its hold or its last failure says it, or in a word of ours. */
async function whyItWaits(
  context: CommandContext,
  store: Store,
  { key, user, isLoginDead }: Target,
  parts: readonly PartView[],
): Promise<string | null> {
  const first = parts.find(isOpen);
  if (!first) return null;
  if (first.reason !== null) return first.reason;
  if (isLoginDead) return 'login';
  const head = (await store.outbox.openParts(key)).find((part) => part.user === user);
  if (head && head.seq < first.seq) return head.reason ?? 'behind';
  if (first.state === 'sending') return 'unanswered';
  if (first.state === 'uploading') return 'uploading';
  if (((await store.admin.accountView(key))?.throttledUntilMs ?? 0) > context.clock.now()) return 'throttle';
  return (await pollerOf(context, { key }, store.admin))?.purpose === 'serve' ? 'runner' : 'not-yet';
}

/** `--no-hold`: takes out what still waits. Only what cannot have arrived expires. */
async function dropWaiting(
  context: CommandContext,
  outbox: Outbox,
  parts: readonly PartView[],
  why: string | null,
): Promise<PartView[]> {
  const nowMs = context.clock.now();
  const dropped = new Map<number, PartView>();
  for (const { account, seq } of parts.filter(isOpen)) {
    const drop = { account, seqs: [seq], reason: `no-hold: ${why}`, nowMs };
    for (const part of await outbox.dropParts(drop)) dropped.set(part.seq, part);
  }
  return parts.map((part) => dropped.get(part.seq) ?? part);
}

/** The parts as they stand; merged ones have the verdict of their text. */
async function verdicts(outbox: Outbox, seqs: readonly number[]): Promise<PartView[]> {
  return Promise.all((await outbox.parts(seqs)).map((part) => whatItWentIn(outbox, part)));
}

/** A part that was merged into others when its user wrote: the one that carries it now. */
async function whatItWentIn(outbox: Outbox, part: PartView): Promise<PartView> {
  if (part.mergedInto === null) return part;
  const [carrier] = await outbox.parts([part.mergedInto]);
  return carrier ? whatItWentIn(outbox, carrier) : part;
}
