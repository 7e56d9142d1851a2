import type { Outcome } from '../../core/message.ts';
import { terminalText } from '../../core/terminal.ts';
import { shownSize } from '../../core/units.ts';
import { failed, replyOf, textPiece } from '../outcomes.ts';
import { decodeText } from '../output.ts';
import { isObject, parseJson } from '../reply-line.ts';
import { MAX_STREAM_BYTES, type ReplyStream } from '../reply-stream.ts';
import { cutUtf8, lastLineOf } from '../text-bytes.ts';
import { type FileContext, readReplyFile } from './files.ts';
import type { AgentAnswer } from './sender.ts';

const MEBIBYTE = 1024 * 1024;

/** Longest text of an answer (contract 4). */
export const MAX_TEXT_BYTES = MEBIBYTE;

/** Longest body that may carry more than a text, like files as base64. */
export const MAX_BODY_BYTES = 32 * MEBIBYTE;

const HINT =
  'answer 2xx with an empty body, text/plain, or JSON: {"text": "..."}, {"files": [{"path": "..."}]} or {"silent": true}';

/** The longest body worth reading of an answer of this type. */
export function bodyLimitBytes(contentType: string): number {
  const form = formOf(contentType);
  if (form === 'lines') return MAX_STREAM_BYTES;
  return form === 'json' ? MAX_BODY_BYTES : MAX_TEXT_BYTES;
}

/** Whether an answer is one in JSON lines, which are acted on while they arrive. */
export function isStream({ status, headers }: Pick<AgentAnswer, 'status' | 'headers'>): boolean {
  return isOk(status) && isPlain(headers) && formOf(headers['content-type'] ?? '') === 'lines';
}

/**
 * What a complete answer means (contract 4). `stream` is what took its lines, if it had any; `nowMs` is what a
 * date in Retry-After is compared with.
 */
export async function outcomeOfAnswer(
  answer: AgentAnswer,
  context: FileContext,
  stream: Pick<ReplyStream, 'bad'>,
  nowMs: number,
): Promise<Outcome> {
  if (stream.bad !== null) return failed('bad-output', stream.bad.detail, stream.bad.hint);
  const decided = outcomeBeforeBody(answer, nowMs, bodyLimitBytes(answer.headers['content-type'] ?? ''));
  return decided ?? readAnswer(answer, context);
}

/** What status, size and encoding say of an answer by themselves; null when its body is to be read. */
export function outcomeBeforeBody(answer: AgentAnswer, nowMs: number, limitBytes: number): Outcome | null {
  const { status, headers, body } = answer;
  if (status === 429 || status >= 500) {
    return { kind: 'retry', afterMs: retryAfterMs(headers['retry-after'], nowMs), detail: withBody(answer) };
  }
  if (status >= 300 && status < 400) {
    return failed('http', `HTTP ${status}: redirects are not followed`, 'give --http the final URL');
  }
  if (!isOk(status)) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: shown to people as it is.
    const hint = "--header 'Authorization: Bearer ${KEY}' sends a key";
    return failed('http', withBody(answer), status === 401 || status === 403 ? hint : undefined);
  }
  if (answer.tooLarge) {
    return failed('too-large', `the answer is longer than ${shownSize(limitBytes)}`);
  }
  if (body.length === 0) return { kind: 'silent' };
  if (isPlain(headers)) return null;
  return badOutput(`the answer is compressed (${headers['content-encoding']}), which was not asked for`);
}

async function readAnswer({ headers, body }: AgentAnswer, context: FileContext): Promise<Outcome> {
  const contentType = headers['content-type'] ?? '';
  switch (formOf(contentType)) {
    case 'text':
      return replyOf([textPiece(decodeText(body, /charset="?([^\s;"]+)/i.exec(contentType)?.[1]))]);
    case 'json':
      return readObject(parseJson(decodeText(body)), context);
    case 'lines':
      // Its lines were taken while it came.
      return { kind: 'silent' };
    case 'other':
      return badOutput(
        contentType === '' ? 'the answer has no content-type' : `the answer is of the type ${contentType}`,
      );
  }
}

async function readObject(value: unknown, context: FileContext): Promise<Outcome> {
  if (!isObject(value)) return badOutput('the answer is no JSON object');
  const { text, files, silent } = value;
  if (silent === true) {
    return text === undefined && files === undefined
      ? { kind: 'silent' }
      : badOutput('the answer has silent and something to say');
  }
  if (text === undefined && files === undefined) {
    return badOutput(
      `the answer has none of text, files and silent, but ${Object.keys(value).join(', ') || 'nothing'}`,
    );
  }
  if (text !== undefined && typeof text !== 'string') return badOutput('text is no string');
  if (files !== undefined && !Array.isArray(files)) return badOutput('files is no list');
  if (Buffer.byteLength(text ?? '') > MAX_TEXT_BYTES) return failed('too-large', 'text is longer than 1 MiB');

  const pieces = [textPiece(text ?? '')];
  for (const [index, entry] of (files ?? []).entries()) {
    const file = await readReplyFile(entry, index, context);
    if ('bad' in file) return badOutput(file.bad);
    pieces.push(file.piece);
  }
  return replyOf(pieces);
}

function isOk(status: number): boolean {
  return status >= 200 && status < 300;
}

function isPlain(headers: Record<string, string>): boolean {
  return (headers['content-encoding'] ?? 'identity') === 'identity';
}

function formOf(contentType: string): 'text' | 'json' | 'lines' | 'other' {
  const type = contentType.split(';', 1)[0]?.trim().toLowerCase() ?? '';
  if (type === 'application/x-ndjson') return 'lines';
  if (type === 'application/json' || type.endsWith('+json')) return 'json';
  return type.startsWith('text/') ? 'text' : 'other';
}

/** Seconds or a date (RFC 9110 10.2.3) as milliseconds from now; null when absent or unreadable. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null;
  if (/^\d+$/.test(header.trim())) return Number(header) * 1000;
  const dateMs = Date.parse(header);
  return Number.isNaN(dateMs) ? null : Math.max(0, dateMs - nowMs);
}

/** The status with what the server says about it, since the log is where its owner looks. */
function withBody({ status, body }: AgentAnswer): string {
  const line = lastLineOf(terminalText(decodeText(body)));
  return line === '' ? `HTTP ${status}` : `HTTP ${status}: ${cutUtf8(line, 300).value}`;
}

function badOutput(detail: string): Outcome {
  return failed('bad-output', detail, HINT);
}
