import { createServer, type IncomingHttpHeaders, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** A request as it arrived. */
export interface ReceivedRequest {
  method: string;
  path: string;
  query: URLSearchParams;
  headers: IncomingHttpHeaders;
  body: string;
  /** The body parsed, or undefined when there is none. */
  json: unknown;
}

/**
 * What to answer: an object as JSON, a string as it is, a number as a bare status, or a function that does
 * what it likes with the response (nothing at all is a server that hangs).
 */
export type Answer = object | string | number | ((response: ServerResponse) => void);

/** An HTTP server on 127.0.0.1 that answers by script and keeps what it was asked. */
export interface ScriptedServer {
  url: string;
  requests: ReceivedRequest[];
  /** Requests whose path ends like this. */
  asked(ending: string): ReceivedRequest[];
  close(): Promise<void>;
}

/** Hangs: the request is read and never answered. */
export const hang: Answer = () => {};

/** Resets the connection instead of answering. */
export const reset: Answer = (response) => {
  response.socket?.resetAndDestroy();
};

/** Starts a server that asks `script` for the answer to each request. */
export async function startScriptedServer(
  script: (request: ReceivedRequest, server: ScriptedServer) => Answer,
): Promise<ScriptedServer> {
  const requests: ReceivedRequest[] = [];
  const http = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk);
    const body = Buffer.concat(chunks).toString('utf8');
    const url = new URL(request.url ?? '/', 'http://scripted');
    const received: ReceivedRequest = {
      method: request.method ?? '',
      path: url.pathname,
      query: url.searchParams,
      headers: request.headers,
      body,
      json: body === '' ? undefined : JSON.parse(body),
    };
    requests.push(received);
    const answer = script(received, server);
    if (typeof answer === 'function') answer(response);
    else if (typeof answer === 'number') response.writeHead(answer).end();
    else if (typeof answer === 'string') response.end(answer);
    else response.setHeader('content-type', 'application/json').end(JSON.stringify(answer));
  });
  await new Promise<void>((resolve) => {
    http.listen(0, '127.0.0.1', resolve);
  });
  const server: ScriptedServer = {
    url: `http://127.0.0.1:${(http.address() as AddressInfo).port}`,
    requests,
    asked: (ending) => requests.filter((request) => request.path.endsWith(ending)),
    close: () =>
      new Promise((resolve) => {
        http.close(() => resolve());
        http.closeAllConnections();
      }),
  };
  return server;
}

/** A script by endpoint: the n-th request of an endpoint gets its n-th answer, the last one for ever; others 404. */
export function inTurn(
  answers: Record<string, Answer[]>,
): (request: ReceivedRequest, server: ScriptedServer) => Answer {
  return (request, server) => {
    const ending = Object.keys(answers).find((name) => request.path.endsWith(`/${name}`));
    const list = ending === undefined ? [] : (answers[ending] ?? []);
    const nth = ending === undefined ? 0 : server.asked(`/${ending}`).length;
    return list[Math.min(nth, list.length) - 1] ?? 404;
  };
}
