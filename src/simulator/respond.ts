import type { ServerResponse } from 'node:http';
import type { Answer } from './exchange.ts';

/** Writes an answer and tells it whether the client was still there. */
export function respond(res: ServerResponse, answer: Answer): void {
  if (res.destroyed) {
    answer.onFate?.('aborted');
    return;
  }
  const { onFate } = answer;
  if (onFate) res.once('close', () => onFate(res.writableFinished ? 'sent' : 'aborted'));
  res.writeHead(answer.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(answer.body),
    ...answer.headers,
  });
  res.end(answer.body);
}
