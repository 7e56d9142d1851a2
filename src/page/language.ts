import { effect } from '@preact/signals';
import { storedChoice } from './stored-choice.ts';

/** The languages of every page. */
export type Language = 'en' | 'zh';

const preferred = navigator.languages.find((one) => /^(en|zh)\b/i.test(one)) ?? 'en';

/** The language of the page: the browser's, until somebody chooses. */
export const language = storedChoice<Language>(
  'wxagent-language',
  ['en', 'zh'],
  /^zh/i.test(preferred) ? 'zh' : 'en',
);

/** Keeps the document in the language that is chosen. */
export function followLanguage(): void {
  effect(() => {
    document.documentElement.lang = language.value === 'zh' ? 'zh-CN' : 'en';
  });
}

/** The words of a page in the language of now: `const words = wordsIn({ en, zh })`, then `words().send`. */
export function wordsIn<T>(table: Record<Language, T>): () => T {
  return () => table[language.value];
}

const FORMATS = {
  time: { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' },
  day: { weekday: 'short', day: 'numeric', month: 'short' },
  date: { day: 'numeric', month: 'short', year: 'numeric' },
} as const satisfies Record<string, Intl.DateTimeFormatOptions>;

/** Making one takes longer than drawing a message, so each is made once. */
const formatters = new Map<string, Intl.DateTimeFormat>();

/** A time of day as people write it. */
export function timeOfDay(timeMs: number): string {
  return formatterOf('time').format(timeMs);
}

export function dayAndTime(timeMs: number): string {
  return `${formatterOf('day').format(timeMs)} ${timeOfDay(timeMs)}`;
}

/** A day that may be in another year. */
export function dateOf(timeMs: number): string {
  return formatterOf('date').format(timeMs);
}

function formatterOf(name: keyof typeof FORMATS): Intl.DateTimeFormat {
  const locale = language.value === 'zh' ? 'zh-CN' : 'en-GB';
  const key = `${locale} ${name}`;
  const formatter = formatters.get(key) ?? new Intl.DateTimeFormat(locale, FORMATS[name]);
  formatters.set(key, formatter);
  return formatter;
}
