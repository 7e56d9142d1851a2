import { WxError } from './errors.ts';
import { isObject } from './object.ts';

/** Where in a JSON document a text stands: `answer`, `$.choices[0].message.content`, or several with `|` between. */
export interface JsonPath {
  /** As it was written. */
  readonly text: string;
  readonly alternatives: readonly (readonly string[])[];
}

/** `name` or `.name`; `[0]`, `['name']`. */
const STEP = /\.?([^.[\]|'"*?@$\s]+)|\[(?:(\d+)|'([^']*)'|"([^"]*)")\]/y;

/** Reads a path that was given with `flag`. Throws WxError `usage` (64). */
export function parseJsonPath(text: string, flag: string): JsonPath {
  const alternatives = text.split('|').map((one) => parseSteps(one.trim()));
  if (!alternatives.every((steps) => steps !== null)) {
    throw new WxError('usage', `${flag} takes a path into the answer, not "${text}"`, {
      hint: `${flag} 'choices[0].message.content'`,
    });
  }
  return { text, alternatives };
}

/** The steps of one path; null when it is not a path. */
function parseSteps(path: string): string[] | null {
  const steps: string[] = [];
  const start = path.startsWith('$') ? 1 : 0;
  STEP.lastIndex = start;
  while (STEP.lastIndex < path.length) {
    const at = STEP.lastIndex;
    const match = STEP.exec(path);
    // A name right behind `$` or `]` lacks its dot.
    if (!match || (at > 0 && /^[^.[]/.test(match[0]))) return null;
    steps.push(match[1] ?? match[2] ?? match[3] ?? match[4] ?? '');
  }
  return path === '' ? null : steps;
}

/** The text at the first alternative that is not blank; '' when all there are blank, null when there is none. */
export function textAt(root: unknown, { alternatives }: JsonPath): string | null {
  const texts = alternatives
    .map((steps) => valueAt(root, steps))
    .filter((value) => ['string', 'number', 'boolean'].includes(typeof value))
    .map(String);
  return texts.find((text) => text.trim() !== '') ?? texts[0] ?? null;
}

function valueAt(root: unknown, steps: readonly string[]): unknown {
  let value = root;
  for (const step of steps) {
    if (Array.isArray(value) ? !/^\d+$/.test(step) : !isObject(value) || !Object.hasOwn(value, step))
      return undefined;
    value = (value as Record<string, unknown>)[step];
  }
  return value;
}
