import { EXIT_CODES, WxError } from '../../core/errors.ts';
import { VERSION } from '../../core/version.ts';
import { type Account, loginDigest } from '../../home/accounts-file.ts';
import { claimantId } from '../../home/claimant.ts';
import { processStartTime } from '../../home/process-identity.ts';
import type { Transport } from '../../ilink/http/transport.ts';
import type { EventSink } from '../../runner/port/events.ts';
import type { RunnerOptions } from '../../runner/port/options.ts';
import type { Runner, RunnerEnd } from '../../runner/port/port.ts';
import { startRunner } from '../../runner/runner.ts';
import { createFolderMaker } from '../../runner/turns/folders.ts';
import { createUpkeep, type Upkeep } from '../../runner/upkeep.ts';
import type { Store } from '../../store/port/port.ts';
import { contextOf, loginHint } from '../account/choice.ts';
import { connect, openTransport } from '../account/connection.ts';
import { acquirePollerLock, type PollerLock } from '../account/poller-lock.ts';
import { openHomeStore } from '../account/store.ts';
import type { AgentFactory } from '../agent/agent-factory.ts';
import { createChildRecords } from '../agent/child-records.ts';
import type { CommandContext } from '../command/context.ts';
import { wordsOf } from '../i18n/language.ts';
import { LOOK_EVERY_MS, relogin, watchForLogins } from '../login/relogin.ts';
import { type AttachmentOptions, openAttachments } from './attachments.ts';

/** How often a lock is asked for that somebody has for a moment. */
const LOCK_EVERY_MS = 100;

/** How accounts are served. */
export interface Service {
  makeAgent: AgentFactory;
  settings: RunnerOptions;
  keepFiles: boolean;
  received: AttachmentOptions;
  emit: EventSink;
  /** Accounts that log in meanwhile are served as well (`--all-accounts`). */
  watchLogins: boolean;
}

/**
 * Serves accounts until all their runners have ended, or the process is told to stop. An account
 * whose login dies is served again when it is logged in again. Returns the exit code.
 */
export async function serve(
  context: CommandContext,
  service: Service,
  accounts: readonly Account[],
): Promise<number> {
  const stop = context.stopSignal();
  const transport = openTransport(context);
  const store = openHomeStore(context, { waitInTrouble: stop });
  const upkeep = createUpkeep(store, context.clock);
  const runners = new Map<string, Runner>();
  /** Accounts that are served, or are about to be. */
  const served = new Set<string>();
  const ends: Promise<RunnerEnd>[] = [];
  /** Whose login has died for good. */
  const expired: Account[] = [];
  let hasFailed = false;

  /** One account, through as many logins as it takes. */
  async function serveThrough(first: Account): Promise<RunnerEnd> {
    for (let account = first; ; ) {
      const end = await serveLogin(account);
      if (end !== 'expired') return end;
      const next = await relogin(
        contextOf(context, account),
        account,
        transport,
        store.admin,
        () => served.size > 0,
      );
      if (stop.aborted) return 'stopped';
      if (next === null) {
        expired.push(account);
        return 'expired';
      }
      account = next;
    }
  }

  async function serveLogin(account: Account): Promise<RunnerEnd> {
    served.add(account.key);
    const own = contextOf(context, account);
    try {
      const lock = await waitForPollerLock(context, account, store, {
        isOver: () => stop.aborted || hasFailed,
        onLost: () => runners.get(account.key)?.stop(),
      });
      if (lock === null) return 'stopped';
      try {
        lock.check();
        const { runner, done } = startOne(own, service, account, { lock, transport, store, upkeep });
        runners.set(account.key, runner);
        if (stop.aborted) runner.stop();
        const end = await done;
        lock.check();
        return end;
      } finally {
        await lock.release();
      }
    } finally {
      runners.delete(account.key);
      served.delete(account.key);
    }
  }

  /** Of several accounts, one that another process serves waits until it is free. */
  async function serveWhenFree(account: Account): Promise<RunnerEnd> {
    for (let isTold = false; ; isTold = true) {
      try {
        return await serveThrough(account);
      } catch (error) {
        if (!service.watchLogins || !(error instanceof WxError) || error.kind !== 'busy') throw error;
        if (!isTold) contextOf(context, account).log.warn(`${error.message}; trying again until it is free`);
        await context.clock.sleep(LOOK_EVERY_MS, stop);
        if (stop.aborted) return 'stopped';
        if (served.size === 0) throw error;
      }
    }
  }
  const start = (account: Account): void => {
    const end = serveWhenFree(account);
    // Awaited below; until then a failure must not count as unhandled.
    end.catch(() => {
      hasFailed = true;
    });
    ends.push(end);
  };
  const stopAll = (): void => {
    const busy = [...runners.values()].reduce((sum, runner) => sum + runner.running, 0);
    if (busy > 0) context.log.info(wordsOf(context.language).stopping(busy));
    for (const runner of runners.values()) runner.stop();
  };
  try {
    stop.addEventListener('abort', stopAll, { once: true });
    for (const account of accounts) start(account);
    if (stop.aborted) stopAll();
    if (service.watchLogins)
      await watchForLogins(context, accounts, () => served.size > 0 && !hasFailed, start);
    await Promise.all(ends);
    if (expired.length === 0) return 0;
    for (const account of expired) contextOf(context, account).log.info(`hint: ${loginHint(account)}`);
    return EXIT_CODES['not-logged-in'];
  } catch (error) {
    for (const runner of runners.values()) runner.stop();
    await Promise.allSettled(ends);
    throw error;
  } finally {
    stop.removeEventListener('abort', stopAll);
    await store.close();
    await transport.close();
  }
}

/** Serves one login of an account, whose poller lock the caller holds. */
function startOne(
  context: CommandContext,
  service: Service,
  account: Account,
  {
    lock,
    transport,
    store,
    upkeep,
  }: { lock: PollerLock; transport: Transport; store: Store; upkeep: Upkeep },
): { runner: Runner; done: Promise<RunnerEnd> } {
  const connection = connect(context, account, transport);
  const children = createChildRecords(account.key, store.turns, context.log);
  const agent = service.makeAgent(children, account);
  const runner = startRunner({
    ...connection,
    account: {
      key: account.key,
      id: account.id,
      name: account.name,
      owner: account.owner,
      login: loginDigest(account),
      formerPoller: lock.former && claimantId(lock.former),
    },
    store,
    upkeep,
    agent,
    folders: createFolderMaker({
      turns: context.paths.media('turn', account.key),
      state: (user) => context.paths.agentState(account.key, user),
      sessions: service.received.place === 'session' ? context.paths.media('session', account.key) : null,
      keep: service.keepFiles,
      log: context.log,
    }),
    attachments: openAttachments(context, account, store, transport, service.received, children),
    async endChild(child) {
      const { endOrphan } = await import('../../agents/child/orphans.ts');
      return endOrphan(child, processStartTime);
    },
    rescue: (line) => context.io.err(`${line}\n`),
    settings: service.settings,
    version: VERSION,
    clock: context.clock,
    log: context.log,
    emit: service.emit,
  });
  const done = runner.done.finally(() => agent.close?.());
  return { runner, done };
}

/**
 * The poller lock of an account; null when it is not wanted any more. Who only looks for messages (`send`,
 * `login`) is waited for. Throws WxError `busy` when another process serves the account.
 */
async function waitForPollerLock(
  context: CommandContext,
  account: Account,
  store: Store,
  { isOver, onLost }: { isOver: () => boolean; onLost: () => void },
): Promise<PollerLock | null> {
  const { clock } = context;
  const { log } = contextOf(context, account);
  let isTold = false;
  while (!isOver()) {
    const taken = await acquirePollerLock(context, account, store, { purpose: 'serve', onLost });
    if ('lock' in taken) return taken.lock;
    const { holder } = taken;
    const who = `process ${holder.pid} on ${holder.host}`;
    if (holder.purpose === 'serve') {
      throw new WxError('busy', `${who} receives the messages of ${account.id} already`, {
        hint: 'wxagent status',
      });
    }
    if (!isTold) log.info(`${who} is checking for messages of ${account.id}; waiting for it`);
    isTold = true;
    await clock.sleep(LOCK_EVERY_MS, context.stopSignal());
  }
  return null;
}
