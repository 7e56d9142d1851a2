import { onTestFinished } from 'vitest';
import { proxyForAll } from '../../../src/core/http/proxy.ts';
import { createTransport, type HttpRequest, type Transport } from '../../../src/ilink/http/transport.ts';
import { type Answer, type ScriptedServer, startScriptedServer } from '../../helpers/scripted-server.ts';

/** A server that gives every request the same answer, until the end of the test. */
export async function serve(answer: Answer): Promise<ScriptedServer> {
  const server = await startScriptedServer(() => answer);
  onTestFinished(server.close);
  return server;
}

/** A transport, until the end of the test. */
export function open(proxy?: URL): Transport {
  const transport = createTransport(proxy ? { proxies: proxyForAll(proxy.href, '--proxy') } : {});
  onTestFinished(transport.close);
  return transport;
}

/** A GET that waits for at most 5 s and takes at most 1,000 bytes. */
export function get(url: string, rest: Partial<HttpRequest> = {}): HttpRequest {
  return { method: 'GET', url, headers: {}, timeoutMs: 5_000, maxBytes: 1_000, ...rest };
}
