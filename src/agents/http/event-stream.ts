import { parseJson } from '../reply-line.ts';

/** One event of a `text/event-stream`. */
export interface StreamEvent {
  /** What its `event:` line says; '' without one. */
  name: string;
  /** Its data as JSON; undefined when it is none, like the `[DONE]` at the end of some streams. */
  data: unknown;
}

/**
 * Reads a whole `text/event-stream` (HTML standard, 9.2.6). The last event counts also without the empty
 * line behind it, which some servers leave out.
 */
export function parseEventStream(text: string): StreamEvent[] {
  const events: StreamEvent[] = [];
  let name = '';
  let data: string[] = [];
  for (const line of [...text.replace(/^\uFEFF/, '').split(/\r\n|\n|\r/), '']) {
    if (line === '') {
      if (data.length > 0) events.push({ name, data: parseJson(data.join('\n')) });
      name = '';
      data = [];
      continue;
    }
    const [, field, value = ''] = /^([^:]*)(?:: ?(.*))?$/s.exec(line) ?? [];
    if (field === 'event') name = value;
    if (field === 'data') data.push(value);
  }
  return events;
}
