/** Language of what wxagent itself writes into the chat. */
export type ChatLanguage = 'zh' | 'en';

/** What is written the same in every language: addresses, file names, identifiers, commands, answers to a `y/n`. */
const OF_NO_LANGUAGE =
  /\b[a-z][a-z\d+.-]*:\/\/\S+|\S*[\p{L}\d][@/\\_.=:{}][\p{L}\d]\S*|[/／]\p{L}+|\b(?:yes|no|okay|yep|nope)\b/giu;

/** So much of a text is looked at word by word: a word without an end takes the square of its length. */
const TELLING_CHARS = 1_000;

/** The language of a text as a whole: Chinese as soon as there is a Chinese character. */
export function languageOf(text: string): ChatLanguage {
  return /\p{Script=Han}/u.test(text) ? 'zh' : 'en';
}

/** The language a user writes in, as far as a text tells: a number, a picture, an address, `ok` tell nothing. */
export function languageIn(text: string): ChatLanguage | null {
  if (/\p{Script=Han}/u.test(text)) return 'zh';
  const beginning = text.slice(0, TELLING_CHARS);
  return /\p{L}{3}/u.test(beginning.replace(OF_NO_LANGUAGE, ' ')) ? 'en' : null;
}
