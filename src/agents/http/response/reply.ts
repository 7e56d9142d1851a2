import { reasonOf } from '../../../core/errors.ts';
import { EncodingError } from '../../../core/http/content-encoding.ts';
import { isTransientStatus } from '../../../core/http/status.ts';
import { MAX_ANSWER_FILES, type Outcome } from '../../../core/message/message.ts';
import { isObject } from '../../../core/object.ts';
import { terminalText } from '../../../core/terminal.ts';
import { cutUtf8, lastLineOf } from '../../../core/text-bytes.ts';
import { retryAfterOf } from '../../../core/time/backoff.ts';
import { shownSize } from '../../../core/units.ts';
import { type FileContext, readReplyFile, sourceOf } from '../../reply/files.ts';
import { failed, missingFile, replyOf, textPiece } from '../../reply/outcomes.ts';
import { decodeText } from '../../reply/output.ts';
import { isGiven, parseJson, unreadFields } from '../../reply/reply-line.ts';
import { MAX_STREAM_BYTES, type ReplyStream } from '../../reply/reply-stream.ts';
import type { AgentAnswer } from '../client/sender.ts';
import { formOfBody, isDeclaredLines, REPLY_FIELDS, titleOf } from './body-form.ts';

const MEBIBYTE = 1024 * 1024;

/** Longest text of an answer. */
export const MAX_TEXT_BYTES = MEBIBYTE;

/** Longest body that may carry more than a text, like files as base64. */
export const MAX_BODY_BYTES = 32 * MEBIBYTE;

const HINT =
  'answer 2xx with an empty body, text/plain, or JSON: {"text": "..."}, {"files": [{"path": "..."}]} or {"silent": true}';

/** The longest body worth reading of an answer. */
export function bodyLimitBytes({ headers }: Pick<AgentAnswer, 'headers'>): number {
  return isDeclaredLines(headers['content-type'] ?? '') ? MAX_STREAM_BYTES : MAX_BODY_BYTES;
}

/** Whether an answer is one in JSON lines, which are acted on while they arrive. */
export function isStream({ status, headers }: Pick<AgentAnswer, 'status' | 'headers'>): boolean {
  return isOk(status) && isDeclaredLines(headers['content-type'] ?? '');
}

/** What reading an answer needs. */
export interface ReplyContext extends FileContext {
  /** Gets the names of fields that nobody reads. */
  noteUnread(fields: readonly string[]): void;
}

/** What a complete answer means. `stream` took its lines, if any; a date in Retry-After is compared with `nowMs`. */
export async function outcomeOfAnswer(
  answer: AgentAnswer,
  context: ReplyContext,
  stream: ReplyStream,
  nowMs: number,
): Promise<Outcome> {
  if (stream.bad !== null) return badLine(stream.bad);
  const decided = outcomeBeforeBody(answer, nowMs, bodyLimitBytes(answer));
  return decided ?? readAnswer(answer, context, stream);
}

/** What status and size say of an answer by themselves; null when its body is to be read. */
export function outcomeBeforeBody(answer: AgentAnswer, nowMs: number, limitBytes: number): Outcome | null {
  const { status, headers, body } = answer;
  if (isTransientStatus(status)) {
    const detail = withBody(answer);
    if (FINAL_TROUBLE.test(detail)) return failed('http', detail, WORKFLOW_HINT);
    return serviceRetry(detail, retryAfterMs(headers['retry-after'], nowMs));
  }
  if (status >= 300 && status < 400) {
    return failed('http', `HTTP ${status}: redirects are not followed`, 'give --http the final URL');
  }
  if (!isOk(status)) {
    // biome-ignore lint/suspicious/noTemplateCurlyInString: shown to people as it is.
    const hint = "--header 'Authorization: Bearer ${KEY}' sends a key";
    const detail = withBody(answer);
    if (NOT_REGISTERED.test(detail))
      return failed('http', detail, 'publish the workflow in n8n (before n8n 2: activate it)');
    return failed('http', detail, status === 401 || status === 403 ? hint : undefined);
  }
  if (answer.tooLarge) return tooLarge(limitBytes);
  return body.length === 0 ? { kind: 'silent' } : null;
}

/** What n8n says of a workflow that failed, or cannot answer: it has run, and would fail again. */
const FINAL_TROUBLE =
  /Error in workflow|Workflow could not be started|Respond to Webhook.{0,20} node|Webhook node not correctly configured/i;
const WORKFLOW_HINT = 'n8n lists under Executions what went wrong';
const NOT_REGISTERED = /requested webhook .* is not registered/;

async function readAnswer(
  { headers, body }: AgentAnswer,
  context: ReplyContext,
  stream: ReplyStream,
): Promise<Outcome> {
  const contentType = headers['content-type'] ?? '';
  // Its lines were taken while it came.
  if (isDeclaredLines(contentType)) return { kind: 'silent' };
  const text = decodeText(body, charsetOf(headers));
  switch (formOfBody(contentType, text)) {
    case 'text':
      return body.length > MAX_TEXT_BYTES ? tooLarge(MAX_TEXT_BYTES) : replyOf([textPiece(text)]);
    case 'json':
      return readObject(parseJson(text.trim()), context);
    case 'lines':
      for (const line of text.split('\n')) await stream.take(line, { cut: false, half: false });
      return stream.bad === null ? { kind: 'silent' } : badLine(stream.bad);
    case 'events':
      return failed(
        'bad-output',
        'the answer is a stream of events',
        `--http-reply <path> reads one; or ${HINT}`,
      );
    case 'page':
      return badOutput(`the answer is a web page: ${cutUtf8(titleOf(text), 80).value}`);
    case 'other':
      return badOutput(
        contentType === ''
          ? 'the response is not text and has no content-type'
          : `the answer is of the type ${contentType}`,
      );
  }
}

async function readObject(value: unknown, context: ReplyContext): Promise<Outcome> {
  if (!isObject(value)) return badOutput('the response is not a JSON object');
  const { text, silent, name } = value;
  const isSaid = [text, ...FILE_FIELDS.map((field) => value[field])].some(isGiven);
  if (silent === true) {
    return isSaid ? badOutput('the response has both silent and a reply') : { kind: 'silent' };
  }
  if (!isSaid) return nothingSaid(value);
  if (isGiven(text) && typeof text !== 'string') return badOutput('text must be a string');
  const said = typeof text === 'string' ? text : '';
  if (Buffer.byteLength(said) > MAX_TEXT_BYTES) return failed('too-large', 'text is longer than 1 MiB');
  context.noteUnread(
    unreadFields(value, [...REPLY_FIELDS, 'typing', ...(typeof value.file === 'string' ? ['name'] : [])]),
  );

  const pieces = [textPiece(said)];
  const entries = FILE_FIELDS.flatMap((field) => entriesOf(value[field], field, name));
  for (const [index, { where, entry }] of entries.entries()) {
    pieces.push(
      index < MAX_ANSWER_FILES
        ? await readReplyFile(entry, where, index, context)
        : missingFile(where, 'too-many', `${where} is more than the ${MAX_ANSWER_FILES} files of an answer`),
    );
  }
  return replyOf(pieces);
}

/** Where an answer has its files: in our own form (`files`), as lines have it, and as others do. */
const FILE_FIELDS = ['files', 'file', 'attachments'];

/** The files of one field: a list, or a single one, to which a `name` beside it belongs. */
function entriesOf(value: unknown, field: string, name: unknown): { where: string; entry: unknown }[] {
  if (!isGiven(value)) return [];
  if (Array.isArray(value)) return value.map((entry, index) => ({ where: `${field}[${index}]`, entry }));
  const entry =
    typeof value === 'string' && field === 'file' && typeof name === 'string'
      ? { ...sourceOf(value), name }
      : value;
  return [{ where: field, entry }];
}

function nothingSaid(value: Record<string, unknown>): Outcome {
  const { error } = value;
  const reason = isObject(error) ? error.message : error;
  if (typeof reason === 'string' && reason.trim() !== '') return failed('http', errorDetail(reason), HINT);
  const fields = Object.keys(value);
  return badOutput(
    `the answer has none of text, files and silent, but ${cutUtf8(fields.slice(0, 20).join(', '), 300).value || 'nothing'}`,
  );
}

/** What a service said went wrong, as a detail. */
export function errorDetail(error: string): string {
  return `the service answered with an error: ${cutUtf8(terminalText(error).replace(/\s+/g, ' '), 300).value}`;
}

/** The network, whatever is wrong with it, is tried again; an encoding that nobody knows stays unknown. */
export function notReached(error: unknown): Outcome {
  if (error instanceof EncodingError && error.fault === 'unknown') return badOutput(error.message);
  // Where a name has several addresses the message of the joint error is empty.
  const { code } = error as NodeJS.ErrnoException;
  return serviceRetry(`not reached: ${reasonOf(error) || code || 'network error'}`);
}

/** What it comes to that a service does not answer properly just now. */
export function serviceRetry(detail: string, afterMs: number | null = null): Outcome {
  return { kind: 'retry', afterMs, detail, reason: 'http' };
}

/** Whether a status says that all went well. */
export function isOk(status: number): boolean {
  return status >= 200 && status < 300;
}

/** Seconds or a date (RFC 9110 10.2.3) as milliseconds from now; null when absent, or no wait that anybody keeps. */
export function retryAfterMs(header: string | undefined, nowMs: number): number | null {
  if (header === undefined) return null;
  if (/^\d+(?:\.\d+)?$/.test(header.trim())) return retryAfterOf(Number(header) * 1000);
  // A date begins with its day; what else `Date` would read is none.
  const dateMs = /^[a-z]{3}/i.test(header.trim()) ? Date.parse(header) : Number.NaN;
  return retryAfterOf(Math.max(0, dateMs - nowMs));
}

/** The status with what the server says about it, since the log is where its owner looks. */
export function withBody({ status, headers, body }: AgentAnswer): string {
  const line = lastLineOf(terminalText(decodeText(endOf(body), charsetOf(headers))));
  return line === '' ? `HTTP ${status}` : `HTTP ${status}: ${cutUtf8(line, 300).value}`;
}

/** The encoding of a text that its type names. */
export function charsetOf(headers: AgentAnswer['headers']): string | undefined {
  return /charset="?([^\s;"]+)/i.exec(headers['content-type'] ?? '')?.[1];
}

/** How much of a body its last line is looked for in, and how much of an overlong line is read. */
const END_BYTES = 64 * 1024;

/** The end of a body: whole, or from the beginning of its last line on, however long that is. */
function endOf(body: Buffer): Buffer {
  if (body.length <= END_BYTES) return body;
  let end = body.length;
  while (end > 0 && BLANK_BYTES.has(body[end - 1] ?? 0)) end--;
  const start = body.subarray(0, end).lastIndexOf('\n') + 1;
  return body.subarray(start, Math.min(end, start + END_BYTES));
}

/** Blanks, tabs and line ends. */
const BLANK_BYTES: ReadonlySet<number> = new Set([9, 10, 13, 32]);

function badLine({ detail, hint }: { detail: string; hint?: string }): Outcome {
  return failed('bad-output', detail, hint);
}

function tooLarge(limitBytes: number): Outcome {
  return failed('too-large', `the answer is longer than ${shownSize(limitBytes)}`);
}

function badOutput(detail: string): Outcome {
  return failed('bad-output', detail, HINT);
}
