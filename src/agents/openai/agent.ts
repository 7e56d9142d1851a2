import type {
  ChatCompletionCreateParams,
  ChatCompletionMessageParam,
} from 'openai/resources/chat/completions';
import type { Log } from '../../core/log.ts';
import type { Outcome } from '../../core/message/message.ts';
import { isObject } from '../../core/object.ts';
import { cutUtf8 } from '../../core/text-bytes.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { Environment } from '../child/environment.ts';
import { type AgentAnswer, createAgentSender } from '../http/client/sender.ts';
import { charsetOf, isOk, notReached, retryAfterMs, serviceRetry, withBody } from '../http/response/reply.ts';
import { wellFormedJson } from '../port/input.ts';
import type { Agent } from '../port/port.ts';
import { endedOutcome, limitTurn, turnEndOf } from '../port/turn-end.ts';
import { failed, replyOf, textPiece, withoutSecrets } from '../reply/outcomes.ts';
import { decodeText } from '../reply/output.ts';
import { parseJson } from '../reply/reply-line.ts';
import { withoutThinking } from '../reply/thinking.ts';
import { createAnswerReader, type ModelAnswer } from './answer.ts';
import { type Exchange, exchangesBefore, remember } from './memory.ts';
import { type Question, questionOf } from './question.ts';
import { errorIn, errorOfText, isPassing, isTooLong, type ServerError } from './server-error.ts';

/** A server that speaks chat completions, and how it is asked. */
export interface OpenAiAgentOptions {
  baseUrl: URL;
  model: string;
  /** What the model is told before every conversation; null: nothing. */
  system: string | null;
  /** null: a server that asks for none. */
  apiKey: string | null;
  /** Where the proxies are named. */
  environment: Environment;
  clock: Clock;
  log: Log;
}

const BASE_URL_HINT = '--openai http://127.0.0.1:11434/v1 (the address that /chat/completions is below)';

/** How long the rest of an answer is waited for when the model has said why it stopped: its usage, and `[DONE]`. */
const REST_MS = 1_000;

/** The largest body of a refusal that is read; and of an answer, most of which is not its text. */
const MAX_REFUSAL_BYTES = 1024 * 1024;
const MAX_ANSWER_BYTES = 512 * 1024 * 1024;

/** The most that is told of a refusal. */
const MAX_DETAIL_BYTES = 600;

/** What came of one request: an answer, or why there is none. */
type Asked =
  | { answer: ModelAnswer }
  | { refusal: ServerError; head: Pick<AgentAnswer, 'status' | 'headers'> };

/** An agent behind a chat-completions server: the conversation goes out, what the model says is the answer. */
export function createOpenAiAgent(options: OpenAiAgentOptions): Agent {
  const { baseUrl, model, log } = options;
  const sender = createAgentSender(options.environment);

  async function ask(
    messages: ChatCompletionMessageParam[],
    signal: AbortSignal,
    onAlive: () => void,
  ): Promise<Asked> {
    const reader = createAnswerReader();
    const rest = new AbortController();
    let timer: NodeJS.Timeout | undefined;
    let sent: AgentAnswer;
    try {
      sent = await sender.send({
        url: `${baseUrl.href}/chat/completions`,
        headers: headersOf(options),
        body: wellFormedJson({ model, stream: true, messages } satisfies ChatCompletionCreateParams),
        signal: AbortSignal.any([signal, rest.signal]),
        limitBytes: ({ status }) => (isOk(status) ? MAX_ANSWER_BYTES : MAX_REFUSAL_BYTES),
        linesOf: ({ status }) => (isOk(status) ? async (line, { cut }) => take(line, cut) : null),
        isLast: look,
        onAlive,
      });
    } catch (error) {
      if (!rest.signal.aborted || signal.aborted) throw error;
      return { answer: reader.end() };
    } finally {
      clearTimeout(timer);
    }
    if (isOk(sent.status)) {
      const answer = reader.end();
      if (sent.tooLarge) answer.finish = 'too-large';
      return answer.error ? { refusal: answer.error, head: sent } : { answer };
    }
    return { refusal: refusalIn(sent), head: sent };

    function take(line: string, isCut: boolean): boolean {
      const goesOn = reader.take(line, isCut);
      restAfterEnd();
      return goesOn;
    }

    function look(unended: string): boolean {
      const isOver = reader.look(unended);
      restAfterEnd();
      return isOver;
    }

    function restAfterEnd(): void {
      if (reader.isFinished) timer ??= setTimeout(() => rest.abort(), REST_MS);
    }
  }

  return {
    name: `${model} at ${baseUrl.origin}`,
    async answer(turn, context) {
      const question = await questionOf(turn);
      let earlier = await exchangesBefore(turn, context.memory);
      const limit = limitTurn(context.signal, context.timeoutMs);
      let asked: Asked;
      try {
        for (;;) {
          asked = await ask(messagesOf(options.system, earlier, question), limit.signal, context.alive);
          if (limit.signal.aborted || !('refusal' in asked) || earlier.length === 0) break;
          if (!isTooLong(asked.refusal, asked.head.status)) break;
          earlier = earlier.slice(Math.ceil(earlier.length / 2));
          log.warn('the conversation is too long for the model: its older half is forgotten', {
            message: turn.id,
          });
        }
      } catch (error) {
        return limit.signal.aborted
          ? endedOutcome(turnEndOf(limit.signal), context.timeoutMs)
          : withoutSecrets(notReached(error), [options.apiKey ?? '']);
      } finally {
        limit.release();
      }
      if (limit.signal.aborted) return endedOutcome(turnEndOf(limit.signal), context.timeoutMs);
      if ('refusal' in asked) {
        return withoutSecrets(outcomeOfRefusal(asked.refusal, asked.head, options), [options.apiKey ?? '']);
      }
      const { answer } = asked;
      const outcome = outcomeOf(answer);
      if (outcome.kind === 'reply') {
        if (answer.finish === 'length')
          log.warn('the model ran out of tokens: its answer is cut', { message: turn.id });
        if (answer.untold !== null)
          log.warn(`only the text of the answer is sent, not its ${answer.untold}`, { message: turn.id });
        const said = outcome.pieces.map((piece) => ('text' in piece ? piece.text : '')).join('\n');
        await remember(earlier, { id: turn.id, user: question.text, assistant: said }, context.memory);
      }
      return outcome;
    },
    close: () => sender.close(),
  };
}

function headersOf({ apiKey }: OpenAiAgentOptions): Record<string, string> {
  return {
    'content-type': 'application/json',
    'user-agent': 'wxagent',
    ...(apiKey === null ? {} : { authorization: `Bearer ${apiKey}` }),
  };
}

function messagesOf(
  system: string | null,
  earlier: readonly Exchange[],
  question: Question,
): ChatCompletionMessageParam[] {
  return [
    ...(system === null ? [] : [{ role: 'system' as const, content: system }]),
    ...earlier.flatMap(({ user, assistant }) => [
      { role: 'user' as const, content: user },
      { role: 'assistant' as const, content: assistant },
    ]),
    { role: 'user', content: question.content },
  ];
}

function outcomeOf({ text, finish, hasThought, untold, odd }: ModelAnswer): Outcome {
  if (finish === 'too-large') {
    return failed('too-large', odd ?? 'the model does not stop writing');
  }
  if (odd !== null) return failed('bad-output', odd, BASE_URL_HINT);
  if (finish === null) return serviceRetry('the answer was cut before its end');
  const said = withoutThinking(text, finish === 'length').trim();
  const outcome = replyOf([textPiece(said)]);
  if (outcome.kind === 'reply') return outcome;
  if (/tool_call|function_call/.test(finish)) {
    return failed('bad-output', `no text came back, but ${finish}: no tools were offered`);
  }
  const instead = untold ?? (finish === 'stop' ? null : finish);
  if (instead !== null) return failed('bad-output', `no text came back, but ${instead}`);
  const isThoughtOnly = hasThought || /[\p{L}\p{N}]/u.test(text.replace(/<[^<>]*>/g, ''));
  return isThoughtOnly ? failed('bad-output', 'the model returned reasoning but no reply') : outcome;
}

/** What a refusal says, in whatever form it comes. */
function refusalIn(sent: AgentAnswer): ServerError {
  const document = parseJson(decodeText(sent.body, charsetOf(sent.headers)));
  const first = Array.isArray(document) ? document[0] : document;
  return (isObject(first) && errorIn(first, false)) || errorOfText(withBody(sent));
}

/** What a refusal means: 429, 5xx and the network are tried again, all else is final. */
function outcomeOfRefusal(
  refusal: ServerError,
  { status, headers }: Pick<AgentAnswer, 'status' | 'headers'>,
  options: OpenAiAgentOptions,
): Outcome {
  const known = status >= 300 ? status : refusal.status;
  const isTold = known === null || refusal.message.includes(String(known));
  const detail = cutUtf8(isTold ? refusal.message : `${known} ${refusal.message}`, MAX_DETAIL_BYTES).value;
  if (status >= 300 && status < 400) {
    return failed('http', detail, 'redirects are not followed: give --openai the final URL');
  }
  if (isTooLong(refusal, status)) {
    return failed('http', detail, 'the message itself is too long for this model');
  }
  if (isPassing(refusal, status)) {
    return serviceRetry(detail, retryAfterMs(headers['retry-after'], options.clock.now()));
  }
  return failed(
    'http',
    detail,
    hintFor(known ?? (/api.?key|auth/i.test(refusal.words) ? 401 : null), options),
  );
}

function hintFor(status: number | null, { apiKey, baseUrl, model }: OpenAiAgentOptions): string | null {
  if (status === 401 || status === 403) {
    return apiKey === null ? 'set OPENAI_API_KEY to the key of this server' : 'check OPENAI_API_KEY';
  }
  return status === 404
    ? `check that ${baseUrl.href} has the model ${model}: curl ${baseUrl.href}/models`
    : null;
}
