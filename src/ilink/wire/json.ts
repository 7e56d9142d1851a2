/** JSON of iLink: its ids are uint64 and often bare numbers, which `JSON.parse` would round (protocol 10.3). */

/**
 * A bare JSON integer under one of these names. The quote that opens a name is never escaped, one inside a string always
 * is, so look-alikes there are not touched. Fractions and exponents stay numbers.
 */
const BARE_ID =
  /(?<!\\)("(?:message_id|msg_id|svr_id|from_user_id|to_user_id|group_id)"[ \t\r\n]*:[ \t\r\n]*)(-?(?:0|[1-9]\d*))(?![\d.eE])/g;

/** What some programs put before a text. */
const BYTE_ORDER_MARK = '\uFEFF';

/**
 * Parses JSON text with the integers of `message_id`, `msg_id`, `svr_id` (protocol 10.3) and of the ids of users and
 * groups as strings; everything else is as `JSON.parse` has it, its SyntaxError included. A byte order mark is skipped.
 * An empty body is not JSON: the caller decides what it means.
 */
export function parseLossless(text: string): unknown {
  const json = text.startsWith(BYTE_ORDER_MARK) ? text.slice(1) : text;
  return JSON.parse(json.replace(BARE_ID, '$1"$2"'));
}

/** A piece of what is being written: a text as it is, or a value that is still to be written. */
type Piece = string | { value: unknown };

/** Writes parsed JSON however deep it is nested: without the stack where that is too small for `JSON.stringify`. */
export function writeJson(value: unknown): string {
  try {
    return JSON.stringify(value);
  } catch (error) {
    if (!(error instanceof RangeError)) throw error;
  }
  const written: string[] = [];
  const left: Piece[] = [{ value }];
  for (let piece = left.pop(); piece !== undefined; piece = left.pop()) {
    if (typeof piece === 'string') written.push(piece);
    else for (const one of piecesOf(piece.value).reverse()) left.push(one);
  }
  return written.join('');
}

function piecesOf(value: unknown): Piece[] {
  if (typeof value !== 'object' || value === null) return [JSON.stringify(value)];
  const isList = Array.isArray(value);
  const members = isList
    ? value.map((one): Piece[] => [{ value: one }])
    : Object.entries(value).map(([name, one]): Piece[] => [`${JSON.stringify(name)}:`, { value: one }]);
  const between = members.flatMap((member, index) => (index === 0 ? member : [',', ...member]));
  return [isList ? '[' : '{', ...between, isList ? ']' : '}'];
}

/** Whether a parsed value has more than so many levels of lists and objects. */
export function isDeeperThan(levels: number, value: unknown): boolean {
  let nested = [value].filter(isNested);
  for (let depth = 0; depth < levels && nested.length > 0; depth++) {
    nested = nested.flatMap((one) => Object.values(one).filter(isNested));
  }
  return nested.length > 0;
}

function isNested(value: unknown): value is object {
  return typeof value === 'object' && value !== null;
}
