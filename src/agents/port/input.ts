import { type Attachment, eventOf, type Quote, type Turn } from '../../core/message/message.ts';

/** What a command gets on stdin (`--input`). */
export type InputForm = 'text' | 'raw' | 'json';

/** The bytes of stdin for one turn. A lone surrogate becomes U+FFFD in every form. */
export function stdinOf(turn: Turn, form: InputForm): Buffer {
  switch (form) {
    case 'text':
      return Buffer.from(plainInput(turn), 'utf8');
    case 'raw':
      return Buffer.from(turn.text, 'utf8');
    case 'json':
      return Buffer.from(`${eventJson(turn)}\n`, 'utf8');
  }
}

/** The event as JSON on one line; see docs/agents.md. */
export function eventJson(turn: Turn): string {
  return wellFormedJson(eventOf(turn));
}

/** A value as JSON on one line that every parser takes. */
export function wellFormedJson(root: unknown): string {
  // Written as it is, a lone surrogate becomes an escape that strict JSON parsers refuse.
  return JSON.stringify(root, (_, value: unknown) =>
    typeof value === 'string' ? value.toWellFormed() : value,
  );
}

/** A message as people read it: the quote as `> ` lines, the text, a line for each attachment. */
export function plainInput(
  { text, quote, attachments }: Turn,
  lineOf: (attachment: Attachment) => string = attachmentLine,
): string {
  const lines = [...(quote ? quoteLines(quote, lineOf) : []), ...(text === '' ? [] : [text])];
  return [...lines, ...attachments.map(lineOf)].join('\n');
}

function quoteLines(quote: Quote, lineOf: (attachment: Attachment) => string): string[] {
  const lines = quote.text === '' ? [] : quote.text.split(/\r?\n/);
  return [...lines, ...quote.attachments.map(lineOf)].map((line) => `> ${line}`);
}

function attachmentLine({ kind, path, url, base64, name, error }: Attachment): string {
  const place = path ?? url ?? (base64 === undefined ? null : (name ?? 'attached'));
  if (place !== null) return `[${kind}: ${place}]`;
  return `[${kind}: not available: ${(error ?? 'unknown reason').replace(/\s+/g, ' ')}]`;
}
