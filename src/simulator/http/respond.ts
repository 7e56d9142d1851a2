import type { ServerResponse } from 'node:http';
import type { Answer } from '../world/answer.ts';

/** Writes an answer and tells it whether the client was still there. */
export function respond(res: ServerResponse, answer: Answer): void {
  if (res.destroyed) {
    answer.onWireResult?.('aborted');
    return;
  }
  const { onWireResult } = answer;
  if (onWireResult) res.once('close', () => onWireResult(res.writableFinished ? 'sent' : 'aborted'));
  res.writeHead(answer.status, {
    'content-type': 'application/json',
    'content-length': Buffer.byteLength(answer.body),
    ...answer.headers,
  });
  res.end(answer.body);
}
