import type { Log } from '../../core/log.ts';
import type { Outcome, Turn } from '../../core/message/message.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { Agent, TurnContext } from '../port/port.ts';
import { endedOutcome, limitTurn, turnEndOf } from '../port/turn-end.ts';
import { withoutSecrets } from '../reply/outcomes.ts';
import { createUnreadNotes } from '../reply/reply-line.ts';
import { createReplyStream } from '../reply/reply-stream.ts';
import type { AgentAnswer, AgentSender } from './client/sender.ts';
import { createConversations } from './conversation.ts';
import { type HttpEndpoint, requestOf } from './endpoint.ts';
import type { AttachmentServer } from './request/attachment-server.ts';
import { type AttachmentForm, prepareAttachments } from './request/attachments.ts';
import type { Header } from './request/options.ts';
import { signatureHeaders } from './request/webhook-signature.ts';
import { createEndWatch } from './response/event-stream.ts';
import {
  bodyLimitBytes,
  isOk,
  isStream,
  MAX_BODY_BYTES,
  notReached,
  outcomeBeforeBody,
  outcomeOfAnswer,
} from './response/reply.ts';
import { readByRules } from './response/reply-rules.ts';

/** What an HTTP agent needs to know. */
export interface HttpAgentOptions {
  endpoint: HttpEndpoint;
  headers: readonly Header[];
  /** What requests are signed with (`parseWebhookSecret`); null leaves them unsigned. */
  secret: Buffer | null;
  attachments: AttachmentForm;
  /** Where services fetch attachments; null unless that is their form. It outlives the agent. */
  server: AttachmentServer | null;
  /** Closed together with the agent. */
  sender: AgentSender;
  clock: Clock;
  log: Log;
}

/** An agent behind a URL: the event, or what the endpoint wants, is posted; the response is the answer. */
export function createHttpAgent(options: HttpAgentOptions): Agent {
  const { endpoint, sender, clock } = options;
  const { target, ownHeaders } = withoutCredentials(endpoint.url, options.headers);
  const secrets = secretsOf(endpoint.url, options.headers, ownHeaders);
  // A query may hold a key.
  const name = endpoint.url.origin + endpoint.url.pathname;
  const noteUnread = createUnreadNotes((line) => options.log.warn(line));
  const conversations = createConversations(name, endpoint, options.log);

  async function exchange(turn: Turn, context: TurnContext, limit: AbortSignal): Promise<Outcome> {
    const conversation = await conversations.of(context);
    const { url, body } = requestOf(endpoint, target, turn, conversation);
    const signature =
      options.secret === null
        ? {}
        : signatureHeaders(options.secret, { messageId: turn.id, timeMs: clock.now(), body });
    const stream = createReplyStream(context, null, options.log, turn.id);
    const reader = endpoint.answer?.stream;
    let answer: AgentAnswer;
    try {
      answer = await sender.send({
        url,
        headers: { ...ownHeaders, ...signature },
        body,
        signal: limit,
        limitBytes: endpoint.answer ? () => MAX_BODY_BYTES : bodyLimitBytes,
        linesOf: (head) => (!endpoint.answer && isStream(head) ? stream.take : null),
        endOf: ({ status }) => (reader && isOk(status) ? createEndWatch(reader.isLast) : null),
        onAlive: context.alive,
      });
    } catch (error) {
      return notReached(error);
    }
    if (!endpoint.answer) {
      const fetchFile = (fileUrl: string, path: string) =>
        sender.fetchFile({
          url: fileUrl,
          ownOrigin: endpoint.url.origin,
          path,
          signal: limit,
          onAlive: context.alive,
        });
      return outcomeOfAnswer(answer, { ...context, fetchFile, noteUnread }, stream, clock.now());
    }
    const early = outcomeBeforeBody(answer, clock.now(), MAX_BODY_BYTES);
    if (early) return conversations.explain(early, answer.status, conversation);
    const read = readByRules(answer, endpoint.answer);
    await conversations.keep(context, conversation, read);
    return read.outcome;
  }

  return {
    name,
    async answer(turn, context) {
      const prepared = await prepareAttachments(turn, options.attachments, options.server);
      const { signal, release } = limitTurn(context.signal, context.timeoutMs);
      try {
        const outcome = await exchange(prepared.turn, context, signal);
        if (signal.aborted) return endedOutcome(turnEndOf(signal), context.timeoutMs);
        return withoutSecrets(outcome, secrets);
      } finally {
        release();
        prepared.withdraw();
      }
    },
    close: () => sender.close(),
  };
}

/** What went out that only the service should know, in the pieces in which it may come back. */
function secretsOf(
  url: URL,
  given: readonly Header[],
  { authorization = '' }: Record<string, string>,
): string[] {
  const values = [authorization, ...given.map(([, value]) => value)];
  return [
    ...values.flatMap((value) => [value, value.split(/\s+/).at(-1) ?? '']),
    decodeURIComponent(url.password),
    ...url.searchParams.values(),
  ];
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
