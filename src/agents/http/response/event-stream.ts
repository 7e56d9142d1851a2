import { parseJson } from '../../reply/reply-line.ts';

/** One event of a `text/event-stream`. */
export interface StreamEvent {
  /** What its `event:` line says; '' without one. */
  name: string;
  /** Its data as JSON; undefined when it is none, like the `[DONE]` at the end of some streams. */
  data: unknown;
}

/** Puts the lines of a stream together to events (HTML standard, 9.2.6). */
export interface EventReader {
  /** Takes a line without its newline; returns the event that it ends, if any. */
  take(line: string): { name: string; text: string } | null;
}

/** Reads the events of one stream, whose byte order mark is gone. */
export function createEventReader(): EventReader {
  let name = '';
  let data: string[] = [];
  return {
    take(line) {
      if (line === '') {
        const event = data.length > 0 ? { name, text: data.join('\n') } : null;
        name = '';
        data = [];
        return event;
      }
      const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
      if (field === 'event') name = value;
      if (field === 'data') data.push(value);
      return null;
    },
  };
}

/** Reads a whole stream. The last event counts also without the empty line behind it, which some servers leave out. */
export function parseEventStream(text: string): StreamEvent[] {
  const reader = createEventReader();
  return [...text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/), '']
    .map((line) => reader.take(line))
    .filter((event) => event !== null)
    .map((event) => ({ name: event.name, data: parseJson(event.text) }));
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
