import OpenAI, { APIConnectionError, APIError } from 'openai';
import type { ChatCompletion, ChatCompletionMessageParam } from 'openai/resources/chat/completions';
import { type Dispatcher, fetch, type RequestInit } from 'undici';
import type { Clock } from '../../core/clock.ts';
import { reasonOf } from '../../core/errors.ts';
import type { Log } from '../../core/log.ts';
import type { Outcome } from '../../core/message.ts';
import type { Environment } from '../child/environment.ts';
import { openDispatcher, UNLIMITED } from '../http/client.ts';
import { retryAfterMs } from '../http/reply.ts';
import { failed, replyOf, textPiece, withoutSecrets } from '../outcomes.ts';
import type { Agent } from '../port.ts';
import { endedOutcome, limitTurn, turnEndOf } from '../turn-end.ts';
import { type ModelAnswer, readStream, readWhole, withoutThinking } from './answer.ts';
import { type Exchange, exchangesBefore, remember } from './memory.ts';
import { type Question, questionOf } from './question.ts';

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

/** The turn's own limit bounds a request; a model that is still being loaded may be silent for many minutes. */
const NO_TIMEOUT_MS = 2 ** 31 - 1;

/** An agent behind a chat-completions server: the conversation goes out, what the model says is the answer. */
export function createOpenAiAgent(options: OpenAiAgentOptions): Agent {
  const { baseUrl, model, log } = options;
  const opening = openDispatcher(options.environment, UNLIMITED);
  opening.catch(() => {}); // told by every turn

  async function ask(
    messages: ChatCompletionMessageParam[],
    signal: AbortSignal,
    onAlive: () => void,
  ): Promise<ModelAnswer> {
    const client = createClient(options, await opening);
    const asked = client.chat.completions.create({ model, stream: true, messages }, { signal });
    const { data, response } = await asked.withResponse();
    const type = response.headers.get('content-type') ?? '';
    if (type.startsWith('application/json')) return readWhole((await response.json()) as ChatCompletion);
    return type.startsWith('text/html') ? { text: '', finish: 'a web page' } : readStream(data, onAlive);
  }

  return {
    name: `${model} at ${baseUrl.origin}`,
    async answer(turn, context) {
      const question = await questionOf(turn);
      const earlier = await exchangesBefore(turn, context.memory);
      const limit = limitTurn(context.signal, context.timeoutMs);
      let answer: ModelAnswer;
      try {
        const messages = messagesOf(options.system, earlier, question);
        answer = await ask(messages, limit.signal, context.alive);
      } catch (error) {
        return limit.signal.aborted
          ? endedOutcome(turnEndOf(limit.signal), context.timeoutMs)
          : withoutSecrets(outcomeOfError(error, options), [options.apiKey ?? '']);
      } finally {
        limit.release();
      }
      // The package ends an aborted stream as if it were whole.
      if (limit.signal.aborted) return endedOutcome(turnEndOf(limit.signal), context.timeoutMs);
      const outcome = outcomeOf(answer);
      if (outcome.kind === 'reply') {
        if (answer.finish === 'length')
          log.warn('the model ran out of tokens: its answer is cut', { message: turn.id });
        const said = outcome.pieces.map((piece) => ('text' in piece ? piece.text : '')).join('\n');
        await remember(earlier, { id: turn.id, user: question.text, assistant: said }, context.memory);
      }
      return outcome;
    },
    close: async () => (await opening).destroy(),
  };
}

function createClient({ baseUrl, apiKey }: OpenAiAgentOptions, dispatcher: Dispatcher): OpenAI {
  return new OpenAI({
    baseURL: baseUrl.href,
    apiKey: apiKey ?? 'none',
    ...(apiKey === null ? { defaultHeaders: { authorization: null } } : {}),
    // The package would take these from the environment, which speaks of another server.
    adminAPIKey: null,
    organization: null,
    project: null,
    webhookSecret: null,
    // The runner retries, and knows how often (contract 4).
    maxRetries: 0,
    timeout: NO_TIMEOUT_MS,
    logLevel: 'off',
    fetch: ((url: string, init: RequestInit) =>
      fetch(url, { ...init, dispatcher, redirect: 'manual' })) as unknown as typeof globalThis.fetch,
  });
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

function outcomeOf({ text, finish }: ModelAnswer): Outcome {
  if (finish === 'too-large') {
    return failed('too-large', 'the model does not stop writing');
  }
  if (finish === null) return { kind: 'retry', afterMs: null, detail: 'the answer was cut before its end' };
  const outcome = replyOf([textPiece(withoutThinking(text).trim())]);
  if (outcome.kind === 'reply' || finish === 'stop') return outcome;
  return failed('bad-output', `no text came back, but ${finish}`, BASE_URL_HINT);
}

/** What a refusal means: 429, 5xx and the network are tried again, all else is final (contract 4). */
function outcomeOfError(error: unknown, options: OpenAiAgentOptions): Outcome {
  if (error instanceof SyntaxError) {
    return failed('bad-output', `the answer is no JSON: ${error.message}`);
  }
  if (!(error instanceof APIError) || error instanceof APIConnectionError) {
    return { kind: 'retry', afterMs: null, detail: `not reached: ${causeOf(error)}` };
  }
  const { status } = error;
  // An error in the midst of the stream has no status.
  if (status === undefined) return { kind: 'retry', afterMs: null, detail: error.message };
  const detail = error.message.includes(String(status)) ? error.message : `HTTP ${status}: ${error.message}`;
  if (status === 429 || status >= 500) {
    const header = error.headers?.get('retry-after') ?? undefined;
    return { kind: 'retry', afterMs: retryAfterMs(header, options.clock.now()), detail };
  }
  return failed('http', detail, hintFor(status, options));
}

function hintFor(status: number, { apiKey, baseUrl, model }: OpenAiAgentOptions): string | null {
  if (status === 401 || status === 403) {
    return apiKey === null ? 'set OPENAI_API_KEY to the key of this server' : 'check OPENAI_API_KEY';
  }
  if (status < 400) return 'redirects are not followed: give --openai the final URL';
  return status === 404
    ? `check that ${baseUrl.href} has the model ${model}: curl ${baseUrl.href}/models`
    : null;
}

/** The reason at the bottom: "fetch failed" and "Connection error." say nothing. */
function causeOf(error: unknown): string {
  const { cause } = error as { cause?: unknown };
  return cause === undefined ? reasonOf(error) : causeOf(cause);
}
