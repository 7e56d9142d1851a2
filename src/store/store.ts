import type { BeforeCommit } from '../sql/one-transaction.ts';
import { type Step, unawaited } from '../sql/statement.ts';
import { NO_ACCOUNT, type StepRunner } from '../sql/step-runner.ts';
import { auditEntries, noteAct } from './access/audit.ts';
import {
  addCode,
  browserSession,
  browserSessions,
  endSessions,
  noteSessionUse,
  redeemCode,
} from './access/browser-sessions.ts';
import {
  addInvitation,
  invitation,
  invitations,
  removeInvitation,
  returnInvitation,
  useInvitation,
} from './access/invitations.ts';
import { addSource, noteSourceUse, removeSource, sourceByDigest, sources } from './access/sources.ts';
import { accessToken, accessTokens, addToken, noteTokenUse, removeToken } from './access/tokens.ts';
import { measures, probe } from './account-measures.ts';
import type { AccountChanges } from './accounts/account-changes.ts';
import { accountView } from './accounts/account-view.ts';
import { markLogin, openAccount, recordPoll } from './accounts/accounts.ts';
import { allowedUsers, setAllowed } from './accounts/allowed.ts';
import { deafnessOf, noteDeafness } from './accounts/deafness.ts';
import { becomePoller, endPolling, notedPoller, polledAccounts } from './accounts/pollers.ts';
import { contextToken, sessionValue, setSessionValue } from './accounts/sessions.ts';
import { askForWord, keeperOf, setKeeper, usersToAsk } from './accounts/window-keeper-rows.ts';
import { chatPiece, placeOfEntry } from './conversations/chat-piece.ts';
import { listConversations } from './conversations/list.ts';
import { findMessages, findParts } from './conversations/search.ts';
import { markSeen } from './conversations/seen.ts';
import { eventAt, eventCounts, eventsAfter, newestEvent } from './events/events.ts';
import { dueAccounts, expect, expectations, tellExpected, unexpect } from './expected/expected.ts';
import {
  accountsWithFallback,
  claimFallback,
  isFallbackDue,
  settleFallback,
} from './fallbacks/claim-and-settle.ts';
import { mediaKeys } from './inbox/media-keys.ts';
import { message, messagePage, messages } from './inbox/message-rows.ts';
import { quoted } from './inbox/quoted.ts';
import { requeue } from './inbox/requeue.ts';
import { storeMessages } from './inbox/store-messages.ts';
import { triage } from './inbox/triage.ts';
import { unfinished, unfinishedContent } from './inbox/unfinished.ts';
import { budgetOf } from './outbox/budget.ts';
import { claimPart, returnPart } from './outbox/claim-next-part.ts';
import { requeueExpired } from './outbox/hold-and-release.ts';
import { dropParts, openParts, partPage, partsOf, unneededFiles, usersToDeliver } from './outbox/parts.ts';
import { settlePart } from './outbox/settle.ts';
import { recordUpload, runningUpload, settleUpload } from './outbox/upload-rows.ts';
import { type Claimant, renewLease } from './outbox/user-lease.ts';
import type { Act, Asked } from './port/access.ts';
import { LeaseLost } from './port/lease.ts';
import type { Retention, Store } from './port/port.ts';
import { enqueueRequest } from './pushes/pushes.ts';
import { duePushes, releasePushes } from './pushes/releases.ts';
import {
  askQuestion,
  closeQuestion,
  leaveQuestion,
  questionView,
  renewQuestion,
} from './questions/questions.ts';
import { accountsToSweep, sweepAccount, sweepFinished } from './retention.ts';
import { dueTexts, releaseText, schedule, scheduledTexts, unschedule } from './scheduled/scheduled.ts';
import { queueNotice, queueOutput } from './turns/output.ts';
import { forgetChild, recordChild, recover } from './turns/recovery.ts';
import { finishAnswer, finishTurn, startTurn } from './turns/turns.ts';
import { createServerTimeSaver, type LearningClock } from './wechat-server-time.ts';
import { ALWAYS, type Fence, fenced, heldOf, type IsHeld, withLease } from './workers/fence.ts';

/** How often who reads the log of events says so. */
const WANT_EVERY_MS = 60_000;

/**
 * The eleven ports over a database that runs steps. With a `fence`, whatever belongs to serving an account needs a lease on it,
 * and rejects with LeaseLost without one; other processes (`send`, `retry`) have no fence.
 */
export function createStore(
  runner: StepRunner,
  {
    clock,
    claimant,
    teller = claimant,
    fence,
    blobs = null,
    accountChanges,
    log,
  }: {
    clock: LearningClock;
    claimant: Claimant;
    /** Who runs the commands of fallbacks, if not under the same name: what it has begun it ends, also without a lease. */
    teller?: Claimant;
    fence?: Fence;
    blobs?: Store['blobs'];
    accountChanges?: AccountChanges;
    /** Begins the log of events for who reads it, and ends one that nobody wants; where it is not always written. */
    log?: Record<'want' | 'endUnwanted', () => Step<void>>;
  },
): Store {
  const { run: commit, read } = runner;

  /** Runs a step that concerns whoever serves the account, which may be another process; `isChange`: whether its result does. */
  async function notify<T>(
    account: string,
    step: () => Step<T>,
    beforeCommit?: BeforeCommit<T>,
    isChange: (done: T) => boolean = () => true,
  ): Promise<T> {
    if (!accountChanges) return commit(account, step, beforeCommit);
    const noted = function* (): Step<T> {
      const done = yield* step();
      if (isChange(done)) yield* unawaited(accountChanges.note(account));
      return done;
    };
    const result = await commit(account, noted, beforeCommit);
    if (isChange(result)) accountChanges.tell(account);
    return result;
  }
  /** Runs a step of whoever serves the account: of a worker only while it holds the lease. */
  const act: StepRunner['run'] = fence
    ? (account, step, beforeCommit) => commit(account, () => fenced(fence, account, step), beforeCommit)
    : notify;
  /** A step that somebody asks for; when they are named, the act is recorded in the same transaction. */
  function* noted<T>(
    input: Asked & { account: string; nowMs?: number; act: Act; about: string },
    step: () => Step<T>,
  ): Step<T> {
    const { by } = input;
    const done = yield* step();
    if (done && by !== undefined) yield* noteAct({ ...input, by, nowMs: input.nowMs ?? clock.now() });
    return done;
  }
  const asked = <T>(input: Parameters<typeof noted>[0], step: () => Step<T>): Promise<T> =>
    notify(input.account, () => noted(input, step));

  const saveServerTime = createServerTimeSaver(clock);

  /** A step of a poll, which may also save the server's time. */
  function withServerTime<T>(step: () => Step<T>): () => Step<T> {
    const saving = saveServerTime();
    if (saving === null) return step;
    return function* () {
      yield* saving;
      return yield* step();
    };
  }

  /**
   * Runs a step of which a part counts for a late owner as well; `isHeld` tells the step whether its process is one. The
   * late owner learns it when that part is committed.
   */
  async function actLate<T>(
    account: string,
    step: (isHeld: IsHeld) => Step<T>,
    beforeCommit?: BeforeCommit<T>,
  ): Promise<T> {
    if (!fence) return notify(account, () => step(ALWAYS), beforeCommit);
    const late = function* (isHeld: IsHeld): Step<T> {
      const done = yield* step(isHeld);
      if (accountChanges && !isHeld()) yield* unawaited(accountChanges.note(account));
      return done;
    };
    const { isHeld, result } = await commit(
      account,
      () => withLease(fence, account, late),
      (done) => done.isHeld && beforeCommit?.(done.result),
    );
    if (isHeld) return result;
    accountChanges?.tell(account);
    throw new LeaseLost(account);
  }

  let wantedAtMs = Number.NEGATIVE_INFINITY;
  /** Runs a step that reads the log of events. */
  async function readLog<T>(step: () => Step<T>): Promise<T> {
    const nowMs = clock.monotonic();
    if (log && nowMs - wantedAtMs > WANT_EVERY_MS) {
      await commit(NO_ACCOUNT, log.want);
      wantedAtMs = nowMs;
    }
    return read(step);
  }

  /**
   * Each account has a step of its own, which is in order with its others. No lease is needed: by the rows alone, whoever
   * sweeps would remove the same.
   */
  async function sweepAll(retention: Retention): Promise<boolean> {
    const some = await read(() => accountsToSweep(retention));
    const [any = ''] = retention.accounts;
    return Promise.all([
      ...some.map((account) => commit(account, () => sweepAccount(account, retention))),
      commit(any, () => sweepFinished(retention)),
      log && commit(any, log.endUnwanted),
    ]).then((swept) => swept.some((more) => more));
  }

  return {
    inbox: {
      storeMessages(intake, beforeCommit) {
        // What a poll brought exists nowhere else, so it is stored for a late owner, too; its cursor is not.
        const step = (isHeld = ALWAYS) => withServerTime(() => storeMessages(intake, claimant, isHeld))();
        return intake.messages.length === 0
          ? act(intake.account, step)
          : actLate(intake.account, step, beforeCommit);
      },
      triage: (input) => act(input.account, () => triage(input)),
      unfinished: (account) => read(() => unfinished(account)),
      unfinishedContent: (account) => read(() => unfinishedContent(account)),
      retry: (input) => asked({ ...input, act: 'retry', about: input.id ?? 'failed' }, () => requeue(input)),
      quoted: (input) => read(() => quoted(input)),
      mediaKeys: (input) => read(() => mediaKeys(input)),
      messages: (input) => read(() => messages(input)),
      messagePage: (input) => read(() => messagePage(input)),
      message: (input) => read(() => message(input)),
    },
    turns: {
      startTurn: (input) => act(input.account, () => startTurn(input)),
      queueOutput: (input) => act(input.account, () => queueOutput(input, claimant)),
      queueNotice: (input) => act(input.account, () => queueNotice(input, claimant)),
      finishTurn: (input) => act(input.account, () => finishTurn(input, claimant)),
      finishAnswer: (input) => act(input.account, () => finishAnswer(input)),
      recover: (input) => act(input.account, () => recover(input)),
      recordChild: (input) => act(input.account, () => recordChild(input)),
      // Only ever one's own process, and the record of it: also when the lease is lost.
      forgetChild: (input) => commit(input.account, () => forgetChild(input)),
    },
    outbox: {
      enqueue: (request) =>
        // Pushes that wait are looked for, by all processes.
        notify(
          request.account,
          () => enqueueRequest(request, claimant),
          undefined,
          (parts) => parts.some(({ state }) => state !== 'delayed'),
        ),
      askForWord: (input) => act(input.account, () => askForWord(input)),
      duePushes: (nowMs) => read(() => duePushes(nowMs)),
      // Whoever looks first: the commit decides.
      releasePushes: (input) => notify(input.account, () => releasePushes(input)),
      usersToDeliver: (account) => read(() => usersToDeliver(account)),
      claimPart: (request) => act(request.account, () => claimPart(request, claimant)),
      renewLease: (input) => act(input.account, () => renewLease(input, claimant.id)),
      returnPart: (input) => act(input.account, () => returnPart(input, claimant.id)),
      settlePart(input) {
        if (input.reply.kind !== 'accepted') return act(input.account, () => settlePart(input, claimant));
        return actLate(input.account, (isHeld) => settlePart(input, claimant, isHeld));
      },
      settleUpload: (input) => act(input.account, () => settleUpload(input, claimant.id)),
      recordUpload: (input) => act(input.account, () => recordUpload(input)),
      runningUpload: (input) => read(() => runningUpload(input, claimant)),
      parts: (seqs) => read(() => partsOf(seqs)),
      partPage: (input) => read(() => partPage(input)),
      openParts: (account) => read(() => openParts(account)),
      // Only people drop parts, by any process.
      dropParts: (input) => notify(input.account, () => dropParts(input, claimant)),
      accountsWithFallback: () => read(accountsWithFallback),
      isFallbackDue: (input) => read(() => isFallbackDue(input, claimant, teller)),
      // No lease is needed: a command may also be run where nobody can send.
      claimFallback: (input) => commit(input.account, () => claimFallback(input, claimant, teller)),
      settleFallback: (input) => notify(input.account, () => settleFallback(input, teller.id)),
      requeueExpired: (input) =>
        asked({ ...input, act: 'retry', about: 'expired' }, () => requeueExpired(input)),
      async unneededFiles(paths) {
        await runner.flush();
        return read(() => unneededFiles(paths));
      },
      budget: (input) => read(() => budgetOf(input)),
    },
    questions: {
      ask: (input) => notify(input.account, () => askQuestion(input, claimant)),
      question: (seq) => read(() => questionView(seq)),
      renew: (input) => commit(input.account, () => renewQuestion(input, claimant)),
      leave: (input) => commit(input.account, () => leaveQuestion(input)),
      close: (input) => commit(input.account, () => closeQuestion(input)),
    },
    expected: {
      expect: (input) => commit(input.account, () => expect(input)),
      unexpect: (input) => commit(input.account, () => unexpect(input)),
      expectations: (account) => read(() => expectations(account)),
      due: (nowMs) => read(() => dueAccounts(nowMs)),
      tell: (input) => act(input.account, () => tellExpected(input)),
    },
    scheduled: {
      schedule: (input) => commit(input.account, () => schedule(input)),
      scheduled: (account) => read(() => scheduledTexts(account)),
      unschedule: (input) => commit(input.account, () => unschedule(input)),
      dueTexts: (nowMs, accounts) => read(() => dueTexts(nowMs, accounts)),
      release: (input) => act(input.text.account, () => releaseText(input, claimant)),
    },
    sessions: {
      sessionValue: (key) => read(() => sessionValue(key)),
      setSessionValue: (input) => act(input.account, () => setSessionValue(input)),
      contextToken: (input) => read(() => contextToken(input)),
    },
    admin: {
      openAccount: (input) =>
        act(input.account, () =>
          noted({ ...input, act: 'login', about: input.name ?? input.account }, () => openAccount(input)),
        ),
      markLogin: (input) => act(input.account, () => markLogin(input)),
      setKeeper: (input) => act(input.account, () => setKeeper(input)),
      keeper: (account) => read(() => keeperOf(account)),
      noteDeafness: (input) => act(input.account, () => noteDeafness(input)),
      deafness: (input) => read(() => deafnessOf(input)),
      usersToAsk: (input) => read(() => usersToAsk(input)),
      async recordPolls(polls) {
        const [any] = polls;
        if (!any) return;
        await commit(
          any.account,
          withServerTime(function* () {
            const held = fence ? yield* heldOf(fence, polls) : polls;
            yield* unawaited(...held.map(recordPoll));
          }),
        );
      },
      accountView: (account) => read(() => accountView(account)),
      poller: (account) => read(() => notedPoller(account)),
      // On a server nobody calls it: leases say who polls.
      becomePoller: (input) => commit(input.account, () => becomePoller(input, claimant)),
      polledAccounts: () => read(() => polledAccounts(claimant)),
      endPolling: (account) => commit(account, () => endPolling(account, claimant)),
      allowed: (account) => read(() => allowedUsers(account)),
      setAllowed: (input) =>
        asked({ ...input, act: input.allowed ? 'allow' : 'disallow', about: input.user }, () =>
          setAllowed(input),
        ),
      measures: (nowMs) => read(() => measures(nowMs)),
      async probe() {
        await commit(NO_ACCOUNT, probe);
        await runner.flush();
      },
      sweep: sweepAll,
      verify: runner.verify,
      keepReserve: runner.keepReserve,
    },
    access: {
      addToken: (input) => commit(NO_ACCOUNT, () => addToken(input)),
      tokens: () => read(() => accessTokens()),
      removeToken: (input) => commit(NO_ACCOUNT, () => removeToken(input)),
      token: (id) => read(() => accessToken(id)),
      noteTokenUse: (input) => commit(NO_ACCOUNT, () => noteTokenUse(input)),
      addSource: (input) => commit(NO_ACCOUNT, () => addSource(input)),
      sources: () => read(sources),
      removeSource: (input) => commit(NO_ACCOUNT, () => removeSource(input)),
      source: (digest) => read(() => sourceByDigest(digest)),
      noteSourceUse: (input) => commit(NO_ACCOUNT, () => noteSourceUse(input)),
      addCode: (input) => commit(NO_ACCOUNT, () => addCode(input)),
      redeemCode: (input) => commit(NO_ACCOUNT, () => redeemCode(input)),
      session: (input) => read(() => browserSession(input.digest, input.nowMs)),
      noteSessionUse: (input) => commit(NO_ACCOUNT, () => noteSessionUse(input)),
      sessions: ({ nowMs }) => read(() => browserSessions(nowMs)),
      endSessions: (input) => commit(NO_ACCOUNT, () => endSessions(input)),
      addInvitation: (input) => commit(NO_ACCOUNT, () => addInvitation(input)),
      invitations: () => read(() => invitations()),
      removeInvitation: (input) => commit(NO_ACCOUNT, () => removeInvitation(input)),
      invitation: (id) => read(() => invitation(id)),
      useInvitation: (input) => commit(NO_ACCOUNT, () => useInvitation(input)),
      returnInvitation: (input) => commit(NO_ACCOUNT, () => returnInvitation(input)),
      audit: (input) => read(() => auditEntries(input)),
      noteAct: (input) =>
        commit(NO_ACCOUNT, function* () {
          yield* noteAct(input);
        }),
    },
    conversations: {
      list: (input) => read(() => listConversations(input)),
      piece: (input) => read(() => chatPiece(input)),
      placeOf: (input) => read(() => placeOfEntry(input)),
      findMessages: (input) => read(() => findMessages(input)),
      findParts: (input) => read(() => findParts(input)),
      markSeen: (input) => commit(input.account, () => markSeen(input)),
    },
    events: {
      newest: () => readLog(newestEvent),
      at: (place) => readLog(() => eventAt(place)),
      after: (input) => readLog(() => eventsAfter(input)),
      counts: (input) => readLog(() => eventCounts(input)),
    },
    blobs,
    flush: runner.flush,
    changes: runner.changes,
    get isLost() {
      return runner.isLost;
    },
    close: runner.close,
  };
}
