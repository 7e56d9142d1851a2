import { EXIT_CODES, WxError } from '../../core/errors.ts';
import { startPauseMs } from '../../core/time/backoff.ts';
import { aborted } from '../../core/time/event-loop.ts';
import { VERSION } from '../../core/version.ts';
import { type Account, loginDigest } from '../../home/accounts-file.ts';
import { tooFewOpenFiles } from '../../home/open-files.ts';
import { processStartTime } from '../../home/process-identity.ts';
import type { Transport } from '../../ilink/http/transport.ts';
import type { EventSink } from '../../runner/port/events.ts';
import type { RunnerOptions } from '../../runner/port/options.ts';
import type { Runner, RunnerEnd } from '../../runner/port/port.ts';
import { startRunner } from '../../runner/runner.ts';
import { createFolderMaker } from '../../runner/turns/folders.ts';
import { createUpkeep, type Upkeep } from '../../runner/upkeep.ts';
import { LeaseLost } from '../../store/port/lease.ts';
import type { Store } from '../../store/port/port.ts';
import { contextOf, loginHint, noAccount } from '../account/choice.ts';
import { connect, openTransport } from '../account/connection.ts';
import { type Holder, leaseLost, openPolling, type Polling, type PollingRight } from '../account/polling.ts';
import type { AgentFactory } from '../agent/agent-factory.ts';
import { createChildRecords } from '../agent/child-records.ts';
import type { CommandContext } from '../command/context.ts';
import { wordsOf } from '../i18n/language.ts';
import { followAccounts, LOOK_EVERY_MS, relogin } from '../login/relogin.ts';
import { type AttachmentOptions, openAttachments } from './attachments.ts';
import { openLeasedAccounts } from './leased-accounts.ts';

/** How often a lock is asked for that somebody has for a moment. */
const LOCK_EVERY_MS = 100;

/** How accounts are served. */
export interface Service {
  makeAgent: AgentFactory;
  settings: RunnerOptions;
  keepFiles: boolean;
  received: AttachmentOptions;
  emit: EventSink;
  /** Accounts that log in meanwhile are served as well, and those that log out no longer (`--all-accounts`). */
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
  const { clock } = context;
  const { waitLogin } = context.settings(['waitLogin']);
  const stop = context.stopSignal();
  const transport = openTransport(context);
  const { graceMs } = service.settings;
  /** Of a server, all processes that serve all accounts share them. */
  const shared =
    context.server && service.watchLogins
      ? await openLeasedAccounts(context, context.server, { stop, graceMs })
      : null;
  const polling = shared ?? (await openPolling(context, { purpose: 'serve', store: null, stop }));
  const { store } = polling;
  const upkeep = createUpkeep(store, clock, context.log);
  const runners = new Map<string, Runner>();
  /** Accounts that are served, or are about to be. */
  const served = new Set<string>();
  /** Those and others that wait, for a login or for another process: each with what ends it. */
  const active = new Map<string, { account: Account; leave: AbortController; ended: Promise<void> }>();
  /** Whose login has died for good. */
  const expired: Account[] = [];
  /** Aborted when no account is active any more, or one has failed. */
  const over = new AbortController();
  let failure: { error: unknown } | null = null;
  let areAllStarted = false;
  let hasLastLoggedOut = false;

  /** One account, through as many logins as it takes. */
  async function serveThrough(first: Account, leave: AbortSignal): Promise<RunnerEnd> {
    for (let account = first; ; ) {
      const own = { ...contextOf(context, account), stopSignal: () => leave };
      const end = await serveLogin(own, account, leave);
      if (end !== 'expired') return end;
      const next = await relogin(
        own,
        account,
        transport,
        store.admin,
        () => shared !== null || served.size > 0,
      );
      if (leave.aborted) return 'stopped';
      if (next === null) {
        expired.push(account);
        return 'expired';
      }
      account = next;
    }
  }

  async function serveLogin(own: CommandContext, account: Account, leave: AbortSignal): Promise<RunnerEnd> {
    served.add(account.key);
    try {
      const isOver = (): boolean => leave.aborted || failure !== null;
      const right =
        'right' in polling
          ? polling.right(account.key)
          : await waitForRight(own, polling, account, isOver, () => endLost(account.key));
      if (right === null) return 'stopped';
      try {
        right.check();
        const { runner, done } = startOne(own, service, account, {
          right,
          transport,
          store,
          upkeep,
        });
        runners.set(account.key, runner);
        if (leave.aborted) runner.stop();
        const how = await done;
        right.check();
        // A step has noticed it before the lease was looked at.
        if (how === 'lost' && !shared) throw leaseLost(account.key);
        return how;
      } catch (error) {
        if (error instanceof LeaseLost && !shared) throw leaseLost(account.key);
        throw error;
      } finally {
        await right.release();
      }
    } finally {
      runners.delete(account.key);
      served.delete(account.key);
    }
  }

  /**
   * Of several accounts, one that another process serves waits until it is free. An account whose lease ran out while the
   * server of the store was lost is served again when that answers, unless another process has it by then.
   */
  async function serveWhenFree(account: Account, leave: AbortSignal): Promise<RunnerEnd> {
    for (let isTold = false; ; isTold = true) {
      try {
        return await serveThrough(account, leave);
      } catch (error) {
        if (error instanceof LeaseLost) return 'lost';
        if (!(error instanceof WxError)) throw error;
        const { log } = contextOf(context, account);
        if (context.server && error.kind === 'network') {
          log.warn(`${error.message}; trying again until the server answers`);
          await clock.sleep(LOOK_EVERY_MS, leave);
          if (leave.aborted) return 'stopped';
          continue;
        }
        if (!service.watchLogins || error.kind !== 'busy') throw error;
        if (!isTold) log.warn(`${error.message}; trying again until it is free`);
        await clock.sleep(LOOK_EVERY_MS, leave);
        if (leave.aborted) return 'stopped';
        if (served.size === 0 && !shared) throw error;
      }
    }
  }

  function start(account: Account): void {
    const { key } = account;
    const before = active.get(key)?.ended;
    const leave = new AbortController();
    const entry = { account, leave, ended: Promise.resolve() };
    async function run(): Promise<void> {
      // One that has logged out, and in again, is served when it has ended.
      await before;
      try {
        await serveWhenFree(account, leave.signal);
      } catch (error) {
        failure ??= { error };
      }
      hasLastLoggedOut = leave.signal.aborted && !stop.aborted;
      if (active.get(key) === entry) active.delete(key);
      endWhenOver();
    }
    active.set(key, entry);
    entry.ended = run();
  }

  function endWhenOver(): void {
    const isAwaited = service.watchLogins && waitLogin && hasLastLoggedOut && !stop.aborted;
    const isWorker = shared !== null && !stop.aborted;
    if (failure || (areAllStarted && active.size === 0 && !isAwaited && !isWorker)) over.abort();
  }

  /** Many are not started at once: the server would be asked by all of them at the same moment, at each poll. */
  async function startAll(): Promise<void> {
    if (shared) {
      shared.begin({ start, drain, drop });
      shared.offer(accounts);
      areAllStarted = true;
      return;
    }
    for (const [index, account] of accounts.entries()) {
      await clock.sleep(startPauseMs(index + 1), stop);
      if (stop.aborted || failure) break;
      start(account);
    }
    areAllStarted = true;
    endWhenOver();
  }

  function leaveNow(key: string): void {
    const leaving = active.get(key);
    if (leaving) {
      const { account } = leaving;
      context.log.info(`${account.name ?? account.id} has logged out and is served no longer`);
    }
    const drained = drain(key);
    shared?.withdraw(key, drained);
  }

  async function drain(key: string): Promise<void> {
    const leaving = active.get(key);
    if (!leaving) return;
    leaving.leave.abort();
    runners.get(key)?.drain();
    await leaving.ended;
  }

  function drop(key: string): void {
    active.get(key)?.leave.abort();
    runners.get(key)?.lose();
  }

  /** Nothing more may be sent where another process may have the lease by now. */
  function endLost(key: string): void {
    const runner = runners.get(key);
    if (context.server) runner?.lose();
    else runner?.stop();
  }

  function stopAll(): void {
    const busy = [...runners.values()].reduce((sum, runner) => sum + runner.running, 0);
    if (busy > 0) context.log.info(wordsOf(context.language).stopping(busy));
    for (const { leave } of active.values()) leave.abort(stop.reason);
    for (const runner of runners.values()) runner.stop();
    void shared?.leave();
    endWhenOver();
  }

  const following = AbortSignal.any([stop, over.signal]);
  try {
    stop.addEventListener('abort', stopAll, { once: true });
    await startAll();
    if (stop.aborted) stopAll();
    if (service.watchLogins) {
      await followAccounts(context, {
        async wait(ms) {
          await clock.sleep(ms, following);
          return !following.aborted;
        },
        served: () => shared?.known() ?? active.keys(),
        start(account) {
          if (shared) return shared.offer([account]);
          const tooFew = tooFewOpenFiles(active.size + 1);
          if (!tooFew) return start(account);
          const { log } = contextOf(context, account);
          log.error(`${account.id} is not served: ${tooFew.message}`);
          log.info(`hint: ${tooFew.hint}`);
        },
        leave: leaveNow,
      });
    }
    await aborted(over.signal);
    if (failure) throw (failure as { error: unknown }).error;
    for (const account of expired) contextOf(context, account).log.info(`hint: ${loginHint(account)}`);
    if (expired.length > 0) return EXIT_CODES['not-logged-in'];
    if (hasLastLoggedOut && !shared) throw noAccount(context);
    return 0;
  } finally {
    stop.removeEventListener('abort', stopAll);
    for (const { leave } of active.values()) leave.abort();
    for (const runner of runners.values()) runner.stop();
    await Promise.all([...active.values()].map(({ ended }) => ended));
    await shared?.leave();
    await polling.close();
    await transport.close();
  }
}

/** Serves one login of an account, for which the caller has the right to receive. */
function startOne(
  context: CommandContext,
  service: Service,
  account: Account,
  {
    right,
    transport,
    store,
    upkeep,
  }: {
    right: PollingRight;
    transport: Transport;
    store: Store;
    upkeep: Upkeep;
  },
): { runner: Runner; done: Promise<RunnerEnd> } {
  const connection = connect(context, account, transport, store);
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
      formerPoller: right.former,
    },
    store,
    trust: right.trust,
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
 * The right to receive for an account, whose context is `own`; null when it is not wanted any more. Who only looks for messages
 * (`send`, `login`) is waited for, and the end of a lease that is not renewed. Throws WxError `busy` when another process
 * serves it, and lives.
 */
async function waitForRight(
  own: CommandContext,
  polling: Polling,
  account: Account,
  isOver: () => boolean,
  onLost: () => void,
): Promise<PollingRight | null> {
  const { clock, log } = own;
  let told: string | null = null;
  /** Of a lease that may be that of a process which was killed: it is not renewed then. */
  let renewal: string | null = null;
  while (!isOver()) {
    const taken = await polling.acquire(account, onLost);
    if ('right' in taken) return taken.right;
    const { holder } = taken;
    if (holder) {
      const who = `process ${holder.pid} on ${holder.host}`;
      const { lease } = holder;
      const isServing = holder.purpose === 'serve' && lease?.leftMs !== 0;
      if (isServing) renewal ??= lease?.renewal ?? null;
      if (isServing && (!lease || lease.renewal !== renewal)) {
        throw new WxError('busy', `${who} receives the messages of ${account.id} already`, {
          hint: 'wxagent status',
        });
      }
      const seen = lease?.leftMs === 0 ? 'expired' : holder.purpose;
      if (seen !== told) log.info(whyWaiting(who, account.id, holder));
      told = seen;
    }
    await clock.sleep(holder?.purpose === 'serve' ? LOOK_EVERY_MS : LOCK_EVERY_MS, own.stopSignal());
  }
  return null;
}

function whyWaiting(who: string, account: string, { purpose, lease }: Holder): string {
  if (lease?.leftMs === 0)
    return `${who} has not renewed its lease on ${account}; waiting until it may be taken over`;
  if (purpose === 'look') return `${who} is checking for messages of ${account}; waiting for it`;
  const seconds = Math.ceil((lease?.leftMs ?? 0) / 1_000);
  return `${who} has the lease on ${account} for ${seconds} s; waiting whether it is renewed`;
}
