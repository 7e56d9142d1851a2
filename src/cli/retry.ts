import { WxError } from '../core/errors.ts';
import type { CommandContext } from './context.ts';
import { chooseAccount, openHomeStore } from './home.ts';

/** `wxagent retry <id>|--failed`: marks messages to be run again; a live run sees it within a second. */
export async function retry(context: CommandContext, [id]: string[]): Promise<number> {
  const { failed } = context.settings(['failed']);
  if (failed === (id !== undefined)) {
    throw new WxError('usage', 'retry takes the id of one message, or --failed', {
      hint: 'wxagent messages',
    });
  }
  const account = chooseAccount(context);
  const store = openHomeStore(context);
  try {
    const count = await store.retry({ account: account.key, id: id ?? null });
    if (count === 0 && id !== undefined) {
      throw new WxError('not-found', `there is no finished message ${id}`, { hint: 'wxagent messages' });
    }
    if (context.json) context.printJson('retry', { count });
    else context.io.err(`${count} to be run again\n`);
    return 0;
  } finally {
    await store.close();
  }
}
