import type { Agent } from '../agents/port/port.ts';
import { WxError } from '../core/errors.ts';
import type { Log } from '../core/log.ts';
import { mayAskUntilMs, type WindowKeeper } from '../core/message/window-keeper.ts';
import { isQuiet } from '../core/time/quiet-hours.ts';
import type { SteadyClock } from '../core/time/steady-clock.ts';
import type { IlinkClient } from '../ilink/client.ts';
import { createPoller } from '../ilink/poll.ts';
import { createPollSession } from '../ilink/poll-session.ts';
import type { Trust } from '../store/port/lease.ts';
import type { Child, ClaimRequest, Store } from '../store/port/port.ts';
import type { Uploader } from './delivery/cdn-upload.ts';
import { createDelivery } from './delivery/delivery.ts';
import { notSent } from './delivery/notices.ts';
import type { Outgoing } from './delivery/outgoing-files.ts';
import { textParts } from './delivery/reply-parts.ts';
import { createDispatch } from './intake/dispatch.ts';
import { runIntake } from './intake/intake.ts';
import { triageRules } from './intake/read-messages.ts';
import { createLoginState } from './login-state.ts';
import type { EventSink } from './port/events.ts';
import type { RunnerOptions } from './port/options.ts';
import type { Runner, RunnerAccount, RunnerEnd } from './port/port.ts';
import type { Attachments } from './received/attachments.ts';
import { createRescue } from './rescue-content.ts';
import { createExitConditions } from './shutdown/exit-conditions.ts';
import { createShutdown, shutDown } from './shutdown/shutdown.ts';
import { type Startup, startUp } from './startup.ts';
import type { FolderMaker } from './turns/folders.ts';
import { createLanes } from './turns/lanes.ts';
import { createTurnQuestions } from './turns/turn-questions.ts';
import { createTurns } from './turns/turns.ts';
import { createTyping } from './turns/typing.ts';
import { wordPart } from './upkeep/keep-windows.ts';
import type { Upkeep } from './upkeep/upkeep.ts';

export interface RunnerParts {
  account: RunnerAccount;
  store: Store;
  /** Whether this process may act for its accounts at the moment; null: always. */
  trust?: Trust | null;
  /** Shared by all accounts of the process. */
  upkeep: Upkeep;
  client: IlinkClient;
  agent: Agent;
  folders: FolderMaker;
  attachments: Attachments;
  outgoing: Outgoing;
  uploader: Uploader;
  /** Ends a process that a former runner has left. Tells whether it was still running. */
  endChild: (child: Child) => Promise<boolean>;
  /** Gets content that cannot be stored, as one line of JSON, for people to save. */
  rescue: (line: string) => void;
  /** Keeps a response that cannot be read, as in {@link runIntake}. */
  keepUnread: (bytes: Buffer) => Promise<string>;
  settings: RunnerOptions;
  version: string;
  clock: SteadyClock;
  log: Log;
  emit: EventSink;
  /** The server was told of the start, behind the first poll. */
  onStarted?: () => void;
}

/** Starts serving an account. The caller holds the account's poller lock. */
export function startRunner(parts: RunnerParts): Runner {
  const { store, upkeep, client, agent, settings, clock, log } = parts;
  const { key, id } = parts.account;
  const options = { ...parts, emit };
  const shutdown = createShutdown(log);
  const { fail } = shutdown;
  const rescue = createRescue({ account: key, store, write: parts.rescue });
  let startup: Promise<Startup> | null = null;
  let mayRun = false;
  let unread = 0;
  let keeper: WindowKeeper | null = null;

  const polls = createPollSession({ poller: createPoller({ client, clock }), client, clock });
  const login = createLoginState({
    ...options,
    admin: store.admin,
    shutdown,
    beginSession: () => polls.renew('start', shutdown.signal),
    onRenewed: () => delivery.refresh(),
  });
  const delivery = createDelivery({
    ...options,
    account: key,
    paceMs: settings.paceMs,
    noticeOf: ({ name }, language) =>
      textParts(
        notSent({ first: [{ name, reason: 'refused' }], count: 1 }, language ?? settings.language),
        { ...settings, format: 'raw' },
        { origin: 'notice', runId: null },
      ),
    ask: askNow,
    renewPolls: (signal) => polls.renew('restart', signal),
    onExpired: () => void login.doubt(),
    onError: fail,
  });
  const questions = createTurnQuestions({ ...options, account: key, delivery, shape: settings });
  const contextToken = (user: string) => store.sessions.contextToken({ account: key, user });
  const typing = settings.typing ? createTyping({ client, clock, log, contextToken }) : null;
  const turns = createTurns({ ...options, delivery, questions, typing });
  const lanes = createLanes({ concurrency: settings.concurrency, clock, run });
  const exit = createExitConditions({ settings, lanes, turns, delivery, shutdown, clock });
  const dispatch = createDispatch({ lanes, turns, questions, delivery, log });
  const rules = triageRules({
    ...options,
    triage: 'now',
    agent: agent.name,
    questionTo: questions.questionTo,
  });

  /** How a user is asked for a word at this moment; null: nobody is. */
  function askNow(): ClaimRequest['ask'] | null {
    const asking = keeper;
    const nowMs = clock.now();
    if (asking === null || isQuiet(nowMs, asking.quietHours)) return null;
    return (language) => wordPart(asking, language ?? settings.language, mayAskUntilMs(nowMs, asking));
  }

  /** The outside knows an account by the ID of its bot. */
  function emit(event: Parameters<EventSink>[0]): void {
    try {
      if (event.type === 'part' && (event.verdict === 'confirmed' || event.verdict === 'unconfirmed'))
        login.onAccepted();
      parts.emit({ ...event, account: id });
    } catch (error) {
      fail(error);
    }
  }

  /** Runs a message of a lane, after the startup and when no agent of the former runner is left: then at once. */
  async function run(seq: number): ReturnType<typeof turns.run> {
    try {
      if (!mayRun) await (await startup)?.childrenEnded;
      return await turns.run(seq);
    } catch (error) {
      fail(error);
      return { kind: 'halt' };
    } finally {
      exit.onTurnEnd();
    }
  }

  /** Looks for what other processes have committed. */
  async function look(): Promise<void> {
    for (const entry of await store.inbox.unfinished(key)) lanes.add(entry);
    await delivery.refresh();
  }

  async function serve(): Promise<RunnerEnd> {
    // Before the first look at the store, so that later commits of other processes are noticed.
    const since = store.changes()(key);
    startup = startUp({ ...options, rules, turns, lanes, dispatch });
    const { cursor, loginExpired, childrenEnded } = await startup;
    if (settings.keeper !== 'stored') await store.admin.setKeeper({ account: key, keeper: settings.keeper });
    keeper = await store.admin.keeper(key);
    childrenEnded
      .then(() => {
        mayRun = true;
        return agent.start?.();
      })
      .catch(fail);
    const report = upkeep.reports.of(key, log);
    const intake = runIntake(
      {
        account: key,
        bot: id,
        login: parts.account.login,
        cursor,
        store,
        notes: upkeep.notes,
        ...(parts.trust ? { trust: parts.trust } : {}),
        poller: polls,
        rules,
        clock,
        log,
        report,
        rescue: rescue.line,
        keepUnread(bytes) {
          unread++;
          return parts.keepUnread(bytes);
        },
        onReady: () => void login.onPolled(loginExpired).catch(fail),
        beforeCommit: dispatch.beforeCommit,
        onIntake(result) {
          exit.onIntake(result);
          dispatch.committed(result);
        },
        onEmpty: exit.onEmptyPoll,
        onFailure: login.onPollFailed,
      },
      shutdown.signal,
    )
      .finally(() => {
        report.end();
        return upkeep.notes.settle(key);
      })
      .then((how) => (how === 'expired' ? login.expire() : undefined), fail);
    // After the first poll, for which new messages wait.
    void login.notifyStart(loginExpired).catch(fail);
    await delivery.refresh().catch(fail);
    const kept = Promise.all([
      upkeep.watch({ account: key, since, look, onError: fail }, shutdown.signal),
      upkeep.sweep(
        { ...options, account: key, holdMaxMs: settings.holdMaxMs, onError: fail },
        shutdown.signal,
      ),
      upkeep.watchScheduled({ ...options, account: key, delivery, onError: fail }, shutdown.signal),
      upkeep.watchExpected({ account: key, settings, delivery, onError: fail }, shutdown.signal),
      exit.watch(),
      upkeep.listen({ account: key, emit, onError: fail }, shutdown.signal),
      keeper &&
        upkeep.keep(
          { account: key, keeper, language: settings.language, delivery, onError: fail },
          shutdown.signal,
        ),
    ]).catch(fail);

    await shutdown.whenBegun();
    try {
      const { reason } = shutdown;
      const { graceMs } = settings;
      await shutDown({
        reason,
        lost: shutdown.lost,
        intake,
        lanes,
        turns,
        delivery,
        upkeep: kept,
        client,
        graceMs,
        clock,
      });
    } finally {
      if (store.isLost) await rescue.storedContent();
    }
    shutdown.throwIfFailed();
    emit({ type: 'stopped', account: key, unread });
    return shutdown.reason ?? 'stopped';
  }

  return {
    done: serve().catch((error) => {
      shutdown.fail(error);
      throw error instanceof Error ? error : new WxError('internal', String(error));
    }),
    get running() {
      return lanes.running;
    },
    wake: (user) => delivery.wake(user),
    async rest(ms) {
      const over = new AbortController();
      const late = clock.sleep(ms, AbortSignal.any([over.signal, shutdown.signal]));
      await Promise.race([lanes.pause(), late]);
      over.abort();
      if (lanes.running === 0) return true;
      if (!shutdown.signal.aborted) lanes.resume();
      return false;
    },
    stop: () => shutdown.begin('stopped'),
    drain: () => shutdown.begin('finished'),
    lose: () => shutdown.begin('lost'),
  };
}
