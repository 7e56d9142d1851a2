import { WxError } from '../../core/errors.ts';
import { digest } from '../../core/ids.ts';
import { VERSION } from '../../core/version.ts';
import { type Account, loginDigest } from '../../home/config-file.ts';
import type { Transport } from '../../ilink/http/transport.ts';
import type { Outgoing } from '../../runner/delivery/outgoing-files.ts';
import { tellPushes } from '../../runner/delivery/push-texts.ts';
import { withValues } from '../../settings/resolve-settings.ts';
import type { Store } from '../../store/port/port.ts';
import type { KnownAccount, WebBackend } from '../../web/port/backend.ts';
import { knownAccounts } from '../account/choose-account.ts';
import { openFetcher, openOutgoing, openTransport } from '../account/connection.ts';
import { pollerOf } from '../account/polling-right.ts';
import { loginsOf } from '../account/store-place.ts';
import { translatorTo } from '../i18n/language.ts';
import { accountsNow } from '../login/stored-accounts.ts';
import type { CommandContext } from '../port/context.ts';
import { releasePushes } from '../send/push-releases.ts';
import { checkUser, unknownUser } from '../send/recipient.ts';
import { keepForLater } from '../send/schedule.ts';
import { queueSend } from '../send/send-queue.ts';
import { createDeliveries } from './deliveries.ts';

/** So long a look at the accounts counts for pushes: a burst has many a second. */
const LOOK_MS = 500;

/** What the web server needs, of a command that runs it. `close` ends what it has begun. */
export function createWebBackend(
  context: CommandContext,
  store: Store,
): WebBackend & {
  /** Sees that what is queued for accounts without a runner goes: an earlier process may have been killed. */
  resume(): Promise<void>;
  /** The same for one user. */
  deliver(account: string, user: string): void;
  close(): Promise<void>;
} {
  const { clock, log, server, paths } = context;
  const deliveries = createDeliveries(context, store);
  let known = knownAccounts(context);
  /** Those of `known` by their keys, without their tokens; and when that was looked at. */
  let shown: Map<string, KnownAccount> | null = null;
  let lookedMs = Number.NEGATIVE_INFINITY;
  let transport: Transport | null = null;
  const over = new AbortController();
  // Without the key of the logins only a runner can deliver.
  const mayDeliver = server?.hasKey !== false;
  const releases = releasePushes({ store, clock, log }, deliver, over.signal);
  /** Accounts that the store has. */
  const stored = new Set<string>();
  /** By account. */
  const outgoings = new Map<string, Outgoing>();
  const opened = (): Transport => (transport ??= openTransport(context));

  async function look(): Promise<Map<string, KnownAccount>> {
    const now = (await accountsNow(context)) ?? known;
    if (now !== known || shown === null)
      shown = new Map(now.map((account) => [account.key, withoutToken(account)]));
    [known, lookedMs] = [now, clock.monotonic()];
    return shown;
  }

  function deliver(key: string, user: string): void {
    const account = known.find((one) => one.key === key);
    if (account && mayDeliver) deliveries.begin(account, user);
  }

  function withToken({ key }: KnownAccount): Account {
    const account = known.find((one) => one.key === key);
    if (account) return account;
    throw new WxError('not-logged-in', `${key} has logged out`, { hint: 'wxagent login' });
  }

  function outgoingOf({ key }: KnownAccount): Outgoing {
    const outgoing = outgoings.get(key) ?? openOutgoing(context, store, key);
    outgoings.set(key, outgoing);
    return outgoing;
  }

  return {
    store,
    clock,
    log,
    version: VERSION,
    instance: digest(server?.name ?? paths.database).slice(0, 8),
    translator: translatorTo,
    accounts: async () => [...(await look()).values()],
    async accountOfLate(key) {
      const isOfLate = clock.monotonic() - lookedMs < LOOK_MS;
      return (isOfLate ? shown?.get(key) : undefined) ?? (await look()).get(key) ?? null;
    },
    async runnerOf(account) {
      const holder = await pollerOf(context, account, store.admin);
      return holder?.purpose === 'serve' ? holder : null;
    },
    async recipient({ key, id, owner }, named) {
      if (named !== null) await checkUser(store.admin, [key], named);
      return named ?? owner ?? (await store.admin.accountView(key))?.owner ?? unknownUser(id);
    },
    async checkUser(account, user) {
      const keys = account === null ? known.map(({ key }) => key) : [account.key];
      await checkUser(store.admin, keys, user);
    },
    keepFile: (account, chunks, name) => outgoingOf(account).keepStream(chunks, name),
    async discardFiles(account, files) {
      const copies = files.map(({ path }) => path);
      await outgoingOf(account).discard(store.outbox, copies);
    },
    async send(account, user, { text, kept, form, id, key: sendKey, expiresAtMs, push }) {
      const { key, owner } = account;
      const nowMs = clock.now();
      if (!stored.has(key)) {
        if ((await store.admin.accountView(key)) === null)
          await store.admin.openAccount({
            account: key,
            login: loginDigest(withToken(account)),
            owner,
            nowMs,
          });
        stored.add(key);
      }
      const parts = await queueSend(store.outbox, outgoingOf(account), {
        ...{ account: key, user, message: null, text, kept, form, id, key: sendKey, expiresAtMs, nowMs },
        push: push && { tell: tellPushes, ...push },
      });
      // What waits for its time is released by itself.
      if (mayDeliver && parts.some(({ state }) => state !== 'delayed'))
        deliveries.begin(withToken(account), user);
      return parts;
    },
    sendLater: ({ key }, what) =>
      keepForLater(store.scheduled, { ...what, account: key, nowMs: clock.now() }),
    async resume() {
      if (!mayDeliver) return;
      for (const account of known)
        for (const user of await store.outbox.usersToDeliver(account.key)) deliveries.begin(account, user);
    },
    deliver,
    async fetchFile(account, request) {
      const fetchMedia = await openFetcher(context, withToken(account), opened());
      return fetchMedia({ ...request, name: null, maxBytes: 0 });
    },
    async login({ name, force, by, invitation }, port, signal) {
      const { addressesFor, obtainLogin } = await import('../login/obtain-login.ts');
      const silent = { ...context, say() {}, stopSignal: () => signal };
      const former = known.find((one) => name !== null && [one.name, one.id, one.key].includes(name));
      const request = { ...addressesFor(context, former), name, force, by, invitation };
      const { account, isNew } = await obtainLogin(silent, request, opened(), store, port);
      return { account: withoutToken(account), isNew };
    },
    logout: ({ key }) => loginsOf(context).remove(key),
    async qrSvg(text) {
      const { qrSvg } = await import('../terminal/qr.ts');
      return qrSvg(text);
    },
    async workers() {
      const { workerShown } = await import('../admin/workers.ts');
      return server ? (await server.workers()).map(workerShown) : [];
    },
    async agents() {
      const { findPresets } = await import('../../agents/acp/connection/command.ts');
      const { commandSearch } = await import('../agent/child.ts');
      const { agentShown } = await import('../admin/agents.ts');
      return findPresets(commandSearch(context)).map(agentShown);
    },
    async doctor(account) {
      const { checkAll, checksShown } = await import('../doctor/doctor.ts');
      // Who has logged in since this process began counts as well.
      const file = { ...context.file, accounts: (await accountsNow(context)) ?? known };
      const settings = withValues(context.settings, { account: account === null ? [] : [account.id] });
      return checksShown(await checkAll({ ...context, file, settings }));
    },
    async close() {
      over.abort();
      await releases;
      await deliveries.end();
      await transport?.close();
    },
  };
}

function withoutToken({ key, id, formerIds, name, owner, loggedInAt }: Account): KnownAccount {
  return { key, id, formerIds, name, owner, loggedInAt };
}
