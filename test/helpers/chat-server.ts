import { createServer, type IncomingMessage, type ServerResponse } from 'node:http';
import type { AddressInfo } from 'node:net';

/** What a chat-completions server was asked. */
export interface Asked {
  path: string;
  headers: IncomingMessage['headers'];
  body: { model: string; stream: boolean; messages: { role: string; content: unknown }[] };
}

/** How it answers one request; without an answer it says `echo: <last text>`. */
export type Answer = (response: ServerResponse, asked: Asked) => unknown;

/** A chat-completions server on the loopback that streams like the published API. */
export async function startChatServer(): Promise<{
  url: string;
  asked: Asked[];
  /** Where it was asked to tunnel to, as a proxy; it refuses. */
  tunnels: string[];
  /** Answers of the next requests, in order. */
  answers: Answer[];
  stop(): Promise<void>;
}> {
  const asked: Asked[] = [];
  const answers: Answer[] = [];
  const tunnels: string[] = [];
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const one = {
      path: request.url ?? '',
      headers: request.headers,
      body: JSON.parse(Buffer.concat(chunks).toString('utf8')),
    };
    asked.push(one);
    const answer = answers.shift() ?? ((_, { body }) => stream(response, [`echo: ${textOf(body)}`]));
    await answer(response, one);
  });
  server.on('connect', (request, socket) => {
    tunnels.push(request.url ?? '');
    socket.end('HTTP/1.1 502 Bad Gateway\r\n\r\n');
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  return {
    url: `http://127.0.0.1:${(server.address() as AddressInfo).port}/v1`,
    asked,
    answers,
    tunnels,
    stop() {
      server.closeAllConnections();
      return new Promise((resolve) => server.close(() => resolve()));
    },
  };
}

/** Streams pieces of text as chunks; a finish of null ends the body without the end of the answer. */
export function stream(response: ServerResponse, pieces: string[], finish: string | null = 'stop'): void {
  response.writeHead(200, { 'content-type': 'text/event-stream; charset=utf-8' });
  for (const content of pieces) response.write(chunkOf({ content }, null));
  if (finish !== null) {
    response.write(chunkOf({}, finish));
    // Usage comes in a chunk without choices.
    response.write(`data: ${JSON.stringify({ choices: [], usage: { total_tokens: 3 } })}\n\n`);
    response.write('data: [DONE]\n\n');
  }
  response.end();
}

/** One `chat.completion.chunk` as an event. */
export function chunkOf(delta: Record<string, unknown>, finish: string | null): string {
  const choices = [{ index: 0, delta, finish_reason: finish }];
  return `data: ${JSON.stringify({ id: 'c', object: 'chat.completion.chunk', choices })}\n\n`;
}

function textOf({ messages }: Asked['body']): string {
  const content = messages.at(-1)?.content;
  return typeof content === 'string' ? content : ((content as { text?: string }[])[0]?.text ?? '');
}
