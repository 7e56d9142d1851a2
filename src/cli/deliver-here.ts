import { VERSION } from '../core/version.ts';
import { createDelivery } from '../runner/delivery.ts';
import { DEFAULT_RUNNER_OPTIONS } from '../runner/options.ts';
import { pollOnce } from '../runner/poll-once.ts';
import type { Account } from '../store/accounts-file.ts';
import { tryLock } from '../store/lock.ts';
import type { Store } from '../store/port.ts';
import type { CommandContext } from './context.ts';
import { type Connection, connect, loginDigest, openTransport, thisProcess, unreadKeeper } from './home.ts';
import type { Patience } from './patience.ts';
import { createProgressLine } from './progress-line.ts';
import { wordsOf } from './words.ts';

/** How often a `send` looks whether another process has polled. */
const LOOK_EVERY_MS = 50;

/**
 * Delivers what one user has queued, without a runner, for as long as there is patience, which files that go out renew.
 * With no usable context (none, older than 24 h, budget spent) it first makes one whole poll, whose
 * messages wait in the inbox for the next run (contract 2). Returns whether the login is dead.
 */
export async function deliverHere(
  context: CommandContext,
  store: Store,
  to: { account: Account; user: string },
  patience: Patience,
): Promise<boolean> {
  const { clock, log } = context;
  const { account, user } = to;
  const transport = openTransport(context);
  const progress = createProgressLine({
    ...context,
    isShown: context.io.stderrIsTerminal && !context.json && !context.settings(['quiet']).quiet,
    words: wordsOf(context.language),
    count: 1,
  });
  const track = progress.track(0);
  try {
    const furthest = new Map<string, number>();
    const connection = connect(context, account, transport, ({ path }, sentBytes, totalBytes) => {
      track(sentBytes, totalBytes);
      // One that fails again and again at the same place comes no further.
      if (sentBytes <= (furthest.get(path) ?? 0)) return;
      furthest.set(path, sentBytes);
      patience.renew();
    });
    const { isOpen } = await store.budget({ account: account.key, user, nowMs: clock.now() });
    if (!isOpen && (await fetchContext(context, store, connection, to, patience))) return true;
    let expired = false;
    const delivery = createDelivery({
      ...connection,
      account: account.key,
      store,
      clock,
      log,
      emit() {},
      paceMs: DEFAULT_RUNNER_OPTIONS.paceMs,
      version: VERSION,
      isSaved: () => true,
      onExpired: () => {
        expired = true;
      },
      onError: (error) => log.error(String(error)),
    });
    delivery.kick(user);
    for (let leftMs = patience.leftMs(); leftMs > 0 && delivery.pending(leftMs); leftMs = patience.leftMs()) {
      const late = new AbortController();
      await Promise.race([delivery.settled(leftMs), clock.sleep(leftMs, late.signal)]);
      late.abort();
    }
    await delivery.stop();
    if (expired) await store.markLogin({ account: account.key, login: loginDigest(account), expired });
    return expired;
  } finally {
    progress.end();
    await transport.close();
  }
}

/**
 * One whole poll: ours, or that of another process that has the account at the moment, be it another
 * `send` or a runner that has come up meanwhile. Returns whether the login is dead.
 */
async function fetchContext(
  context: CommandContext,
  store: Store,
  connection: Connection,
  { account, user }: { account: Account; user: string },
  patience: Patience,
): Promise<boolean> {
  const { clock } = context;
  const startedAtMs = clock.now();
  for (;;) {
    const taken = tryLock(context.paths.pollerLock(account.key), thisProcess());
    try {
      const polledAtMs = (await store.accountView(account.key))?.lastPollAtMs ?? 0;
      const { isOpen } = await store.budget({ account: account.key, user, nowMs: clock.now() });
      if (isOpen || ('lock' in taken && polledAtMs >= startedAtMs)) return false;
      if ('lock' in taken) return await pollHere(context, store, connection, { account, user });
    } finally {
      if ('lock' in taken) taken.lock.release();
    }
    const parts = await store.openParts(account.key);
    const waits = parts.some((part) => part.user === user && part.state === 'queued');
    if (!waits || patience.leftMs() === 0) return false;
    await clock.sleep(LOOK_EVERY_MS);
  }
}

/** Returns whether the login is dead. */
async function pollHere(
  context: CommandContext,
  store: Store,
  connection: Connection,
  { account, user }: { account: Account; user: string },
): Promise<boolean> {
  const { expired } = await pollOnce({
    ...connection,
    account: { key: account.key, id: account.id, login: loginDigest(account), owner: account.owner },
    store,
    settings: DEFAULT_RUNNER_OPTIONS,
    clock: context.clock,
    log: context.log,
    rescue: (line) => context.io.err(`${line}\n`),
    keepUnread: unreadKeeper(context, account),
    patienceMs: 0,
    from: user,
    signal: context.stopSignal(),
  });
  return expired;
}
