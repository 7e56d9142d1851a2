import { StringDecoder } from 'node:string_decoder';
import { isObject } from '../../../core/object.ts';
import { parseJson } from '../../reply/reply-line.ts';

/** One event of a `text/event-stream`. */
export interface StreamEvent {
  /** What its `event:` line says; '' without one. */
  name: string;
  /** Its data as JSON; undefined when it is not JSON. */
  data: unknown;
  /** Its data is the `[DONE]` that ends many streams. */
  isDone: boolean;
}

/** An event whose data is not read yet. */
interface RawEvent {
  name: string;
  text: string;
}

/** Puts the lines of a stream together to events (HTML standard, 9.2.6). */
export interface EventReader {
  /** Takes a line without its newline; returns the event that it, or the line before it, ends. */
  take(line: string): RawEvent | null;
  /** The event as it would be if this line were its last; null while it has no data. */
  peek(line: string): RawEvent | null;
}

/** Data that goes on with no object. */
const EVENT_START = /^\s*(?:\{|"?\[DONE\])/;

/** Reads the events of one stream, whose byte order mark is gone. */
export function createEventReader(): EventReader {
  let name = '';
  let data: string[] = [];
  /** Whether a line begins the next event: some servers leave out the empty line behind one. */
  function isNext(field: string, value: string): boolean {
    const mayBegin = field === 'event' ? name !== '' : field === 'data' && EVENT_START.test(value);
    return mayBegin && data.length > 0 && isObject(parseJson(data.join('\n')));
  }

  function end(): RawEvent | null {
    const event = data.length > 0 ? { name, text: data.join('\n') } : null;
    name = '';
    data = [];
    return event;
  }

  return {
    take(line) {
      if (line === '') return end();
      const [field, value] = fieldOf(line);
      const event = isNext(field, value) ? end() : null;
      if (field === 'event') name = value;
      if (field === 'data') data.push(value);
      return event;
    },
    peek(line) {
      const [field, value] = fieldOf(line);
      const before = isNext(field, value) ? { name: '', data: [] } : { name, data };
      const texts = field === 'data' ? [...before.data, value] : before.data;
      return texts.length > 0
        ? { name: field === 'event' ? value : before.name, text: texts.join('\n') }
        : null;
    },
  };
}

function fieldOf(line: string): [field: string, value: string] {
  const [, field = '', value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
  return [field, value];
}

/** Reads a whole stream. The last event counts also without the empty line behind it, which some servers leave out. */
export function parseEventStream(text: string): StreamEvent[] {
  const reader = createEventReader();
  return [...text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/), '']
    .map((line) => reader.take(line))
    .filter((event) => event !== null)
    .map(readEvent);
}

function readEvent({ name, text }: RawEvent): StreamEvent {
  // Some servers make JSON of that, too.
  const isDone = /^\s*(?:\[DONE\]|"\[DONE\]")\s*$/.test(text);
  return { name, data: isDone ? undefined : parseJson(text), isDone };
}

/** Longer events are looked at only when they are whole. */
const MAX_LOOK_CHARS = 64 * 1024;

/**
 * Looks at the bytes of a stream as they come. What it returns says whether the last event has come: nothing behind it
 * counts, and the server may keep the connection open. As some of those leave out the empty line behind it, or even its
 * newline, data that is whole by itself is enough.
 */
export function createEndWatch(isLast: (event: StreamEvent) => boolean): (chunk: Uint8Array) => boolean {
  const reader = createEventReader();
  const decoder = new StringDecoder('utf8');
  let line = '';
  /** Of the lines of this event. */
  let eventChars = 0;
  let isBeginning = true;
  /** A newline that comes now belongs to the carriage return before it. */
  let isAfterReturn = false;

  function looksLast(unended: string): boolean {
    if (eventChars + unended.length > MAX_LOOK_CHARS) return false;
    const raw = reader.peek(unended);
    if (raw === null || !/[\]}"]\s*$/.test(raw.text)) return false;
    const event = readEvent(raw);
    return (event.isDone || event.data !== undefined) && isLast(event);
  }

  function takeLine(whole: string): boolean {
    const event = reader.take(whole);
    eventChars = event === null ? eventChars + whole.length : 0;
    return event === null ? looksLast('') : isLast(readEvent(event));
  }

  return (chunk) => {
    let text = decoder.write(Buffer.from(chunk.buffer, chunk.byteOffset, chunk.byteLength));
    if (text === '') return false;
    if ((isBeginning && text.startsWith('\uFEFF')) || (isAfterReturn && text.startsWith('\n')))
      text = text.slice(1);
    isBeginning = false;
    const pieces = text.split(/\r\n|\n|\r/);
    isAfterReturn = text.endsWith('\r');
    for (const piece of pieces.slice(0, -1)) {
      const whole = line + piece;
      line = '';
      if (takeLine(whole)) return true;
    }
    line += pieces.at(-1) ?? '';
    return line !== '' && looksLast(line);
  };
}

/** Whether a text is the raw frames of a stream: nothing but lines with its fields, and of data that are framed or JSON. */
export function isEventStream(text: string): boolean {
  const lines = text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/, 200);
  return (
    lines.some(
      (line, index) => /^data: ?[{[]/.test(line) || (line.startsWith('data:') && lines[index + 1] === ''),
    ) &&
    lines.every(
      (line) => line === '' || /^(?:(?:data|event|id|retry):|:|(?:data|event|id|retry)$)/.test(line),
    )
  );
}
