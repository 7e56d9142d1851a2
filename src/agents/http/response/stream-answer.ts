import { type JsonPath, parseJsonPath, textAt } from '../../../core/json-path.ts';
import type { StreamEvent } from './event-stream.ts';

/** What to do with some events of a stream. */
export interface StreamRule {
  /** Names of events it is for; without it any. */
  name?: readonly string[];
  /** What the data must have at these paths, one of the texts each. */
  where?: Readonly<Record<string, readonly string[]>>;
  /**
   * `append`: the text at `path` goes on with the answer; `replace`: it stands for all so far; `say`: it is a
   * message of its own; `fail`: it says what went wrong; `end`: nothing more is needed.
   */
  does: 'append' | 'replace' | 'say' | 'fail' | 'end';
  path?: string;
}

/** Reads the events of a stream by fixed rules. */
export interface StreamReader {
  /** What a whole stream comes to; nothing counts behind the event that ends it. */
  read(events: readonly StreamEvent[]): StreamAnswer;
  /** Whether an event ends the stream: `[DONE]`, one that a rule says so of, or one that says what went wrong. */
  isLast(event: StreamEvent): boolean;
}

/** What a whole stream comes to. */
export interface StreamAnswer {
  /** Messages of the answer; null when no event had a text for it. */
  texts: string[] | null;
  /** What the service said went wrong. */
  error: string | null;
  /** An event said that this is all. True where no rule tells. */
  isWhole: boolean;
}

/** Reads by rules; see {@link StreamRule}. The first rule that fits an event counts. */
export function createStreamReader(rules: readonly StreamRule[]): StreamReader {
  const prepared = rules.map(({ name, where = {}, does, path }) => ({
    does,
    name,
    where: Object.entries(where).map(([at, texts]) => ({ at: parseJsonPath(at, 'where'), texts })),
    path: path === undefined ? null : parseJsonPath(path, 'path'),
  }));
  const ruleFor = (event: StreamEvent) => prepared.find(({ name, where }) => isFor(event, name, where));

  function isLast(event: StreamEvent): boolean {
    const does = ruleFor(event)?.does;
    return event.isDone || does === 'end' || does === 'fail';
  }

  function read(events: readonly StreamEvent[]): StreamAnswer {
    const said: string[] = [];
    let appended: string | null = null;
    let error: string | null = null;
    let isWhole = !rules.some(({ does }) => does === 'end');
    for (const event of events) {
      const rule = ruleFor(event);
      const text = rule?.path ? textAt(event.data, rule.path) : null;
      if (event.isDone || rule?.does === 'end') isWhole = true;
      if (rule?.does === 'fail') error = text || event.name || 'no reason given';
      if (text !== null) {
        if (rule?.does === 'append') appended = (appended ?? '') + text;
        if (rule?.does === 'replace') appended = text;
        if (rule?.does === 'say') said.push(text);
      }
      if (isLast(event)) break;
    }
    const texts = appended === null ? said : [appended, ...said];
    return { texts: texts.length === 0 ? null : texts, error, isWhole };
  }

  return { read, isLast };
}

function isFor(
  { name, data }: StreamEvent,
  names: readonly string[] | undefined,
  where: readonly { at: JsonPath; texts: readonly string[] }[],
): boolean {
  if (names !== undefined && !names.includes(name)) return false;
  return where.every(({ at, texts }) => texts.includes(textAt(data, at) ?? ''));
}
