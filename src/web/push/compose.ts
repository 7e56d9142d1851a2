import { WxError } from '../../core/errors.ts';
import { terminalText } from '../../core/terminal.ts';
import type { Source } from '../../store/port/port.ts';
import type { Pushed } from './port/dialect.ts';

/** The longest text, as the API has it; a longer title than this is no title. */
const MAX_CHARS = 500_000;
const MAX_TITLE_CHARS = 1_000;

/** The text that the phone shows: title, text, address. Null: there is none. Throws WxError `usage` when it is too long. */
export function composed({ title, text, form, link }: Pushed, source: Pick<Source, 'title'>): string | null {
  if (text.length > MAX_CHARS) throw tooLong();
  const shownTitle = plainLine(title ?? source.title ?? '');
  const body = terminalText(text).trim();
  const address = plainLine(link ?? '');
  const isRepeated = shownTitle === '' || body === shownTitle || body.startsWith(`${shownTitle}\n`);
  const parts = [
    ...(isRepeated && body !== ''
      ? []
      : [form === 'wechat' && shownTitle !== '' ? `**${shownTitle}**` : shownTitle]),
    body,
    ...(body.includes(address) ? [] : [address]),
  ].filter((part) => part !== '');
  if (parts.length === 0) return null;
  const whole = parts.join('\n');
  if (whole.length <= MAX_CHARS) return whole;
  throw tooLong();
}

function tooLong(): WxError {
  return new WxError('usage', `the text has more than ${MAX_CHARS} characters`);
}

function plainLine(text: string): string {
  return terminalText(text.slice(0, MAX_TITLE_CHARS)).replace(/\s+/g, ' ').trim();
}
