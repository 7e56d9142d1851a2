import { reasonOf, WxError } from '../../core/errors.ts';
import { EXIT_CODES } from '../../core/exit-codes.ts';
import { startPauseMs } from '../../core/time/backoff.ts';
import { untilAborted } from '../../core/time/event-loop.ts';
import type { Account } from '../../home/config-file.ts';
import { tooFewOpenFiles } from '../../home/open-files.ts';
import type { Runner, RunnerEnd } from '../../runner/port/port.ts';
import { createFallbacks } from '../../runner/run-fallbacks.ts';
import { createUpkeep } from '../../runner/upkeep/upkeep.ts';
import { LeaseLost } from '../../store/port/lease.ts';
import { contextOf, loginHint, noAccount } from '../account/choose-account.ts';
import { openTransport } from '../account/connection.ts';
import { leaseLost, openPolling } from '../account/polling-right.ts';
import { wordsOf } from '../i18n/language.ts';
import { followAccounts, LOOK_EVERY_MS, otherLogin, relogin } from '../login/relogin.ts';
import { loginOfLate } from '../login/stored-accounts.ts';
import type { CommandContext } from '../port/context.ts';
import { COMMAND_LEASE_MS } from '../send/fallback-command.ts';
import { releasePushes } from '../send/push-releases.ts';
import { openLeasedAccounts } from './leased-accounts.ts';
import { type Service, startAccount } from './start-account.ts';
import { waitForRight } from './wait-for-polling-right.ts';

/** Serves accounts until all runners have ended or the process is told to stop. Returns the exit code. */
export async function serveAccounts(
  context: CommandContext,
  service: Service,
  accounts: readonly Account[],
): Promise<number> {
  const { clock } = context;
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
  const endingCommands = new AbortController();
  const fallbacks = createFallbacks({
    ...{ outbox: store.outbox, clock, leaseMs: COMMAND_LEASE_MS, ending: endingCommands.signal },
  });
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

  /** One account, with what is done meanwhile with what does not arrive, also while it waits for a login. */
  async function serveThrough(first: Account, leave: AbortSignal): Promise<RunnerEnd> {
    const { log } = contextOf(context, first);
    const { key, id } = first;
    const onError = (error: unknown): void => log.error(reasonOf(error));
    const undelivered = {
      ...service.undelivered,
      account: { key, id },
      log,
      emit: service.emit,
      onError,
      wake: (user: string) => runners.get(key)?.wake(user),
      stop: leave,
    };
    const over = new AbortController();
    const watched = fallbacks.watch(undelivered, over.signal);
    let end: RunnerEnd;
    try {
      end = await serveLogins(first, leave);
    } finally {
      over.abort();
      await watched;
    }
    // Nobody is there any more who could wait for a new login.
    if (end === 'expired') await fallbacks.handOver(undelivered);
    return end;
  }

  /** One account, through as many logins as it takes. */
  async function serveLogins(first: Account, leave: AbortSignal): Promise<RunnerEnd> {
    for (let account = first; ; ) {
      const own = { ...contextOf(context, account), stopSignal: () => leave };
      const { end, login } = await serveLogin(own, account, leave);
      if (end !== 'expired') return end;
      const isAwaited = (): boolean => service.waitLogin || shared !== null || served.size > 0;
      const next = await relogin(own, login, transport, store, isAwaited);
      if (leave.aborted) return 'stopped';
      if (next === null) {
        expired.push(login);
        return 'expired';
      }
      account = next;
    }
  }

  /** One login: that of by now, for another process may have stored a newer one before this one got the right. */
  async function serveLogin(
    own: CommandContext,
    account: Account,
    leave: AbortSignal,
  ): Promise<{ end: RunnerEnd; login: Account }> {
    served.add(account.key);
    try {
      const isOver = (): boolean => leave.aborted || failure !== null;
      const right =
        'right' in polling
          ? polling.right(account.key)
          : await waitForRight(own, polling, account, isOver, () => endLost(account.key));
      if (right === null) return { end: 'stopped', login: account };
      try {
        const login = await loginOfLate(context, account);
        if (isOver()) return { end: 'stopped', login };
        right.check();
        const { runner, done } = startAccount(own, service, login, { right, transport, store, upkeep });
        runners.set(account.key, runner);
        if (leave.aborted) runner.stop();
        const end = await done;
        right.check();
        // A step has noticed it before the lease was looked at.
        if (end === 'lost' && !shared) throw leaseLost(account.key);
        return { end, login };
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
   * An account that another process serves waits until it is free; so does one whose lease ran out with the server. Of a
   * worker, one whose login cannot be used waits for another login, and does not end all the others.
   */
  async function serveWhenFree(first: Account, leave: AbortSignal): Promise<RunnerEnd> {
    let account = first;
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
        if (shared && error.kind === 'config') {
          log.error(error.message);
          if (error.hint) log.info(`hint: ${error.hint}`);
          const next = await otherLogin(context, account, leave);
          if (!next) return 'stopped';
          account = next;
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
    const isAwaited = service.watchLogins && service.waitLogin && hasLastLoggedOut && !stop.aborted;
    const isWorker = shared !== null && !stop.aborted;
    if (failure || (areAllStarted && active.size === 0 && !isAwaited && !isWorker)) over.abort();
  }

  /** Many are not started at once: the server would be asked by all of them at the same moment, at each poll. */
  async function startAll(): Promise<void> {
    if (shared) {
      shared.begin({ start, rest, drain, drop });
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

  async function rest(key: string, ms: number): Promise<boolean> {
    return (await runners.get(key)?.rest(ms)) ?? true;
  }

  async function drain(key: string): Promise<void> {
    const leaving = active.get(key);
    if (!leaving) return;
    leaving.leave.abort();
    runners.get(key)?.drain();
    await leaving.ended;
  }

  async function drop(key: string): Promise<void> {
    const leaving = active.get(key);
    leaving?.leave.abort();
    runners.get(key)?.lose();
    await leaving?.ended;
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
    shared?.leave().catch(() => {}); // told at the end
    context.server?.hurry();
    void clock.sleep(graceMs, over.signal).then(() => endingCommands.abort('stop'));
    endWhenOver();
  }

  const following = AbortSignal.any([stop, over.signal]);
  try {
    stop.addEventListener('abort', stopAll, { once: true });
    await startAll();
    if (stop.aborted) stopAll();
    void releasePushes(
      { store, clock, log: context.log },
      (account, user) => runners.get(account)?.wake(user),
      following,
    );
    if (service.watchLogins) {
      const followed = followAccounts(context, {
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
      // A look that a lost server keeps from ending does not keep this process from it.
      await Promise.race([followed, untilAborted(following)]);
    }
    await untilAborted(over.signal);
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
