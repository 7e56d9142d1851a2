import type { Agent } from '../agents/port/port.ts';
import { WxError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import type { SteadyClock } from '../core/time/steady-clock.ts';
import type { IlinkClient } from '../ilink/client.ts';
import { HELD_AFTER_MS } from '../ilink/http/stop.ts';
import { decodeRaw, readInbound } from '../ilink/message/inbound.ts';
import { createPoller } from '../ilink/poll.ts';
import type { Child, Store } from '../store/port/port.ts';
import { createDelivery } from './delivery/delivery.ts';
import type { Outgoing } from './delivery/outgoing-files.ts';
import type { Uploader } from './delivery/uploader.ts';
import { createArrivals } from './intake/dispatch.ts';
import { runIntake } from './intake/intake.ts';
import { intakeTerms, judgementOf } from './intake/intake-terms.ts';
import type { EventSink } from './port/events.ts';
import type { RunnerOptions } from './port/options.ts';
import type { Runner, RunnerAccount, RunnerEnd } from './port/port.ts';
import type { Attachments } from './received/attachments.ts';
import { recoverFormer } from './recovery.ts';
import { createIdleness } from './shutdown/exit-when-idle.ts';
import { createEnding, windDown } from './shutdown/shutdown.ts';
import { runSweeps } from './sweeps.ts';
import type { FolderMaker } from './turns/folders.ts';
import { createLanes } from './turns/lanes.ts';
import { createAsks } from './turns/questions.ts';
import { createTurns } from './turns/turns.ts';
import { createTyping } from './turns/typing.ts';
import { watchStore } from './watch-store.ts';

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
  /** Keeps what came of an answer that cannot be read, as in {@link runIntake}. */
  keepUnread: (bytes: Buffer) => Promise<string>;
  settings: RunnerOptions;
  version: string;
  clock: SteadyClock;
  log: Log;
  emit: EventSink;
}): Runner {
  const { account, store, client, settings, clock, log } = options;
  const key = account.key;
  /** The outside knows an account by the id of its bot. */
  const emit: EventSink = (event) => options.emit({ ...event, account: account.id });
  const ending = createEnding(log);
  const { fail } = ending;
  const rescued = new Set<string>();
  /** Once each, whoever finds that it cannot be stored. */
  function rescue(line: string): void {
    if (!rescued.has(line)) options.rescue(line);
    rescued.add(line);
  }
  let isExpired = false;
  let isReady = false;
  /** A poll has. */
  let hasFailed = false;
  /** Answers to polls that could not be read. */
  let unread = 0;
  /** What a killed runner left running ends before its messages run again (design 5). */
  let cleared: Promise<void> | null = null;

  const delivery = createDelivery({
    account: key,
    store,
    client,
    uploader: options.uploader,
    outgoing: options.outgoing,
    clock,
    log,
    emit,
    paceMs: settings.paceMs,
    version: options.version,
    onExpired: () => void expire(),
    onError: fail,
  });
  const typing = settings.typing
    ? createTyping({
        client,
        clock,
        log,
        contextToken: (user) => store.sessions.contextToken({ account: key, user }),
      })
    : null;
  const asks = createAsks({ account: key, store, delivery, shape: settings, clock, log });
  const turns = createTurns({
    ...options,
    emit,
    delivery,
    asks,
    typing,
  });
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
        idleness.note();
        if (settings.maxMessages !== null && turns.started >= settings.maxMessages) {
          // Those that still run are among them.
          void lanes.stop().then(() => ending.finish('finished'));
        }
      }
    },
  });
  const idleness = createIdleness({ ...settings, lanes, delivery, ending, clock });
  const takeUp = createArrivals({ lanes, turns, asks, delivery, log });

  /** The poll and every request under way may find it out; it is told once. */
  async function expire(): Promise<void> {
    if (isExpired) return;
    isExpired = true;
    await store.admin.markLogin({ account: key, login: account.login, expired: true }).catch(fail);
    emit({ type: 'expired', account: key });
    ending.finish('expired');
  }

  function tellReady(): void {
    if (isReady) return;
    isReady = true;
    emit({ type: 'ready', account: key, name: account.name });
  }

  /** The server's first answer to a poll. */
  async function onPolled(wasExpired: boolean): Promise<void> {
    tellReady();
    if (!wasExpired) return;
    // The server takes this login after all: what it has kept waiting may go.
    await store.admin.markLogin({ account: key, login: account.login, expired: false });
    await delivery.refresh();
  }

  /** What is stored goes with this process: the messages that still have to run, and the texts that were not sent. */
  async function rescueStored(): Promise<void> {
    for (const { raw } of await store.inbox.unfinishedContent(key)) rescue(raw.toString('utf8'));
    for (const { user, clientId, text, file } of await store.outbox.openParts(key)) {
      rescue(JSON.stringify({ unsent: { user, clientId, text, file: file?.path ?? null } }));
    }
  }

  async function serve(): Promise<RunnerEnd> {
    // From here on every commit of another process is seen, be it before the first look at what waits or after.
    const since = store.changes();
    const { login, owner } = account;
    const terms = intakeTerms({
      ...options,
      triage: 'now',
      agent: options.agent.name,
      questionTo: asks.questionTo,
    });
    // Asked for together, they share a commit and keep their order.
    const [opened, former, waiting] = await Promise.all([
      store.admin.openAccount({ account: key, login, owner, nowMs: clock.now() }),
      recoverFormer({ ...options, turns: store.turns, retries: settings.retries }),
      store.inbox.triage({
        ...terms,
        account: key,
        nowMs: clock.now(),
        read: (raw, createdAtMs) =>
          judgementOf({ ...readInbound(decodeRaw(raw)), createdAtMs }, { terms, bot: account.id, clock }),
      }),
    ]);
    if (opened.owner === null) {
      log.warn('nobody is known as the owner of this bot: the first user who writes becomes it');
      log.info('hint: --owner <user> names them');
    }
    cleared = former.cleared;
    cleared.then(() => options.agent.start?.()).catch(fail);
    // The notice goes before what is answered from here on.
    for (const started of former.failed) await turns.giveUp(started);
    // Before the first poll: what waits is older than what that will bring.
    for (const entry of await store.inbox.unfinished(key)) lanes.add(entry);
    // What is to run of it has its place by now, behind what is older.
    takeUp({ ...waiting, again: [], messages: waiting.messages.filter(({ state }) => state !== 'received') });
    const intake = runIntake(
      {
        account: key,
        bot: account.id,
        login: account.login,
        cursor: opened.cursor,
        store,
        poller: createPoller({ client, clock }),
        terms,
        clock,
        log,
        onReady: () => void onPolled(opened.loginExpired).catch(fail),
        onIntake(result) {
          // A poll that brought only a new cursor is no work: some servers name one every time.
          if (result.messages.length > 0) idleness.note();
          takeUp(result);
        },
        rescue,
        keepUnread(bytes) {
          unread++;
          return options.keepUnread(bytes);
        },
        onEmpty: idleness.onEmpty,
        onFailure() {
          hasFailed = true;
        },
      },
      ending.signal,
    ).then((how) => (how === 'expired' ? expire() : undefined), fail);
    // After the first poll, which messages wait for. Its answer comes first when none do: then that poll is held.
    void client
      .notifyStart()
      .then(async ({ kind }) => {
        // Of a login that was dead the poll alone says whether it lives again.
        if (kind !== 'ok' || opened.loginExpired) return;
        // A poll that is held: the server has taken its login.
        await clock.sleep(HELD_AFTER_MS, ending.signal);
        if (!hasFailed && !ending.signal.aborted) tellReady();
      })
      .catch(fail);
    await delivery.refresh().catch(fail);
    const upkeep = Promise.all([
      watchStore({ account: key, since, store, lanes, delivery, clock, onError: fail }, ending.signal),
      idleness.watch(),
      runSweeps({ ...options, account: key, holdMaxMs: settings.holdMaxMs, onError: fail }, ending.signal),
    ]).catch(fail);
    await ending.reached();
    const { graceMs } = settings;
    try {
      const { how } = ending;
      await windDown({ how, intake, lanes, turns, delivery, upkeep, client, graceMs, clock });
    } finally {
      if (store.isLost) await rescueStored();
    }
    ending.check();
    emit({ type: 'stopped', account: key, unread });
    return ending.how ?? 'stopped';
  }

  return {
    done: serve().catch((error) => {
      ending.fail(error);
      throw error instanceof Error ? error : new WxError('internal', String(error));
    }),
    get running() {
      return lanes.running;
    },
    stop: () => ending.finish('stopped'),
  };
}
