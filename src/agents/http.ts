import type { Clock } from '../core/clock.ts';
import { reasonOf } from '../core/errors.ts';
import type { Outcome } from '../core/message.ts';
import type { Header } from './http-options.ts';
import { bodyLimitBytes, outcomeOfAnswer } from './http-reply.ts';
import type { AgentAnswer, AgentSender } from './http-sender.ts';
import { eventJson } from './input.ts';
import type { Agent } from './port.ts';
import { endedOutcome, limitTurn, turnEndOf } from './turn-end.ts';
import { signatureHeaders } from './webhook-signature.ts';

/** What an HTTP agent needs to know. */
export interface HttpAgentOptions {
  url: URL;
  headers: readonly Header[];
  /** What requests are signed with (`parseWebhookSecret`); null leaves them unsigned. */
  secret: Buffer | null;
  /** Closed together with the agent. */
  sender: AgentSender;
  clock: Clock;
}

/** An agent behind a URL: the event is posted, the response is the answer (contract 3 and 4). */
export function createHttpAgent(options: HttpAgentOptions): Agent {
  const { url, sender, clock } = options;
  const { target, ownHeaders } = withoutCredentials(url, options.headers);

  return {
    // A query may hold a key.
    name: url.origin + url.pathname,
    async answer(turn, context) {
      const body = eventJson(turn);
      const signature =
        options.secret === null
          ? {}
          : signatureHeaders(options.secret, { messageId: turn.id, timeMs: clock.now(), body });
      const limit = limitTurn(context.signal, context.timeoutMs);
      let answer: AgentAnswer;
      try {
        answer = await sender.send({
          url: target,
          headers: { ...ownHeaders, ...signature },
          body,
          signal: limit.signal,
          limitBytes: bodyLimitBytes,
        });
      } catch (error) {
        return limit.signal.aborted
          ? endedOutcome(turnEndOf(limit.signal), context.timeoutMs)
          : notReached(error);
      } finally {
        limit.release();
      }
      return outcomeOfAnswer(answer, context, clock.now());
    },
    close: () => sender.close(),
  };
}

/** The network, whatever is wrong with it, is tried again (contract 4). */
function notReached(error: unknown): Outcome {
  // Where a name has several addresses the message of the joint error is empty.
  const { code } = error as NodeJS.ErrnoException;
  return {
    kind: 'retry',
    afterMs: null,
    detail: `not reached: ${reasonOf(error) || code || 'network error'}`,
  };
}

/** User and password of the URL become basic authentication, which a header given by name replaces. */
function withoutCredentials(url: URL, headers: readonly Header[]) {
  const own = new Map<string, string>([
    ['content-type', 'application/json'],
    ['user-agent', 'wxagent'],
  ]);
  if (url.username !== '' || url.password !== '') {
    const pair = `${decodeURIComponent(url.username)}:${decodeURIComponent(url.password)}`;
    own.set('authorization', `Basic ${Buffer.from(pair, 'utf8').toString('base64')}`);
  }
  for (const [name, value] of headers) own.set(name.toLowerCase(), value);
  return { target: url.origin + url.pathname + url.search, ownHeaders: Object.fromEntries(own) };
}
