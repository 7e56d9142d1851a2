import { existsSync } from 'node:fs';
import { WxError } from '../../core/errors.ts';
import { withStore } from '../account/store.ts';
import { deafSentence } from '../terminal/deaf-sentence.ts';
import type { Check } from './check.ts';

/** Whether what the account sends seems to be shown. A sign that it is not comes with what the vendor needs. */
export const arrivalCheck: Check = {
  name: 'arrival',
  async run(context, account) {
    const exists = context.server?.exists ?? existsSync(context.paths.database);
    if (!account || !exists) return 'nothing was sent yet';
    return withStore(context, async ({ admin }) => {
      const sign = await admin.deafness({ account: account.key, nowMs: context.clock.now() });
      if (!sign) return 'no sign that messages are accepted and not shown';
      const { user, parts } = sign;
      const about = { ...sign, account: account.id, since: sign.sinceMs };
      const ids = parts.map(({ clientId, serverId }) => serverId ?? clientId).join(', ');
      throw new WxError('protocol', deafSentence(about), {
        hint: `tell the vendor: bot ${account.id}, user ${user}, messages ${ids}`,
      });
    });
  },
};
