/**
 * JSON as iLink writes it: its ids are uint64 and often bare numbers, which
 * `JSON.parse` would round (protocol 10.3).
 */

/**
 * A bare JSON integer under one of these names. The quote that opens a name is never escaped, one inside a string always
 * is, so look-alikes there are not touched. Fractions and exponents stay numbers.
 */
const BARE_ID = /(?<!\\)("(?:message_id|msg_id|svr_id)"[ \t\r\n]*:[ \t\r\n]*)(-?(?:0|[1-9]\d*))(?![\d.eE])/g;

/**
 * Parses JSON text with the integers of `message_id`, `msg_id` and `svr_id` as strings
 * (protocol 10.3); everything else is as `JSON.parse` has it, its SyntaxError included.
 * An empty body is not JSON: the caller decides what it means.
 */
export function parseLossless(text: string): unknown {
  return JSON.parse(text.replace(BARE_ID, '$1"$2"'));
}
