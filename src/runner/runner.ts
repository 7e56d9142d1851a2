import type { Agent } from '../agents/port.ts';
import type { Clock } from '../core/clock.ts';
import { WxError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { IlinkClient } from '../ilink/client.ts';
import { createPoller } from '../ilink/poll.ts';
import type { Child, IntakeResult, Store } from '../store/port.ts';
import type { Attachments } from './attachments.ts';
import { createDelivery } from './delivery.ts';
import type { EventSink } from './events.ts';
import type { FolderMaker } from './folders.ts';
import { runIntake } from './intake.ts';
import { createLanes } from './lanes.ts';
import type { RunnerOptions } from './options.ts';
import type { Outgoing } from './outgoing.ts';
import type { Runner, RunnerAccount, RunnerEnd } from './port.ts';
import { recoverFormer } from './recovery.ts';
import { mergeForRelease } from './reply.ts';
import { runSweeps } from './sweeps.ts';
import { createTurns } from './turns.ts';
import { createTyping } from './typing.ts';
import type { Uploader } from './upload.ts';
import { watchStore } from './watch-store.ts';

const IDLE_LOOK_MS = 100;
/** With `--once`, a part that has to wait longer than this is left to the next run. */
const PATIENCE_MS = 5_000;

/** Starts serving an account. The caller holds the account's poller lock. */
export function startRunner(options: {
  account: RunnerAccount;
  store: Store;
  client: IlinkClient;
  agent: Agent;
  folders: FolderMaker;
  attachments: Attachments;
  outgoing: Outgoing;
  uploader: Uploader;
  /** Ends a process that a former runner left behind; tells whether it still ran. */
  endChild: (child: Child) => Promise<boolean>;
  /** Takes a message that could not be stored, as one line of JSON, for people to save. */
  rescue: (line: string) => void;
  settings: RunnerOptions;
  version: string;
  clock: Clock;
  log: Log;
  emit: EventSink;
}): Runner {
  const { account, store, client, settings, clock, log } = options;
  const key = account.key;
  /** The outside knows an account by the id of its bot. */
  const emit: EventSink = (event) => options.emit({ ...event, account: account.id });
  const polling = new AbortController();
  let end: RunnerEnd | null = null;
  let failure: unknown = null;
  let isFinishing = false;
  let isExpired = false;
  /** What a killed runner left running ends before its messages run again (design 5). */
  let cleared: Promise<void> | null = null;
  const ending = new AbortController();

  function finish(how: RunnerEnd): void {
    end ??= how;
    polling.abort();
    ending.abort();
  }
  function fail(error: unknown): void {
    failure ??= error;
    finish('stopped');
  }

  const delivery = createDelivery({
    account: key,
    store,
    client,
    uploader: options.uploader,
    clock,
    log,
    emit,
    paceMs: settings.paceMs,
    version: options.version,
    onExpired: () => void expire(),
    onError: fail,
  });
  const typing = settings.typing
    ? createTyping({ client, clock, log, contextToken: (user) => store.contextToken({ account: key, user }) })
    : null;
  const turns = createTurns({
    ...options,
    emit,
    delivery,
    typing,
  });
  let lastBusyMs = clock.monotonic();
  const lanes = createLanes({
    concurrency: settings.concurrency,
    clock,
    async run(seq, user) {
      try {
        await cleared;
        return await turns.run(seq, user);
      } catch (error) {
        fail(error);
        return { kind: 'halt' };
      } finally {
        lastBusyMs = clock.monotonic();
        if (settings.maxMessages !== null && turns.started >= settings.maxMessages && lanes.running <= 1) {
          finish('finished');
        }
      }
    },
  });

  /** The poll and every request under way may find it out; it is told once. */
  async function expire(): Promise<void> {
    if (isExpired) return;
    isExpired = true;
    await store.markLogin({ account: key, login: account.login, expired: true }).catch(fail);
    emit({ type: 'expired', account: key });
    finish('expired');
  }

  async function onReady(wasExpired: boolean): Promise<void> {
    emit({ type: 'ready', account: key, name: account.name });
    if (!wasExpired) return;
    // The server takes this login after all: what it has kept waiting may go.
    await store.markLogin({ account: key, login: account.login, expired: false });
    await delivery.refresh();
  }

  function onIntake(result: IntakeResult): void {
    // A poll that brought only a new cursor is no work: some servers name one every time.
    if (result.messages.length > 0) lastBusyMs = clock.monotonic();
    if (result.learnedOwner) log.info(`${result.learnedOwner} is the owner of this bot now`);
    for (const user of result.released) delivery.kick(user);
    for (const message of result.messages) {
      if (message.state === 'received') lanes.add({ ...message, notBeforeMs: null });
      else if (message.state === 'ignored') {
        log.warn(`not given to the agent: ${message.reason}`, { message: message.id, user: message.user });
      } else log.debug('a duplicate', { message: message.id });
    }
  }

  /** Once polled empty, with `--once`: ends when all is answered. */
  async function finishWhenAnswered(): Promise<void> {
    await lanes.idle();
    await delivery.settled(PATIENCE_MS);
    finish('finished');
  }

  /** With `--exit-idle`: ends after that long without intake, running agent or deliverable part. */
  async function watchIdle(): Promise<void> {
    while (settings.exitIdleMs !== null && !polling.signal.aborted) {
      await clock.sleep(IDLE_LOOK_MS, polling.signal);
      if (lanes.running > 0 || delivery.pending(PATIENCE_MS)) lastBusyMs = clock.monotonic();
      else if (clock.monotonic() - lastBusyMs > settings.exitIdleMs) finish('finished');
    }
  }

  async function serve(): Promise<RunnerEnd> {
    // From here on every commit of another process is seen, be it before the first look at what waits or after.
    const since = store.changes();
    const { login, owner } = account;
    // Asked for together, they share a commit and keep their order.
    const [opened, former] = await Promise.all([
      store.openAccount({ account: key, login, owner, nowMs: clock.now() }),
      recoverFormer({ ...options, retries: settings.retries }),
    ]);
    cleared = former.cleared;
    cleared.then(() => options.agent.start?.()).catch(fail);
    // The notice goes before what is answered from here on.
    for (const started of former.failed) await turns.giveUp(started);
    // Before the first poll: what waits is older than what that will bring.
    for (const entry of await store.unfinished(key)) lanes.add(entry);
    const intake = runIntake(
      {
        account: key,
        login: account.login,
        cursor: opened.cursor,
        store,
        poller: createPoller({ client, clock }),
        allow: settings.allow,
        maxAgeMs: settings.maxAgeMs,
        dedupeWindowMs: settings.dedupeWindowMs,
        merge: mergeForRelease(settings, options.outgoing, clock),
        clock,
        log,
        onReady: () => void onReady(opened.loginExpired).catch(fail),
        onIntake,
        rescue: options.rescue,
        onEmpty: () => {
          if (!settings.once || isFinishing) return;
          isFinishing = true;
          void finishWhenAnswered();
        },
        onFailure() {},
      },
      polling.signal,
    ).then((how) => (how === 'expired' ? expire() : undefined), fail);
    // After the first poll, which people wait for.
    void client.notifyStart().catch(fail);
    await delivery.refresh().catch(fail);
    const upkeep = Promise.all([
      watchStore({ account: key, since, store, lanes, delivery, clock }, polling.signal),
      watchIdle(),
      runSweeps({ ...options, account: key, holdMaxMs: settings.holdMaxMs }, polling.signal),
    ]).catch(fail);
    await once(ending.signal);
    await wind(intake, upkeep);
    if (failure) throw failure;
    emit({ type: 'stopped', account: key });
    return end ?? 'stopped';
  }

  /** Everything that is under way comes to its end, or to the end of the grace time. */
  async function wind(intake: Promise<void>, upkeep: Promise<unknown>): Promise<void> {
    const graceEnd = new AbortController();
    const grace = clock.sleep(settings.graceMs, graceEnd.signal);
    await intake;
    if (end === 'stopped') turns.stop();
    await Promise.race([lanes.stop(), grace]);
    if (end !== 'stopped') {
      // What has not ended by itself by then must not outlive the runner.
      turns.stop();
      await Promise.race([lanes.stop(), clock.sleep(settings.graceMs, graceEnd.signal)]);
    }
    if (end !== 'expired') await Promise.race([delivery.settled(settings.graceMs), grace]);
    graceEnd.abort();
    await delivery.stop();
    await upkeep;
    if (end !== 'expired') await client.notifyStop({ timeoutMs: 2_000 });
  }

  return {
    done: serve().catch((error) => {
      polling.abort();
      throw error instanceof Error ? error : new WxError('internal', String(error));
    }),
    get running() {
      return lanes.running;
    },
    stop: () => finish('stopped'),
  };
}

async function once(signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  await new Promise<void>((resolve) => signal.addEventListener('abort', () => resolve(), { once: true }));
}
