import { isObject } from '../../core/object.ts';
import { cutUtf8 } from '../../core/text-bytes.ts';
import { createEventReader } from '../http/response/event-stream.ts';
import { parseJson } from '../reply/reply-line.ts';
import { MAX_STREAM_BYTES } from '../reply/reply-stream.ts';
import { errorIn, type ServerError } from './server-error.ts';

/** What a chat-completions server said, whole. */
export interface ModelAnswer {
  text: string;
  /** Why the model stopped; null: it did not, the answer was cut. */
  finish: string | null;
  /** It thought, in fields beside the text. */
  hasThought: boolean;
  /** The field in which it has answered otherwise than by text; null: in none. */
  untold: string | null;
  /** The server said that something went wrong. */
  error: ServerError | null;
  /** What is odd, where it is no answer of such a server. */
  odd: string | null;
}

/** The most that is read of an answer: what a command may print, and as much again for its thinking. */
const MAX_ANSWER_UNITS = 2 * 1024 * 1024;

/** Parts of a content in which nothing is said: the model's thinking, whatever it is called. */
const THOUGHT_PART = /think|thought|reason|redacted/i;
const THOUGHT_FIELDS = [
  ...['reasoning_content', 'reasoning', 'reasoning_details'],
  ...['thinking', 'thinking_content', 'thinking_blocks', 'thought'],
];

/** Where servers put pictures and sound. */
const UNTOLD_FIELDS = ['images', 'audio'];

/** `[DONE]`, and a chunk that says why the model stopped, as the last or only line of those that a carriage return ends. */
const DONE = /^data: ?\[DONE\]/;
const UNENDED_DONE = /(?:^|\r)data: ?\[DONE\]\s*$/;
const FINISH = /^data: ?\{.*"finish_reason"\s*:\s*"[^"]/s;

/** Reads an answer line by line, in the forms in which servers give it. */
export interface AnswerReader {
  /** Takes a line without its newline; false: the answer is over, and nothing behind it counts. */
  take(line: string, isCut: boolean): boolean;
  /** Looks at a line whose newline may never come; true: the answer is over with it. It is taken again when it has ended. */
  look(unended: string): boolean;
  /** Whether the model has said why it stopped: nothing of weight comes behind that. */
  readonly isFinished: boolean;
  /** What it came to; to be called once, behind the last line. */
  end(): ModelAnswer;
}

/** Reads an answer: events up to `[DONE]`, a JSON document, or a chunk a line. An overlong one is `too-large`. */
export function createAnswerReader(): AnswerReader {
  const events = createEventReader();
  let form: 'events' | 'document' | 'other' | null = null;
  const document: string[] = [];
  let documentUnits = 0;
  const answer: ModelAnswer = {
    text: '',
    finish: null,
    hasThought: false,
    untold: null,
    error: null,
    odd: null,
  };
  let hasChoices = false;
  let isOver = false;
  /** What says why the model stopped, but is no event yet: the end of its line, or the empty line behind it, has not come. */
  let unended: string | null = null;
  let seen: Record<string, unknown> | null = null;

  /** False: no more is needed. */
  function takeObject(value: unknown): boolean {
    if (value === null) return true;
    const chunk = Array.isArray(value) ? value[0] : value;
    if (!isObject(chunk)) {
      answer.odd ??= `the response is a ${Array.isArray(value) ? 'list' : typeof value}, not an object`;
      return false;
    }
    seen = chunk;
    const choices = Array.isArray(chunk.choices) ? chunk.choices : null;
    // The last chunk of some servers tells of usage and has no choices.
    const choice = choices?.find(isObject) ?? null;
    answer.error ??= errorIn(chunk, choice !== null) ?? (choice && errorIn(choice, true));
    if (answer.error) return false;
    hasChoices ||= choice !== null;
    if (choice) takeChoice(choice);
    if (answer.text.length > MAX_ANSWER_UNITS) answer.finish = 'too-large';
    return answer.finish !== 'too-large' && answer.odd === null;
  }

  function takeChoice(choice: Record<string, unknown>): void {
    const message = [choice.delta, choice.message].find(isObject) ?? {};
    answer.hasThought ||= THOUGHT_FIELDS.some((field) => hasContent(message[field]));
    answer.untold ??= UNTOLD_FIELDS.find((field) => hasContent(message[field])) ?? null;
    // `text`: of servers that answer as the older completions did.
    answer.text += said(message.content) || said(message.refusal) || said(choice.text);
    if (typeof choice.finish_reason === 'string' && choice.finish_reason !== '')
      answer.finish = choice.finish_reason;
  }

  /** The text of a content: a text, or a list of parts. */
  function said(content: unknown): string {
    if (content === undefined || content === null) return '';
    if (typeof content === 'string') return content;
    if (typeof content !== 'object') {
      answer.odd ??= `the content of the answer is a ${typeof content}`;
      return '';
    }
    return (Array.isArray(content) ? content : [content]).map(saidInPart).join('');
  }

  function saidInPart(part: unknown): string {
    if (typeof part === 'string') return part;
    if (isObject(part)) {
      if (typeof part.type === 'string' && THOUGHT_PART.test(part.type)) {
        answer.hasThought = true;
        return '';
      }
      const text = isObject(part.text) ? part.text.value : part.text;
      for (const one of [text, part.content, part.refusal]) if (typeof one === 'string') return one;
    }
    const what = isObject(part) ? `of the type ${shown(part.type)}` : `that is ${shown(part)}`;
    answer.odd ??= `the content of the answer has a part ${what}`;
    return '';
  }

  function takeEvent(line: string): boolean {
    // Some servers keep the connection, and leave out the empty lines around it.
    const isDone = DONE.test(line);
    const event = events.take(isDone ? '' : line);
    if (event !== null) unended = null;
    if (FINISH.test(line)) unended = '';
    const goesOn = event === null || takeData(event);
    if (isDone) answer.finish ??= 'stop';
    return goesOn && !isDone;
  }

  function takeData({ name, text }: { name: string; text: string }): boolean {
    if (text.trim() === '') return true;
    const value = parseJson(text);
    if (value !== undefined) return takeObject(name === 'error' && isObject(value) ? asError(value) : value);
    // What is no object at all is a sign of life.
    if (!text.trimStart().startsWith('{')) return true;
    answer.odd = `a piece of the response is not JSON: ${shown(text)}`;
    return false;
  }

  function takeDocument(): void {
    const text = document.join('\n');
    const whole = parseJson(text);
    if (whole !== undefined) {
      takeObject(whole);
      if (hasChoices) answer.finish ??= 'stop';
      return;
    }
    const chunks = document.filter((line) => line.trim() !== '').map(parseJson);
    if (chunks.length > 1 && chunks.every(isObject)) {
      chunks.every(takeObject);
      return;
    }
    answer.odd = `the response is not JSON: ${shown(text)}`;
  }

  return {
    take(line, isCut) {
      if (unended !== '') unended = null;
      if (isCut) {
        answer.odd = 'a piece of the response is longer than 1 MiB';
        answer.finish = 'too-large';
        return false;
      }
      if (form === null) {
        const start = line.trimStart();
        if (start === '') return true;
        if (/^[{[]/.test(start)) form = 'document';
        else form = /^(?:data|event|id|retry)?:/.test(start) ? 'events' : 'other';
      }
      if (form === 'events') {
        // A carriage return ends a line by itself, and together with a newline.
        isOver = !line.replace(/\r$/, '').split('\r').every(takeEvent);
        return !isOver;
      }
      document.push(line);
      documentUnits += line.length;
      if (documentUnits > MAX_STREAM_BYTES) answer.finish = 'too-large';
      // Behind what is none of these, nothing changes that.
      return answer.finish !== 'too-large' && form === 'document';
    },
    look(line) {
      if (form === 'document' || form === 'other') return false;
      if (UNENDED_DONE.test(line)) return true;
      if (FINISH.test(line) && parseJson(line.slice(line.indexOf('{'))) !== undefined) {
        form = 'events';
        unended = line;
      }
      return false;
    },
    get isFinished() {
      return answer.finish !== null || unended !== null;
    },
    end() {
      if (form === 'events' && !isOver && unended) isOver = !takeEvent(unended);
      if (answer.finish === 'too-large') return answer;
      if (form === 'document') takeDocument();
      if (form === 'other') {
        const text = document.join('\n');
        answer.odd = /^\s*<(?:!doctype|html|head|body|\?xml)/i.test(text)
          ? 'the response is a web page'
          : `the response is not JSON: ${shown(text)}`;
      }
      if (form === 'events' && !isOver) {
        // What was cut in the middle of an event is no JSON, and none of it.
        const last = parseJson(events.take('')?.text ?? '');
        if (last !== undefined) takeObject(last);
      }
      if (!hasChoices && !answer.error && seen !== null) {
        answer.odd ??= `the answer has no choices, but ${fieldsOf(seen) || 'nothing'}`;
      }
      return answer;
    },
  };
}

/** What an event of the name `error` has is one, in whatever form. */
function asError(value: Record<string, unknown>): Record<string, unknown> {
  return Array.isArray(value.choices) || errorIn(value, false) ? value : { error: value };
}

function fieldsOf(value: Record<string, unknown>): string {
  const fields = Object.keys(value).filter((field) => field !== 'choices');
  return fields.slice(0, 20).join(', ');
}

function hasContent(value: unknown): boolean {
  if (typeof value === 'string') return value.trim() !== '';
  return typeof value === 'object' && value !== null && Object.keys(value).length > 0;
}

function shown(value: unknown): string {
  const text = typeof value === 'string' ? value : (JSON.stringify(value) ?? 'undefined');
  return cutUtf8(text.replace(/\s+/g, ' ').trim(), 80).value;
}
