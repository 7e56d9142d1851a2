import { consentOf } from './consent.ts';

/** One choice of a question. Its name and its label are taken as an answer. */
export interface Choice {
  name: string;
  /** What the person reads about it; null: the name says it. */
  label: string | null;
}

/** Marks around an answer that say nothing: `"Yes."`. */
const MARKS = /^[\s"'“”‘’「」`([（【]+|[\s"'“”‘’「」`)\]）】.,!。，！、]+$/gu;

/** The index of the choice that an answer means; null: none. A yes has many words, in any case and width: `好的`, 👍. */
export function choiceOf(answer: string, choices: readonly Choice[]): number | null {
  const said = plain(answer);
  const named = choices.findIndex(({ name, label }) =>
    [name, label ?? name].some((one) => plain(one) === said),
  );
  if (named >= 0) return named;
  const meanings = choices.map(({ name, label }) => consentOf(name) ?? (label && consentOf(label)) ?? null);
  const [yes, no] = [only(meanings, true), only(meanings, false)];
  if (yes === null || no === null) return null;
  // A number is one of the order, which may be another one here.
  if (/^\d+$/.test(said) && (choices.length > 2 || no < yes)) return null;
  const consent = consentOf(answer);
  return consent === null ? null : consent ? yes : no;
}

function plain(text: string): string {
  const even = text.normalize('NFKC').toLowerCase().replace(/\s+/g, ' ').trim();
  // What consists of marks is what it is.
  return even.replace(MARKS, '') || even;
}

/** Where a value is, if it is there once. */
function only<T>(values: readonly T[], wanted: T): number | null {
  const at = values.indexOf(wanted);
  return at >= 0 && values.lastIndexOf(wanted) === at ? at : null;
}
