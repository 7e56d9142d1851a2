import { auditEntryShown } from '../../views/access.ts';
import { actInWords, whoInWords } from '../../views/audit-words.ts';
import { withStore } from '../account/store.ts';
import type { CommandContext } from '../port/context.ts';
import { localMinute } from '../terminal/local-time.ts';
import { table } from '../terminal/table.ts';

/** Entries shown when no `--since` says how far back. */
const USUAL_LIMIT = 200;
const NO_LIMIT = Number.MAX_SAFE_INTEGER;

/** `wxagent audit`: what was granted, sent again or removed, oldest first. */
export async function audit(context: CommandContext): Promise<void> {
  const { since } = context.settings;
  return withStore(context, async ({ access }) => {
    const newest = await access.audit({ beforeSeq: null, limit: since === null ? USUAL_LIMIT : NO_LIMIT });
    const sinceMs = since === null ? 0 : context.clock.now() - since;
    const entries = newest.filter(({ atMs }) => atMs >= sinceMs).reverse();
    if (context.json) return context.printJson('audit', { entries: entries.map(auditEntryShown) });
    if (entries.length === 0) context.say('Nothing yet.');
    const rows = entries.map(({ atMs, who, act, account, about }) => [
      localMinute(atMs),
      whoInWords(who, context.language),
      actInWords(act, context.language),
      account === null || account === about ? about : `${account} ${about}`,
    ]);
    context.show(...table(rows));
  });
}
