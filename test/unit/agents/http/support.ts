import { readFileSync } from 'node:fs';
import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';
import { afterEach } from 'vitest';
import type { Environment } from '../../../../src/agents/child/environment.ts';
import { createHttpAgent, type HttpAgentOptions } from '../../../../src/agents/http/agent.ts';
import { createAgentSender } from '../../../../src/agents/http/client/sender.ts';
import { type EndpointFlags, readEndpoint } from '../../../../src/agents/http/endpoint.ts';
import type { TurnContext } from '../../../../src/agents/port/port.ts';
import type { Turn } from '../../../../src/core/message/message.ts';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { contextIn, recordingLog, temporaryFolder, turnWith } from '../support.ts';

const closers: (() => unknown)[] = [];

afterEach(async () => {
  for (const close of closers.splice(0).reverse()) await close();
});

/** Has something done after the test, the last one first. */
export function closeLater(close: () => unknown): void {
  closers.push(close);
}

/** A request as it arrived. */
export interface Seen {
  request: IncomingMessage;
  body: string;
}

/** A server on a free port of the loopback, and what it was asked. */
export async function serve(answer: (response: ServerResponse, seen: Seen) => void) {
  const seen: Seen[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const entry = { request, body: Buffer.concat(chunks).toString('utf8') };
    seen.push(entry);
    answer(response, entry);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  closeLater(() => {
    server.closeAllConnections();
    return new Promise((resolve) => server.close(resolve));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}`, seen, server };
}

/** An agent behind a URL, and what it answers to a turn. */
export function agentAt(url: string, changes: Partial<HttpAgentOptions> = {}) {
  const agent = createHttpAgent({
    endpoint: { url: new URL(url), query: [], body: null, answer: null },
    headers: [],
    secret: null,
    attachments: 'path',
    server: null,
    log: recordingLog(),
    sender: createAgentSender({}),
    clock: systemClock,
    ...changes,
  });
  closeLater(() => agent.close?.());
  const root = temporaryFolder();
  return {
    agent,
    root,
    answer(turn: Partial<Turn> = {}, context: Partial<TurnContext> = {}) {
      return agent.answer(turnWith(turn), contextIn(root, context));
    },
  };
}

/** An agent made from the flags of `--http`, and its log. */
export function termsAgent(
  http: string,
  flags: Partial<EndpointFlags>,
  options: Partial<HttpAgentOptions> & { environment?: Environment } = {},
) {
  const none = { preset: null, body: null, reply: null, conversation: null, error: null };
  const { environment = {}, ...changes } = options;
  const endpoint = readEndpoint({ ...none, ...flags, http }, environment, (path) =>
    readFileSync(path, 'utf8'),
  );
  const log = recordingLog();
  return { ...agentAt(http, { endpoint, log, ...changes }), log };
}
