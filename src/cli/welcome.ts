import { knownAccounts } from './account/choose-account.ts';
import { wordsOf } from './i18n/language.ts';
import type { CommandContext } from './port/context.ts';

/** Bare `wxagent`: what it is, the next step on this machine, and where help is. */
export async function welcome(context: CommandContext): Promise<void> {
  const words = wordsOf(context.language);
  const next = knownAccounts(context).length > 0 ? words.nextRun(null) : words.nextLogin;
  context.show(words.whatItIs, next, words.help, words.docs);
}
