import { WxError } from '../../core/errors.ts';
import { NO_PROXIES, type ProxyRules, proxiesOf } from '../../core/http/proxy.ts';
import { VERSION } from '../../core/version.ts';
import type { Account } from '../../home/config-file.ts';
import { makeFolder } from '../../home/make-folder.ts';
import { createCdn } from '../../ilink/cdn.ts';
import { createIlinkClient, type IlinkClient } from '../../ilink/client.ts';
import {
  createHostTrust,
  endpointUrl,
  parseBaseUrl,
  TENCENT_BASE_URL,
  TENCENT_CDN_URL,
} from '../../ilink/hosts.ts';
import { createTransport, type Transport } from '../../ilink/http/transport.ts';
import type { Cdn, FetchMedia } from '../../media/download/port.ts';
import type { Uploader } from '../../runner/delivery/cdn-upload.ts';
import { createOutgoingBlobs } from '../../runner/delivery/outgoing-blobs.ts';
import { createOutgoing, type Outgoing } from '../../runner/delivery/outgoing-files.ts';
import type { Store } from '../../store/port/port.ts';
import type { CommandContext } from '../port/context.ts';
import { namedProxy } from './addresses.ts';

/** What a connection is made of. */
type Network = Pick<CommandContext, 'settings' | 'environment' | 'clock' | 'log' | 'paths'>;

/** Opens connections as `--proxy` says. Throws WxError `usage` for what is not a proxy, `config` if it is from the environment. */
export function openTransport(context: Network): Transport {
  return createTransport({ proxies: proxiesForServer(context), onTime: timeTeller(context) });
}

/** Which way requests to the server and its CDN take. Throws what {@link openTransport} does. */
export function proxiesForServer(context: Pick<CommandContext, 'settings' | 'environment'>): ProxyRules {
  const { proxy, baseUrl } = context.settings;
  if (proxy === 'none') return NO_PROXIES;
  if (proxy !== 'env') return namedProxy(proxy);
  const proxies = proxiesOf(context.environment.all);
  // A wrong variable is reported now, not by every poll.
  proxies.proxyFor(new URL(URL.canParse(baseUrl ?? '') ? (baseUrl ?? '') : TENCENT_BASE_URL));
  return proxies;
}

/** Puts the clock right by what servers say, and says so once when it is far off. */
function timeTeller({ clock, log }: Pick<CommandContext, 'clock' | 'log'>): (serverMs: number) => void {
  let isTold = false;
  return (serverMs) => {
    const aheadMs = clock.learnServerTime(serverMs);
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
  /** Keeps a response that cannot be read; returns where it is. */
  keepUnread: (bytes: Buffer) => Promise<string>;
}

/** Connects to the server of an account. Its token goes to trusted hosts only: else it throws WxError `config`. */
export function connect(
  context: Network,
  account: Account,
  transport: Transport,
  store: Pick<Store, 'blobs'>,
): Connection {
  const { baseUrl: named, cdnUrl: namedCdn } = context.settings;
  const baseUrl = named === null ? account.baseUrl : parseBaseUrl(named, '--base-url').href;
  const cdnUrl = namedCdn === null ? account.cdnUrl : parseBaseUrl(namedCdn, '--cdn-url').href;
  const trust = createHostTrust([named, account.namedUrl, cdnUrl].filter((url) => url !== null));
  if (!URL.canParse(baseUrl) || !trust.isTrusted(new URL(baseUrl))) {
    throw new WxError(
      'config',
      `will not send the token of ${account.id} to ${baseUrl}: that host is not trusted`,
      { hint: `wxagent login, or --base-url ${baseUrl} if you trust it` },
    );
  }
  const outgoing = openOutgoing(context, store, account.key);
  const client = createIlinkClient({ transport, baseUrl, token: account.token, version: VERSION });
  return {
    client,
    uploader: {
      // Most answers are texts.
      async upload(...file) {
        const { createUploader } = await import('../../runner/delivery/cdn-upload.ts');
        const { clock } = context;
        const uploader = createUploader({
          client,
          transport,
          trust,
          clock,
          open: outgoing.open,
          cdnUrl: cdnUrlOf(context, account),
        });
        return uploader.upload(...file);
      },
    },
    outgoing,
    keepUnread: unreadKeeper(context, account),
  };
}

/** Where the files lie that an account is to send: in the database of a server, or in the home. */
export function openOutgoing(
  { paths }: Pick<CommandContext, 'paths'>,
  { blobs }: Pick<Store, 'blobs'>,
  account: string,
): Outgoing {
  return blobs ? createOutgoingBlobs(account, blobs) : createOutgoing(paths.media('out', account));
}

/** That of `--cdn-url` or of the account; else Tencent's for Tencent's servers, and `c2c` on any other server. */
function cdnUrlOf(context: Pick<CommandContext, 'settings'>, account: Account | null): string {
  const { baseUrl: namedBase, cdnUrl: named } = context.settings;
  if (named !== null) return parseBaseUrl(named, '--cdn-url').href;
  if (account?.cdnUrl) return account.cdnUrl;
  const baseUrl = namedBase ?? account?.baseUrl ?? TENCENT_CDN_URL;
  const isTencent = URL.canParse(baseUrl) && createHostTrust([]).isTrusted(new URL(baseUrl));
  return isTencent ? TENCENT_CDN_URL : endpointUrl(baseUrl, 'c2c');
}

/** Downloads from the CDN of an account, or of none; it gets no token. */
function openCdn(
  context: Pick<CommandContext, 'settings'>,
  account: Account | null,
  transport: Transport,
): Cdn {
  const { baseUrl, cdnUrl: named } = context.settings;
  const given = [baseUrl, account?.namedUrl ?? null, named, account?.cdnUrl ?? null];
  const trust = createHostTrust(given.filter((url) => url !== null));
  return createCdn({ transport, trust, cdnUrl: cdnUrlOf(context, account) });
}

/** What fetches files from the CDN of an account, or of none. Its code is loaded when it is needed. */
export async function openFetcher(
  context: Pick<CommandContext, 'settings' | 'clock'>,
  account: Account | null,
  transport: Transport,
): Promise<FetchMedia> {
  const { createFetcher } = await import('../../media/download/fetch.ts');
  return createFetcher({ cdn: openCdn(context, account, transport), clock: context.clock, makeFolder });
}

/** Keeps answers of an account's server that cannot be read, for people to look at. */
function unreadKeeper(
  { paths, clock }: Pick<CommandContext, 'paths' | 'clock'>,
  account: Account,
): (bytes: Buffer) => Promise<string> {
  return async (bytes) => {
    const { keepUnread } = await import('../../home/unreadable-responses.ts');
    return keepUnread(paths.unread(account.key), bytes, clock.now());
  };
}
