import { reasonOf, WxError } from '../../core/errors.ts';
import { type ProxyRules, proxyForAll } from '../../core/http/proxy.ts';
import { parseBaseUrl } from '../../ilink/hosts.ts';
import type { SettingName } from '../../settings/settings-table.ts';

/** Checks the settings that say how a server is reached: most commands ask none. Throws WxError `usage`. */
export function checkAddresses({ baseUrl, cdnUrl, proxy }: Partial<Record<SettingName, unknown>>): void {
  if (typeof baseUrl === 'string') parseBaseUrl(baseUrl, '--base-url');
  if (typeof cdnUrl === 'string') parseBaseUrl(cdnUrl, '--cdn-url');
  if (typeof proxy === 'string' && proxy !== 'none' && proxy !== 'env') namedProxy(proxy);
}

/** The proxy that `--proxy` names. Throws WxError `usage`. */
export function namedProxy(proxy: string): ProxyRules {
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
