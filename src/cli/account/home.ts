import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { hasCode, reasonOf, WxError } from '../../core/errors.ts';
import { NO_PROXIES, type ProxyRules, proxiesOf, proxyForAll } from '../../core/http/proxy.ts';
import { digest } from '../../core/ids.ts';
import { VERSION } from '../../core/version.ts';
import type { Account } from '../../home/accounts-file.ts';
import type { LockHolder } from '../../home/lock.ts';
import { processStartTime } from '../../home/process-identity.ts';
import { createIlinkClient, type IlinkClient } from '../../ilink/client.ts';
import { createHostTrust, parseBaseUrl } from '../../ilink/hosts.ts';
import { createTransport, type Transport } from '../../ilink/http/transport.ts';
import { botIdOfToken } from '../../ilink/login/bot-id.ts';
import { createOutgoing, type Outgoing } from '../../runner/delivery/outgoing-files.ts';
import type { Uploader } from '../../runner/delivery/uploader.ts';
import type { Store } from '../../store/port/port.ts';
import { openStore } from '../../store/sqlite-store.ts';
import type { CommandContext } from '../command/context.ts';
import { logOf } from '../terminal/log.ts';
import { cdnUrlOf } from './open-cdn.ts';

/** Where bots live unless told otherwise (protocol 1.1). */
export const DEFAULT_BASE_URL = 'https://ilinkai.weixin.qq.com';

/** This process, for locks and leases. */
export function thisProcess(): LockHolder {
  return {
    host: hostname(),
    pid: process.pid,
    startTime: processStartTime(process.pid) ?? String(process.pid),
  };
}

/** A lock holder as one text, the way leases store it. */
export function claimantId(holder: LockHolder): string {
  return `${holder.host}/${holder.pid}/${holder.startTime}`;
}

/** The lock holder of {@link claimantId}. */
export function holderOf(claimant: string): LockHolder {
  const [host = '', pid, ...startTime] = claimant.split('/');
  return { host, pid: Number(pid), startTime: startTime.join('/') };
}

/** Whether the process behind a claimant id may still live; one on another host cannot be looked at, so it may. */
function isClaimantAlive(id: string): boolean {
  const { host, pid, startTime } = holderOf(id);
  if (host !== hostname()) return true;
  const now = processStartTime(pid);
  if (now !== null) return now === startTime;
  // Where start times cannot be told (Windows), the claimant could not tell its own either.
  return startTime === String(pid) && isRunning(pid);
}

/** Whether it does for certain: a pid alone may be another process's by now. */
function livesForCertain(id: string): boolean {
  const { host, pid, startTime } = holderOf(id);
  return host === hostname() && processStartTime(pid) === startTime;
}

function isRunning(pid: number): boolean {
  try {
    return process.kill(pid, 0);
  } catch (error) {
    return hasCode(error, 'EPERM');
  }
}

/**
 * Opens the store of this home. With `waitInTrouble`, a full disk makes its steps wait, and say so,
 * until there is room or the signal is aborted; without it they fail at once.
 */
export function openHomeStore(
  context: CommandContext,
  options: { waitInTrouble: AbortSignal | null } = { waitInTrouble: null },
): Store {
  const { paths, clock, log } = context;
  return openStore({
    path: paths.database,
    reserve: paths.reserve,
    clock,
    claimant: { id: claimantId(thisProcess()), isAlive: isClaimantAlive, lives: livesForCertain },
    trouble: options.waitInTrouble && {
      signal: options.waitInTrouble,
      tell: (why) => log.error(`${why}: receiving stands still until it can be written`),
    },
  });
}

/** Keeps answers of an account's server that cannot be read, for people to look at. */
export function unreadKeeper(
  { paths, clock }: CommandContext,
  account: Account,
): (bytes: Buffer) => Promise<string> {
  return async (bytes) => {
    const { keepUnread } = await import('../../home/unreadable-answers.ts');
    return keepUnread(paths.unread(account.key), bytes, clock.now());
  };
}

/** Digest that tells one login of an account from the next without giving the token away. */
export function loginDigest(account: Account): string {
  return digest(account.token).slice(0, 16);
}

/**
 * The accounts the command works with: those of `--account`, all of them, or the default one.
 * Throws WxError `not-logged-in` when there is none, `not-found` for an unknown name.
 */
export function chooseAccounts(context: CommandContext, all = false): [Account, ...Account[]] {
  const { account: wanted } = context.settings(['account']);
  const accounts = knownAccounts(context);
  const chosen = wanted.length > 0 ? wanted.map((name) => findAccount(accounts, name)) : all ? accounts : [];
  const [first, ...rest] = chosen.length > 0 ? chosen : defaultAccount(context, accounts);
  if (!first) throw noAccount(context);
  return [first, ...rest.filter((one, index) => one !== first && rest.indexOf(one) === index)];
}

/** The context of one account: where a command works with several, its log names which. */
export function contextOf<C extends CommandContext>(context: C, account: Pick<Account, 'id' | 'name'>): C {
  const { allAccounts, account: named } = context.settings(['allAccounts', 'account']);
  if (!allAccounts && named.length < 2) return context;
  return { ...context, log: logOf(context.log, account.name ?? account.id) };
}

/** How to log in to an account again. One without a name at Tencent's server is whoever scans. */
export function loginHint({ id, name, namedUrl }: Pick<Account, 'id' | 'name' | 'namedUrl'>): string {
  return namedUrl === null && name === null ? 'wxagent login' : `wxagent login --account ${name ?? id}`;
}

/** Names the folder: mostly somebody is logged in, but as another user or with another --home. */
export function noAccount({ paths }: Pick<CommandContext, 'paths'>): WxError {
  const message = `no account is logged in under ${dirname(paths.config)}`;
  return new WxError('not-logged-in', message, { hint: 'wxagent login' });
}

/** The one account of commands that work with one. */
export function chooseAccount(context: CommandContext): Account {
  const [account, ...more] = chooseAccounts(context);
  if (more.length > 0) throw new WxError('usage', 'this command works with one --account');
  return account;
}

/** The default account is the same whatever `--account` says. */
export function withoutAccount(context: CommandContext): CommandContext['settings'] {
  return (names) => ({ ...context.settings(names), account: [] });
}

/** The account of `WXAGENT_TOKEN`, else the one chosen by `accounts use`, else the first. */
function defaultAccount(context: CommandContext, accounts: Account[]): Account[] {
  const fromToken = tokenAccount(context);
  const found =
    accounts.find((account) => account.id === fromToken?.id) ??
    accounts.find((account) => account.key === context.file.defaultAccount) ??
    accounts[0];
  return found ? [found] : [];
}

/** Stored accounts, and the one of `WXAGENT_TOKEN`, which is never written to disk (contract 1). */
export function knownAccounts(context: CommandContext): Account[] {
  const stored = context.file.accounts;
  const fromToken = tokenAccount(context);
  if (!fromToken) return stored;
  const same = stored.find((one) => one.id === fromToken.id || one.formerIds.includes(fromToken.id));
  if (!same) return [fromToken, ...stored];
  return stored.map((one) => (one === same ? { ...one, id: fromToken.id, token: fromToken.token } : one));
}

function tokenAccount(context: CommandContext): Account | null {
  const token = givenToken(context);
  if (token === null) return null;
  const id = botIdOfToken(token);
  return {
    key: id,
    id,
    formerIds: [],
    name: null,
    owner: null,
    token,
    baseUrl: context.settings(['baseUrl']).baseUrl ?? DEFAULT_BASE_URL,
    namedUrl: null,
    cdnUrl: null,
    loggedInAt: new Date(0).toISOString(),
  };
}

/** The token of `WXAGENT_TOKEN`; blanks around it come from files and are none of it. Throws WxError `config`. */
function givenToken({ environment }: CommandContext): string | null {
  const token = environment.get('WXAGENT_TOKEN')?.trim() ?? '';
  if (token === '') return null;
  if (/^[\x21-\x7e]+$/.test(token)) return token;
  throw new WxError('config', 'WXAGENT_TOKEN is no token: there is a blank in it, or what is not ASCII', {
    hint: 'hand over the token alone, as one line; wxagent login makes a new one',
  });
}

/**
 * The accounts with the owner of `--owner` where their login names none (contract 2). Throws WxError `usage` when all
 * have another one, and for a bot: it would answer itself.
 */
export function withOwner(
  context: CommandContext,
  accounts: readonly [Account, ...Account[]],
): [Account, ...Account[]] {
  const { owner } = context.settings(['owner']);
  const [first, ...rest] = accounts;
  if (owner === null) return [first, ...rest];
  if (!/^[\x21-\x7e]+$/.test(owner) || owner.endsWith('@im.bot') || accounts.some(({ id }) => id === owner)) {
    throw new WxError('usage', `--owner takes the id of a user, not "${owner}"`, {
      hint: '--owner o9cq80...@im.wechat',
    });
  }
  if (accounts.every((account) => account.owner !== null && account.owner !== owner)) {
    throw new WxError('usage', `the login of ${first.id} names its owner already: ${first.owner}`, {
      hint: 'leave --owner out; wxagent allow add <user> lets somebody else in',
    });
  }
  const named = (account: Account): Account => ({ ...account, owner: account.owner ?? owner });
  return [named(first), ...rest.map(named)];
}

/** An account by id, former id or alias. Throws WxError `not-found`. */
export function findAccount(accounts: readonly Account[], name: string): Account {
  const found =
    accounts.find((one) => one.id === name || one.key === name) ??
    accounts.find((one) => one.name === name) ??
    accounts.find((one) => one.formerIds.includes(name));
  if (!found) throw new WxError('not-found', `there is no account "${name}"`, { hint: 'wxagent accounts' });
  return found;
}

/** Opens connections as `--proxy` says. Throws WxError `usage` for a proxy that is none, `config` for one of the environment. */
export function openTransport(context: CommandContext): Transport {
  return createTransport({ proxies: proxiesForServer(context), onTime: timeTeller(context) });
}

/** Which way requests to the server and its CDN take. Throws what {@link openTransport} does. */
export function proxiesForServer(context: CommandContext): ProxyRules {
  const { proxy, baseUrl } = context.settings(['proxy', 'baseUrl']);
  if (proxy === 'none') return NO_PROXIES;
  if (proxy !== 'env') return namedProxy(proxy);
  const proxies = proxiesOf(context.environment.all);
  // What is wrong with a variable is said now, not by every poll.
  proxies.proxyFor(new URL(URL.canParse(baseUrl ?? '') ? (baseUrl ?? '') : DEFAULT_BASE_URL));
  return proxies;
}

function namedProxy(proxy: string): ProxyRules {
  const hint = '--proxy http://127.0.0.1:7890';
  // A word is a slip of the pen sooner than a host.
  if (!/:\/\/|:\d+$/.test(proxy))
    throw new WxError('usage', `--proxy takes none, env or an address, not "${proxy}"`, { hint });
  try {
    return proxyForAll(proxy, '--proxy');
  } catch (error) {
    throw new WxError('usage', reasonOf(error), { hint });
  }
}

/** Puts the clock right by what servers say, and says so once when it is far off. */
function timeTeller({ clock, log }: CommandContext): (serverMs: number) => void {
  let isTold = false;
  return (serverMs) => {
    const aheadMs = clock.hear(serverMs);
    if (aheadMs === 0 || isTold) return;
    isTold = true;
    const hours = Math.round(Math.abs(aheadMs) / 3_600_000);
    const how = aheadMs > 0 ? 'ahead of' : 'behind';
    log.warn(
      `the clock of this machine is ${hours} h ${how} the server's: ages are counted by the server's time`,
    );
    log.info('hint: timedatectl set-ntp true');
  };
}

/** What talks to one account's server, and where its outgoing files lie. */
export interface Connection {
  client: IlinkClient;
  uploader: Uploader;
  outgoing: Outgoing;
}

/**
 * Connects to the server of an account. Its token goes to Tencent's hosts, to the host named at its
 * login, and to one named now (design 6). Throws WxError `config` for any other host.
 */
export function connect(context: CommandContext, account: Account, transport: Transport): Connection {
  const { baseUrl: named, cdnUrl: namedCdn } = context.settings(['baseUrl', 'cdnUrl']);
  const baseUrl = named === null ? account.baseUrl : parseBaseUrl(named, '--base-url').href;
  const cdnUrl = namedCdn === null ? account.cdnUrl : parseBaseUrl(namedCdn, '--cdn-url').href;
  const trust = createHostTrust([named, account.namedUrl, cdnUrl].filter((url) => url !== null));
  if (!URL.canParse(baseUrl) || !trust.isTrusted(new URL(baseUrl))) {
    throw new WxError('config', `the server ${baseUrl} of ${account.id} is not one that may see its token`, {
      hint: `wxagent login, or --base-url ${baseUrl} if you trust it`,
    });
  }
  const client = createIlinkClient({ transport, baseUrl, token: account.token, version: VERSION });
  return {
    client,
    uploader: {
      // Most answers are texts.
      async upload(...file) {
        const { createUploader } = await import('../../runner/delivery/uploader.ts');
        const { clock } = context;
        const uploader = createUploader({
          client,
          transport,
          trust,
          clock,
          cdnUrl: cdnUrlOf(context, account),
        });
        return uploader.upload(...file);
      },
    },
    outgoing: createOutgoing(context.paths.media('out', account.key)),
  };
}
