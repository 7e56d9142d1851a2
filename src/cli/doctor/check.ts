import type { Account } from '../../home/config-file.ts';
import type { CommandContext } from '../port/context.ts';

/** One check of `doctor`: resolves to what was found, throws WxError (kind, sentence, hint) when something is wrong. */
export interface Check {
  name: string;
  run(context: CommandContext, account: Account | null): Promise<string>;
}
