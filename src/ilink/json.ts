/**
 * JSON as iLink writes it: its ids are uint64 and often bare numbers, which
 * `JSON.parse` would round (protocol 10.3).
 */

const ID_FIELDS: ReadonlySet<string> = new Set(['message_id', 'msg_id', 'svr_id']);
const MENTIONS_ID = /"(?:message_id|msg_id|svr_id)"/;
/** Sticky: what may follow an id's name when its value is a bare JSON integer. Fractions and exponents stay numbers. */
const COLON = /[ \t\r\n]*:[ \t\r\n]*/y;
const INTEGER = /-?(?:0|[1-9]\d*)(?![\d.eE])/y;

/**
 * Parses JSON text with the integers of `message_id`, `msg_id` and `svr_id` as strings
 * (protocol 10.3); everything else is as `JSON.parse` has it, its SyntaxError included.
 * An empty body is not JSON: the caller decides what it means.
 */
export function parseLossless(text: string): unknown {
  return JSON.parse(MENTIONS_ID.test(text) ? quoteIds(text) : text);
}

/**
 * Walks from string token to string token, so that look-alikes inside a string are never
 * touched. A string followed by a colon is a field name; there is no other place for one.
 */
function quoteIds(text: string): string {
  let quoted = '';
  let copied = 0;
  let open = text.indexOf('"');
  while (open >= 0) {
    const close = closingQuote(text, open + 1);
    if (close < 0) break;
    let next = close + 1;
    // The lengths of the three names: spares every other string its copy.
    const length = close - open - 1;
    if ((length === 6 || length === 10) && ID_FIELDS.has(text.slice(open + 1, close))) {
      const start = matchEnd(COLON, text, next);
      const end = start < 0 ? -1 : matchEnd(INTEGER, text, start);
      if (end >= 0) {
        quoted += `${text.slice(copied, start)}"${text.slice(start, end)}"`;
        copied = end;
        next = end;
      }
    }
    open = text.indexOf('"', next);
  }
  return quoted + text.slice(copied);
}

/** Index of the quote that ends the string whose content starts at `from`; -1 when the text ends first. */
function closingQuote(text: string, from: number): number {
  let quote = text.indexOf('"', from);
  while (quote >= 0) {
    let backslashes = quote;
    while (backslashes > from && text.charCodeAt(backslashes - 1) === 92) backslashes--;
    if ((quote - backslashes) % 2 === 0) return quote;
    quote = text.indexOf('"', quote + 1);
  }
  return -1;
}

/** Where a sticky pattern that matches at `from` stops matching; -1 when it does not match there. */
function matchEnd(pattern: RegExp, text: string, from: number): number {
  pattern.lastIndex = from;
  return pattern.test(text) ? pattern.lastIndex : -1;
}
