import { WxError } from '../../core/errors.ts';
import { type Choice, choiceOf } from '../../core/message/match-choice.ts';

const MOST_CHOICES = 20;
const NAME_CHARS = 40;

/** Reads `y,n` or `a=main,b=release`. Throws WxError `usage`. */
export function parseChoices(text: string): Choice[] {
  const choices = text.split(/[,，]/).map((one) => {
    const [, name = '', label] = /^([^=]*)(?:=(.*))?$/s.exec(one.trim()) ?? [];
    return { name: name.trim(), label: label?.trim() || null };
  });
  const hint = '--choices yes,no';
  if (choices.some(({ name }) => name === ''))
    throw new WxError('usage', `--choices has a choice without a name: "${text}"`, { hint });
  const long = choices.find(({ name }) => [...name].length > NAME_CHARS);
  if (long)
    throw new WxError('usage', `--choices takes names of at most ${NAME_CHARS} characters: "${long.name}"`, {
      hint: `--choices 'a=${long.name},b=...'`,
    });
  if (choices.length > MOST_CHOICES)
    throw new WxError('usage', `--choices takes at most ${MOST_CHOICES} choices, not ${choices.length}`);
  for (const [index, { name, label }] of choices.entries())
    for (const one of [name, label])
      if (one !== null && choiceOf(one, choices) !== index)
        throw new WxError('usage', `--choices has "${one}" twice`, { hint });
  return choices;
}

/** The choice that `--default` names. Throws WxError `usage` for none. */
export function parseDefault(text: string | null, choices: readonly Choice[] | null): number | null {
  if (text === null || choices === null) return null;
  const choice = choiceOf(text, choices);
  if (choice !== null) return choice;
  const names = choices.map(({ name }) => name).join(', ');
  throw new WxError('usage', `--default is one of ${names}, not "${text}"`);
}
