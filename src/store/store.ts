import type { Step } from '../sql/statement.ts';
import type { StepRunner } from '../sql/step-runner.ts';
import { accountView } from './accounts/account-view.ts';
import { markLogin, openAccount, recordPoll } from './accounts/accounts.ts';
import { allowedUsers, setAllowed } from './accounts/allowed.ts';
import { becomePoller, endPolling, notedPoller, polledAccounts } from './accounts/pollers.ts';
import { contextToken, sessionValue, setSessionValue } from './accounts/sessions.ts';
import { mediaKeys } from './inbox/media-keys.ts';
import { message, messages } from './inbox/message-rows.ts';
import { quoted } from './inbox/quoted.ts';
import { storeMessages } from './inbox/store-messages.ts';
import { triage } from './inbox/triage.ts';
import { retry, unfinished, unfinishedContent } from './inbox/unfinished.ts';
import { budgetOf } from './outbox/budget.ts';
import { claimPart, returnPart } from './outbox/claim.ts';
import { requeueExpired } from './outbox/holds.ts';
import { type Claimant, renewLease } from './outbox/lease.ts';
import { dropParts, openParts, partsOf, unneededFiles, usersToDeliver } from './outbox/parts.ts';
import { enqueue } from './outbox/queue.ts';
import { settlePart } from './outbox/settle.ts';
import { recordUpload, runningUpload, settleUpload } from './outbox/uploads.ts';
import type { Retention, Store } from './port/port.ts';
import { accountsToSweep, sweepAccount, sweepFinished } from './retention.ts';
import { createServerTimeSaver, type LearningClock } from './server-time.ts';
import { queueNotice, queueOutput } from './turns/output.ts';
import { forgetChild, recordChild, recover } from './turns/recovery.ts';
import { finishAnswer, finishTurn, startTurn } from './turns/turns.ts';

/** The five ports over a database that runs steps. */
export function createStore(
  runner: StepRunner,
  { clock, claimant }: { clock: LearningClock; claimant: Claimant },
): Store {
  const { run: commit, read } = runner;
  const saveServerTime = createServerTimeSaver(clock);

  /** Runs a step of a poll, which may also save the server's time. */
  function commitPoll<T>(account: string, step: () => Step<T>): Promise<T> {
    const saving = saveServerTime();
    if (saving === null) return commit(account, step);
    return commit(account, function* () {
      yield* saving;
      return yield* step();
    });
  }

  /** Each account has a step of its own, which is in order with its others. */
  async function sweepAll(retention: Retention): Promise<boolean> {
    const some = await read(() => accountsToSweep(retention));
    const [any = ''] = retention.accounts;
    return Promise.all([
      ...some.map((account) => commit(account, () => sweepAccount(account, retention))),
      commit(any, () => sweepFinished(retention)),
    ]).then((swept) => swept.some((more) => more));
  }

  return {
    inbox: {
      storeMessages: (intake) => commitPoll(intake.account, () => storeMessages(intake)),
      triage: (input) => commit(input.account, () => triage(input)),
      unfinished: (account) => read(() => unfinished(account)),
      unfinishedContent: (account) => read(() => unfinishedContent(account)),
      retry: (input) => commit(input.account, () => retry(input)),
      quoted: (input) => read(() => quoted(input)),
      mediaKeys: (input) => read(() => mediaKeys(input)),
      messages: (input) => read(() => messages(input)),
      message: (input) => read(() => message(input)),
    },
    turns: {
      startTurn: (input) => commit(input.account, () => startTurn(input)),
      queueOutput: (input) => commit(input.account, () => queueOutput(input, claimant)),
      queueNotice: (input) => commit(input.account, () => queueNotice(input, claimant)),
      finishTurn: (input) => commit(input.account, () => finishTurn(input, claimant)),
      finishAnswer: (input) => commit(input.account, () => finishAnswer(input)),
      recover: (input) => commit(input.account, () => recover(input)),
      recordChild: (input) => commit(input.account, () => recordChild(input)),
      forgetChild: (input) => commit(input.account, () => forgetChild(input)),
    },
    outbox: {
      enqueue: (request) => commit(request.account, () => enqueue(request, claimant)),
      usersToDeliver: (account) => read(() => usersToDeliver(account)),
      claimPart: (request) => commit(request.account, () => claimPart(request, claimant)),
      renewLease: (input) => commit(input.account, () => renewLease(input, claimant.id)),
      returnPart: (input) => commit(input.account, () => returnPart(input, claimant.id)),
      settlePart: (input) => commit(input.account, () => settlePart(input, claimant)),
      settleUpload: (input) => commit(input.account, () => settleUpload(input, claimant.id)),
      recordUpload: (input) => commit(input.account, () => recordUpload(input)),
      runningUpload: (input) => read(() => runningUpload(input, claimant)),
      parts: (seqs) => read(() => partsOf(seqs)),
      openParts: (account) => read(() => openParts(account)),
      dropParts: (input) => commit(input.account, () => dropParts(input, claimant)),
      requeueExpired: (input) => commit(input.account, () => requeueExpired(input)),
      async unneededFiles(paths) {
        await runner.flush();
        return read(() => unneededFiles(paths));
      },
      budget: (input) => read(() => budgetOf(input)),
    },
    sessions: {
      sessionValue: (key) => read(() => sessionValue(key)),
      setSessionValue: (input) => commit(input.account, () => setSessionValue(input)),
      contextToken: (input) => read(() => contextToken(input)),
    },
    admin: {
      openAccount: (input) => commit(input.account, () => openAccount(input)),
      markLogin: (input) => commit(input.account, () => markLogin(input)),
      recordPoll: (input) => commitPoll(input.account, () => recordPoll(input)),
      accountView: (account) => read(() => accountView(account)),
      poller: (account) => read(() => notedPoller(account)),
      becomePoller: (input) => commit(input.account, () => becomePoller(input, claimant)),
      polledAccounts: () => read(() => polledAccounts(claimant)),
      endPolling: (account) => commit(account, () => endPolling(account, claimant)),
      allowed: (account) => read(() => allowedUsers(account)),
      setAllowed: (input) => commit(input.account, () => setAllowed(input)),
      sweep: sweepAll,
      verify: runner.verify,
      keepReserve: runner.keepReserve,
    },
    flush: runner.flush,
    changes: runner.changes,
    get isLost() {
      return runner.isLost;
    },
    close: runner.close,
  };
}
