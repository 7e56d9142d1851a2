import type { Agent, AgentOptions } from 'node:http';
import { HttpsProxyAgent } from 'https-proxy-agent';
import { SocksProxyAgent } from 'socks-proxy-agent';

/** Connections through a proxy, which makes a tunnel to the server, also for plain http: for whoever names a proxy. */
export function openProxyAgent(proxy: URL, options: AgentOptions): Agent {
  // With the h it is the proxy that resolves names.
  if (proxy.protocol === 'socks5:')
    return new SocksProxyAgent(proxy.href.replace(/^socks5:/, 'socks5h:'), options);
  return new HttpsProxyAgent(proxy, options);
}
