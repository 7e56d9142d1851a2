import { isTransientStatus } from '../../core/http/status.ts';
import { isObject } from '../../core/object.ts';

/** What a chat-completions server says went wrong. */
export interface ServerError {
  message: string;
  /** An HTTP status, where it names one. */
  status: number | null;
  /** Codes and types as it writes them, for recognition only. */
  words: string;
}

/** What passes by itself, in the words of many servers; and what does not. */
const PASSING =
  /rate.?limit|too.?many|overload|unavailable|busy|time.?out|timed.?out|internal|server.?error|exhausted|try.?again|capacity/i;
const FINAL =
  /invalid|auth|permission|denied|forbidden|not.?found|no.?such|quota|billing|balance|unsupported|content.?(?:filter|policy)|moderation|arrears/i;

/** That the conversation is longer than the model takes, in the words of many servers. */
const TOO_LONG = new RegExp(
  [
    'context_length|exceed_context|context.?window.?exceed|string_above_max|max_prompt_tokens|prompt_too_long',
    // OpenAI, vLLM, DeepSeek; llama.cpp; LM Studio; Ollama; gateways.
    '(?:context|prompt|input|sequence|token)\\s*(?:length|size|window|limit|count)s?\\b[^.]{0,80}(?:exceed|greater|larger|longer|beyond|over|too|should be|less than)',
    '(?:exceed|greater|larger|longer|beyond|more than|over)[^.]{0,60}(?:context|maximum (?:model )?length|max(?:imum)?[ _](?:number of )?(?:input )?tokens|token limit|prompt length)',
    'maximum (?:context|prompt|input|sequence)|max_model_len|context overflow|tokens exceed',
    '(?:prompt|input|message|conversation|context)s?\\b[^.]{0,30}\\btoo (?:long|large|big|many)',
    'too many (?:input |prompt )?tokens',
    'reduce the length|shorten your|please reduce',
    'tokens? to keep from the initial prompt|Trying to keep the first',
    'inputs`? (?:tokens )?(?:\\+|must have less)',
    '(?:上下文|输入|提示词?|prompt)[^。]{0,20}(?:超|过长|太长)|超[^。]{0,20}(?:上下文|最大(?:长度|输入|token))',
  ].join('|'),
  'i',
);

/** The error that a JSON document reports; null: none. With `hasAnswer` only what is called an error is one. */
export function errorIn(document: Record<string, unknown>, hasAnswer: boolean): ServerError | null {
  const { error, errors, base_resp: base } = document;
  const listed = Array.isArray(errors) ? errors[0] : null;
  for (const one of [error, listed]) {
    if (typeof one === 'string' && one.trim() !== '') return errorOf({ ...document, message: one });
    if (isObject(one) && (Object.keys(one).length > 0 || !hasAnswer)) return errorOf(one);
  }
  if (hasAnswer) return null;
  if (error === true || document.object === 'error') return errorOf(document);
  if (isObject(base) && base.status_code !== 0)
    return errorOf({ code: base.status_code, message: base.status_msg });
  const named = [document.message, document.msg, document.detail, document.error_msg, document.errorMessage];
  return named.some((one) => typeof one === 'string') || document.detail ? errorOf(document) : null;
}

export function errorOfText(text: string): ServerError {
  return { message: text, status: null, words: '' };
}

/** Whether it is worth asking again; `status` is that of the answer. */
export function isPassing({ message, status: named, words }: ServerError, status: number): boolean {
  const known = status >= 400 ? status : named;
  if (known !== null) return isTransientStatus(known);
  if (PASSING.test(words)) return true;
  return !FINAL.test(words === '' ? message : words);
}

/** Whether it says that the conversation has grown too long for the model. */
export function isTooLong({ message, words, status: named }: ServerError, status: number): boolean {
  // A limit on what one may ask in a minute is none on what is asked.
  if (status === 429 || named === 429) return false;
  return status === 413 || TOO_LONG.test(`${words} ${message}`);
}

function errorOf(value: Record<string, unknown>): ServerError {
  const { code, type, status, status_code: statusCode } = value;
  const numbers = [status, statusCode, code].map(Number).filter((one) => one >= 400 && one <= 599);
  const text = [
    value.message,
    value.msg,
    value.detail,
    value.error_msg,
    value.errorMessage,
    value.reason,
  ].find((one) => typeof one === 'string' && one.trim() !== '');
  return {
    message: typeof text === 'string' ? text : JSON.stringify(value),
    status: numbers[0] ?? null,
    words: [code, type, status].filter((one) => typeof one === 'string').join(' '),
  };
}
