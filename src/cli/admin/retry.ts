import { WxError } from '../../core/errors.ts';
import { TERMINAL } from '../../store/port/port.ts';
import { chooseAccount } from '../account/choose-account.ts';
import { withStore } from '../account/store.ts';
import type { CommandContext } from '../port/context.ts';

/** `wxagent retry <id>|--failed|--expired`: queues messages or parts again; a live run sees it within a second. */
export async function retry(context: CommandContext, [id]: string[]): Promise<void> {
  const { failed, expired } = context.settings;
  if ([failed, expired, id !== undefined].filter((given) => given).length !== 1) {
    throw new WxError('usage', 'retry takes the id of one message, --failed or --expired', {
      hint: 'wxagent messages',
    });
  }
  const account = chooseAccount(context);
  return withStore(context, async ({ inbox, outbox }) => {
    const count = expired
      ? await outbox.requeueExpired({ account: account.key, by: TERMINAL })
      : await inbox.retry({ account: account.key, id: id ?? null, by: TERMINAL });
    if (count === 0 && id !== undefined) {
      throw new WxError('not-found', `there is no finished message ${id}`, { hint: 'wxagent messages' });
    }
    if (context.json) context.printJson('retry', { count });
    else context.say(`${count} queued again`);
  });
}
