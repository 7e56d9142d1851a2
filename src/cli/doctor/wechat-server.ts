import { lookup } from 'node:dns/promises';
import { once } from 'node:events';
import { connect as connectTcp, type Socket } from 'node:net';
import { connect as connectTls } from 'node:tls';
import { reasonOf, WxError } from '../../core/errors.ts';
import { proxiesOf, shownProxy } from '../../core/http/proxy.ts';
import type { Account } from '../../home/config-file.ts';
import { parseBaseUrl, TENCENT_BASE_URL } from '../../ilink/hosts.ts';
import { headerOf } from '../../ilink/http/http.ts';
import { TOKEN_DEAD } from '../../ilink/result.ts';
import { loginHint, noAccount } from '../account/choose-account.ts';
import { connect, openTransport, proxiesForServer } from '../account/connection.ts';
import type { CommandContext } from '../port/context.ts';
import type { Check } from './check.ts';

const TIMEOUT_MS = 10_000;
/** Clocks further apart than this make ages and signatures meaningless. */
const CLOCK_LIMIT_MS = 5 * 60_000;

/** Which way requests take. */
export const proxyCheck: Check = {
  name: 'proxy',
  async run(context, account) {
    const proxy = proxiesForServer(context).proxyFor(serverOf(context, account));
    if (proxy) return shownProxy(proxy);
    const { any } = proxiesOf(context.environment.all);
    return any && context.settings.proxy === 'none'
      ? 'direct (the proxies of the environment are for agents only; --proxy env uses them)'
      : 'direct';
  },
};

/** Whether the server's name is known. */
export const dnsCheck: Check = {
  name: 'dns',
  async run(context, account) {
    const { hostname } = serverOf(context, account);
    try {
      const { address } = await lookup(hostname.replace(/^\[|\]$/g, ''));
      return `${hostname} has the address ${address}`;
    } catch (error) {
      throw network(`${hostname} is not found: ${reasonOf(error)}`, 'check the network and its DNS server');
    }
  },
};

/** Whether the server can be connected to. */
export const tcpCheck: Check = {
  name: 'tcp',
  async run(context, account) {
    const { hostname, port } = endpoint(serverOf(context, account));
    await opened(connectTcp({ host: hostname, port }), 'connect', `${hostname}:${port}`);
    return `${hostname}:${port} answers`;
  },
};

/** Whether its certificate is valid. */
export const tlsCheck: Check = {
  name: 'tls',
  async run(context, account) {
    const url = serverOf(context, account);
    if (url.protocol === 'http:') return 'plain http on this machine';
    const { hostname, port } = endpoint(url);
    await opened(connectTls({ host: hostname, port, servername: hostname }), 'secureConnect', hostname);
    return `the certificate of ${hostname} is valid`;
  },
};

/** Whether this machine's clock agrees with the server's. */
export const clockCheck: Check = {
  name: 'clock',
  async run(context, account) {
    const transport = openTransport(context);
    try {
      const url = serverOf(context, account).href;
      const result = await transport.send({
        method: 'GET',
        url,
        headers: {},
        timeoutMs: TIMEOUT_MS,
        maxBytes: 1024 * 1024,
      });
      if (!result.ok)
        throw network(`no answer from ${url}: ${result.detail}`, 'check --proxy and the firewall');
      const serverMs = Date.parse(headerOf(result.answer, 'date') ?? '');
      if (Number.isNaN(serverMs)) return 'the server does not send its time';
      const offMs = Math.abs(context.clock.wall() - serverMs);
      if (offMs <= CLOCK_LIMIT_MS) return `within ${Math.ceil(offMs / 1000)} s of the server`;
      throw new WxError('config', `this clock is ${Math.round(offMs / 60_000)} minutes off the server's`, {
        hint: 'set the clock: timedatectl set-ntp true',
      });
    } finally {
      await transport.close();
    }
  },
};

/** Whether the login works; asks for a typing ticket, which changes nothing (protocol 6.1). */
export const tokenCheck: Check = {
  name: 'token',
  async run(context, account) {
    if (!account) throw noAccount(context);
    const transport = openTransport(context);
    try {
      const { client } = connect(context, account, transport, { blobs: null });
      const result = await client.getConfig({ user: account.owner ?? '', contextToken: null });
      if (result.kind === 'refused' && result.code === TOKEN_DEAD) {
        throw new WxError('not-logged-in', `the login of ${account.id} has expired`, {
          hint: loginHint(account),
        });
      }
      // Any other word of the server on the matter itself means that it knows the token.
      if (result.kind === 'ok' || result.kind === 'refused') return `${account.id} is logged in`;
      throw network(`the server does not answer as it should (${result.kind})`, 'try again; then --verbose');
    } finally {
      await transport.close();
    }
  },
};

function serverOf(context: CommandContext, account: Account | null): URL {
  const { baseUrl } = context.settings;
  if (baseUrl !== null) return parseBaseUrl(baseUrl, '--base-url');
  return new URL(account?.baseUrl ?? TENCENT_BASE_URL);
}

function endpoint(url: URL): { hostname: string; port: number } {
  const usual = url.protocol === 'http:' ? 80 : 443;
  return { hostname: url.hostname.replace(/^\[|\]$/g, ''), port: url.port === '' ? usual : Number(url.port) };
}

/** Waits until a socket is open and closes it. Throws WxError `network`. */
async function opened(socket: Socket, event: string, name: string): Promise<void> {
  try {
    await once(socket, event, { signal: AbortSignal.timeout(TIMEOUT_MS) });
  } catch (error) {
    throw network(
      `no connection to ${name}: ${reasonOf(error)}`,
      'check the firewall; iLink goes direct unless --proxy',
    );
  } finally {
    socket.destroy();
  }
}

function network(message: string, hint: string): WxError {
  return new WxError('network', message, { hint });
}
