import { effect } from '@preact/signals';
import { storedChoice } from './stored.ts';

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

/** A time of day as people write it. */
export function timeOfDay(timeMs: number): string {
  return new Date(timeMs).toLocaleTimeString(localeOf(), {
    hour: '2-digit',
    minute: '2-digit',
    hourCycle: 'h23',
  });
}

/** A day and a time. */
export function dayAndTime(timeMs: number): string {
  const day = new Date(timeMs).toLocaleDateString(localeOf(), {
    weekday: 'short',
    day: 'numeric',
    month: 'short',
  });
  return `${day} ${timeOfDay(timeMs)}`;
}

function localeOf(): string {
  return language.value === 'zh' ? 'zh-CN' : 'en-GB';
}
