import type { Io } from '../../core/io.ts';

/**
 * The way out to a person's eyes. What users, servers, agents and file names say is shown among our own words: it must
 * not steer the terminal, forge a line, turn the reading direction, or hide in what looks empty. Data (`--json`,
 * bytes on stdout) does not come this way and stays exact.
 */
export interface Printer {
  /** Lines on stderr. */
  say(...lines: string[]): void;
  /** Lines on stdout. */
  show(...lines: string[]): void;
}

/** See {@link Printer}; `translate` puts our own sentences into the language of the person. */
export function createPrinter(io: Pick<Io, 'out' | 'err'>, translate: (sentence: string) => string): Printer {
  const textOf = (lines: string[]): string => lines.map((line) => `${sanitized(translate(line))}\n`).join('');
  return { say: (...lines) => io.err(textOf(lines)), show: (...lines) => io.out(textOf(lines)) };
}

/** What most lines consist of: nothing in it is to be looked for. */
const HARMLESS = /^[\x20-\x7e]*$/;

/** Control characters of both sets, and what breaks a line elsewhere than in a terminal. */
const STEERING = /[\p{Cc}\p{Zl}\p{Zp}]+/gu;

/**
 * Marks of direction, and characters without any look: two names that differ in nothing else look the same. What
 * chooses the look of the character before it stays, as do joiners where a script or a picture is written with them.
 */
const UNSEEN =
  /(?!\p{Variation_Selector})(?!(?<=[\p{Mn}\p{Mc}\p{Extended_Pictographic}\p{Emoji_Modifier}\p{Script=Arabic}\p{Script=Syriac}])[\u200c\u200d](?!\p{Script=Latin}))[\p{Default_Ignorable_Code_Point}\ufff9-\ufffb]/gu;

/** A text as one line that shows what it is. */
export function sanitized(text: string): string {
  return HARMLESS.test(text) ? text : text.replace(STEERING, ' ').replace(UNSEEN, '');
}
