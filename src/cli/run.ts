import { WxError } from '../core/errors.ts';
import type { Turn } from '../core/message.ts';
import { VERSION } from '../core/version.ts';
import type { IlinkClient } from '../ilink/client.ts';
import type { Transport } from '../ilink/transport.ts';
import type { EventSink } from '../runner/events.ts';
import { createFolderMaker } from '../runner/folders.ts';
import { DEFAULT_RUNNER_OPTIONS, type RunnerOptions } from '../runner/options.ts';
import { type Runner, type RunnerEnd, startRunner } from '../runner/runner.ts';
import { type Account, readConfigFile } from '../store/accounts-file.ts';
import { type Lock, tryLock } from '../store/lock.ts';
import type { Store } from '../store/port.ts';
import { processStartTime } from '../store/process-identity.ts';
import type { CommandContext } from './context.ts';
import {
  chooseAccounts,
  claimantId,
  connect,
  knownAccounts,
  loginDigest,
  openHomeStore,
  openTransport,
  thisProcess,
} from './home.ts';
import { createHooks } from './hooks.ts';
import { type AgentMaker, chooseAgent } from './run-agent.ts';
import { createRunLog } from './run-log.ts';
import { wordsOf } from './words.ts';

/** How often `--all-accounts` looks for new logins. */
const LOGIN_LOOK_MS = 1_000;

/** What serving takes beside the account. */
export interface Serving {
  context: CommandContext;
  store: Store;
  transport: Transport;
  makeAgent: AgentMaker;
  settings: RunnerOptions;
  keepFiles: boolean;
  emit: EventSink;
}

/** `wxagent run`: serves one or more accounts with an agent until it is stopped. */
export async function run(context: CommandContext, command: string[]): Promise<number> {
  const makeAgent = await chooseAgent(context, command);
  const settings = runnerSettings(context);
  const { allAccounts, keepFiles, on } = context.settings(['allAccounts', 'keepFiles', 'on']);
  const hooks = createHooks(context, on);
  const accounts = chooseAccounts(context, allAccounts);
  const log = createRunLog(context);
  const emit: EventSink = (event) => {
    log(event);
    hooks.fire(event);
  };
  const code = await serve(context, { makeAgent, settings, keepFiles, emit }, accounts, allAccounts);
  await hooks.idle();
  return code;
}

/** Serves accounts until all their runners have ended, or the process is told to stop. Returns the exit code. */
export async function serve(
  context: CommandContext,
  how: Pick<Serving, 'makeAgent' | 'settings' | 'keepFiles' | 'emit'>,
  accounts: readonly Account[],
  watchLogins: boolean,
): Promise<number> {
  const { clock, log } = context;
  const stop = context.stopSignal();
  const transport = openTransport(context);
  const store = openHomeStore(context);
  const serving: Serving = { ...how, context, store, transport };
  const runners = new Map<string, Served>();
  const ends: Promise<RunnerEnd>[] = [];
  const start = (account: Account): void => {
    const served = serveAccount(serving, account);
    runners.set(account.key, served);
    ends.push(served.done.finally(() => runners.delete(account.key)));
  };
  const stopAll = (): void => {
    const busy = [...runners.values()].reduce((sum, served) => sum + served.running(), 0);
    if (busy > 0) log.info(wordsOf(context.language).stopping(busy));
    for (const served of runners.values()) served.runner.stop();
  };
  try {
    for (const account of accounts) start(account);
    stop.addEventListener('abort', stopAll, { once: true });
    if (stop.aborted) stopAll();
    if (watchLogins) await watchForLogins();
    const results = await Promise.all(ends);
    if (results.includes('expired')) {
      log.info('hint: wxagent login');
      return new WxError('not-logged-in', '').exit;
    }
    return 0;
  } catch (error) {
    stopAll();
    await Promise.allSettled(ends);
    throw error;
  } finally {
    stop.removeEventListener('abort', stopAll);
    await store.close();
    await transport.close();
  }

  /** Picks up accounts that log in while others are served; ends when nobody is served or the process stops. */
  async function watchForLogins(): Promise<void> {
    const seen = new Map(accounts.map((account) => [account.key, account.token]));
    while (!stop.aborted && runners.size > 0) {
      await clock.sleep(LOGIN_LOOK_MS, stop);
      const file = readConfigFile(context.paths.config);
      for (const account of knownAccounts({ ...context, file })) {
        if (stop.aborted || runners.has(account.key) || seen.get(account.key) === account.token) continue;
        seen.set(account.key, account.token);
        log.info(`${account.id} has logged in`);
        start(account);
      }
    }
  }
}

interface Served {
  runner: Runner;
  done: Promise<RunnerEnd>;
  running(): number;
}

/** Serves one account under its poller lock. Throws WxError `busy` when another process polls it. */
function serveAccount(serving: Serving, account: Account): Served {
  const { context, store, transport } = serving;
  const client: IlinkClient = connect(context, account, transport);
  const lock = takeLock(context, account);
  let running = 0;
  const agent = serving.makeAgent((turn: Turn, pid: number) => {
    const startTime = processStartTime(pid);
    if (startTime !== null)
      void store.noteChild({ account: account.key, id: turn.id, child: { pid, startTime } });
  });
  const counted = {
    ...agent,
    async answer(...[turn, turnContext]: Parameters<typeof agent.answer>) {
      running++;
      try {
        return await agent.answer(turn, turnContext);
      } finally {
        running--;
      }
    },
  };
  const runner = startRunner({
    account: {
      key: account.key,
      id: account.id,
      name: account.name,
      owner: account.owner,
      login: loginDigest(account),
      formerPoller: lock.former && claimantId(lock.former),
    },
    store,
    client,
    agent: counted,
    folders: createFolderMaker({
      turns: context.paths.media('turn', account.key),
      state: (user) => context.paths.agentState(account.key, user),
      keep: serving.keepFiles,
      log: context.log,
    }),
    async endChild(child) {
      const { endOrphan } = await import('../agents/orphans.ts');
      return endOrphan(child, processStartTime);
    },
    settings: serving.settings,
    version: VERSION,
    clock: context.clock,
    log: context.log,
    emit: serving.emit,
  });
  const done = runner.done.finally(async () => {
    await agent.close?.();
    lock.release();
  });
  return { runner, done, running: () => running };
}

function takeLock(context: CommandContext, account: Account): Lock {
  const taken = tryLock(context.paths.pollerLock(account.key), thisProcess());
  if ('lock' in taken) return taken.lock;
  const holder = taken.holder;
  const who = holder ? `process ${holder.pid} on ${holder.host}` : 'another process';
  throw new WxError('busy', `${who} receives the messages of ${account.id} already`, {
    hint: 'wxagent status',
  });
}

/** The flags of `run` that concern messages and answers. */
export function runnerSettings(context: CommandContext): RunnerOptions {
  const { grace, allow, allowAll, pace, timeout, maxAge, dedupeWindow, exitIdle, echo, ...rest } =
    context.settings([
      'concurrency',
      'timeout',
      'grace',
      'retries',
      'onError',
      'errorText',
      'allow',
      'allowAll',
      'maxChars',
      'pace',
      'format',
      'typing',
      'maxAge',
      'dedupeWindow',
      'once',
      'maxMessages',
      'exitIdle',
      'echo',
    ]);
  return {
    ...DEFAULT_RUNNER_OPTIONS,
    ...rest,
    timeoutMs: timeout,
    graceMs: grace,
    allow: allowAll ? 'all' : new Set(allow),
    paceMs: pace,
    maxAgeMs: maxAge,
    dedupeWindowMs: dedupeWindow,
    exitIdleMs: exitIdle,
    // Nothing on the phone should flicker for an agent that answers at once.
    typing: rest.typing && !echo,
  };
}
