import { type JsonPath, textAt } from '../../../core/json-path.ts';
import type { Outcome } from '../../../core/message/message.ts';
import { isObject } from '../../../core/object.ts';
import { terminalText } from '../../../core/terminal.ts';
import { cutUtf8 } from '../../../core/text-bytes.ts';
import { failed, replyOf, textPiece } from '../../reply/outcomes.ts';
import { decodeText } from '../../reply/output.ts';
import { parseJson } from '../../reply/reply-line.ts';
import { withoutThinking } from '../../reply/thinking.ts';
import type { AgentAnswer } from '../client/sender.ts';
import { formOfBody, titleOf } from './body-form.ts';
import { parseEventStream } from './event-stream.ts';
import { charsetOf, errorDetail, MAX_TEXT_BYTES, serviceRetry } from './reply.ts';
import type { StreamReader } from './stream-answer.ts';

/** Where in the answers of an endpoint things are (`--http-reply` and the flags beside it). */
export interface ReplyRules {
  reply: JsonPath;
  /** How the events of a stream are read. */
  stream: StreamReader;
  conversation: JsonPath | null;
  /** What went wrong, in an answer without a text. */
  error: JsonPath | null;
}

/** What an answer comes to, and the conversation it belongs to. */
export interface RuledAnswer {
  outcome: Outcome;
  conversation: string | null;
}

/** Reads a complete answer with a body: JSON, or a stream of events with JSON in them, whatever its type says. */
export function readByRules({ headers, body }: AgentAnswer, rules: ReplyRules): RuledAnswer {
  const type = headers['content-type'] ?? '';
  const text = decodeText(body, charsetOf(headers));
  const document = parseJson(text);
  if (document === undefined) {
    const form = formOfBody(type, text);
    if (form === 'events') return readStream(text, rules);
    if (form === 'page') {
      const title = cutUtf8(titleOf(text), 80).value;
      return bad(`the answer is a web page: ${title}`, 'give --http the address that answers in JSON');
    }
    const start = cutUtf8(terminalText(text).replace(/\s+/g, ' ').trim(), 80).value;
    return bad(`the response is not JSON but ${type || 'of no type'}: ${start}`, null);
  }
  const reply = textAt(document, rules.reply);
  return outcomeOf([document], reply === null ? null : [reply], rules);
}

function readStream(text: string, rules: ReplyRules): RuledAnswer {
  const events = parseEventStream(text);
  const { texts, error, isWhole } = rules.stream.read(events);
  if (error !== null) return refusal(error);
  if (!isWhole) {
    const detail = 'the stream ended before the answer was complete';
    return { outcome: serviceRetry(detail), conversation: null };
  }
  return outcomeOf(
    events.map(({ data }) => data).filter((data) => data !== undefined),
    texts,
    rules,
  );
}

function outcomeOf(documents: readonly unknown[], texts: string[] | null, rules: ReplyRules): RuledAnswer {
  const conversation = lastOf(documents, rules.conversation);
  if (texts?.some((text) => Buffer.byteLength(text) > MAX_TEXT_BYTES))
    return { outcome: failed('too-large', 'the text is longer than 1 MiB'), conversation };
  const outcome = replyOf((texts ?? []).map((text) => textPiece(withoutThinking(text))));
  if (outcome.kind === 'reply') return { outcome, conversation };
  const error = lastOf(documents, rules.error);
  if (error !== null) return refusal(error);
  if (texts !== null) return { outcome, conversation };
  const top = documents.find(isObject);
  const keys = Object.keys(top ?? {})
    .slice(0, 20)
    .join(', ');
  return bad(
    `the response has no text at ${rules.reply.text}`,
    top
      ? `the top of the response has ${keys || 'nothing'}; give --http-reply the path`
      : 'the top of the response is not an object; give --http-reply the path',
  );
}

/** The last text at a path that is not blank. */
function lastOf(documents: readonly unknown[], path: JsonPath | null): string | null {
  if (path === null) return null;
  const found = documents.map((document) => textAt(document, path)?.trim()).filter(Boolean);
  return found.at(-1) ?? null;
}

function refusal(error: string): RuledAnswer {
  return { outcome: failed('http', errorDetail(error)), conversation: null };
}

function bad(detail: string, hint: string | null): RuledAnswer {
  return { outcome: failed('bad-output', detail, hint), conversation: null };
}
