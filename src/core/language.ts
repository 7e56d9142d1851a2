/** Language of what wxagent itself writes into the chat. */
export type ChatLanguage = 'zh' | 'en';

/** The language a user writes in: Chinese as soon as there is a Chinese character. */
export function languageOf(text: string): ChatLanguage {
  return /\p{Script=Han}/u.test(text) ? 'zh' : 'en';
}
