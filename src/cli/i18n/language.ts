import type { Environment } from '../../settings/resolve-settings.ts';
import { chinese } from './chinese-words.ts';
import { english, type Words } from './english-words.ts';

export type { Words } from './english-words.ts';

/** Languages wxagent speaks to people. */
export type Language = 'zh' | 'en';

/** The language of `--lang`; `auto` follows LC_ALL, LC_MESSAGES and LANG. */
export function languageOf(lang: 'auto' | Language, environment: Environment): Language {
  if (lang !== 'auto') return lang;
  const locale = environment.get('LC_ALL') ?? environment.get('LC_MESSAGES') ?? environment.get('LANG') ?? '';
  return /^zh/i.test(locale) ? 'zh' : 'en';
}

/** What puts a sentence of ours into a language; what is no sentence of ours stays. Only who needs it loads it. */
export async function translatorTo(language: Language): Promise<(sentence: string) => string> {
  if (language === 'en') return (sentence) => sentence;
  return (await import('./translate.ts')).inChinese;
}

/** A state of a message or a part, and the reason for it where there is one. */
export function stateShown(
  words: Words,
  { state, reason }: { state: string; reason: string | null },
): string {
  const shown = words.states[state] ?? state;
  return reason === null ? shown : words.inDetail(shown, words.reasons[reason] ?? reason);
}

export function wordsOf(language: Language): Words {
  return language === 'zh' ? chinese : english;
}
