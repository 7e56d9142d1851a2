import type { Account } from '../../home/accounts-file.ts';
import { createCdn } from '../../ilink/cdn.ts';
import { createHostTrust, endpointUrl, parseBaseUrl } from '../../ilink/hosts.ts';
import type { Transport } from '../../ilink/http/transport.ts';
import type { Cdn } from '../../media/download/port.ts';
import type { CommandContext } from '../command/context.ts';

/** The CDN of Tencent's servers (protocol 1.1). */
const TENCENT_CDN_URL = 'https://novac2c.cdn.weixin.qq.com/c2c';

/**
 * The base URL of the CDN to use: that of `--cdn-url`, or of the account; else Tencent's beside Tencent's servers,
 * and beside any other server, which knows nothing of that, `c2c` on the server itself.
 */
export function cdnUrlOf(context: CommandContext, account: Account | null): string {
  const { baseUrl: namedBase, cdnUrl: named } = context.settings(['baseUrl', 'cdnUrl']);
  if (named !== null) return parseBaseUrl(named, '--cdn-url').href;
  if (account?.cdnUrl) return account.cdnUrl;
  const baseUrl = namedBase ?? account?.baseUrl ?? TENCENT_CDN_URL;
  const isTencent = URL.canParse(baseUrl) && createHostTrust([]).isTrusted(new URL(baseUrl));
  return isTencent ? TENCENT_CDN_URL : endpointUrl(baseUrl, 'c2c');
}

/** What downloads from the CDN of an account, or of nobody in particular: no token goes there. */
export function openCdn(context: CommandContext, account: Account | null, transport: Transport): Cdn {
  const { baseUrl, cdnUrl: named } = context.settings(['baseUrl', 'cdnUrl']);
  const given = [baseUrl, account?.namedUrl ?? null, named, account?.cdnUrl ?? null];
  const trust = createHostTrust(given.filter((url) => url !== null));
  return createCdn({ transport, trust, cdnUrl: cdnUrlOf(context, account) });
}
