import { useSignal } from '@preact/signals';
import { dayAndTime, language } from '../../../../page/language.ts';
import { actInWords, whoInWords } from '../../../../views/audit-words.ts';
import { ask } from '../../api-client/api.ts';
import type { Account, AuditEntry } from '../../api-client/types.ts';
import { useLoaded } from '../../frame/load.ts';
import { WhenLoaded } from '../../frame/loading.tsx';
import { accountName } from '../../frame/names.ts';
import { complain } from '../../frame/toast.tsx';
import type { View } from '../../frame/view.ts';
import { auditWords } from './words.ts';

/** What was granted, sent again or removed, by whom and when. */
export const AUDIT: View = {
  path: 'audit',
  name: { en: 'Audit', zh: '审计记录' },
  icon: 'list',
  isMain: false,
  Content: Audit,
};

/** So many entries at a time. */
const PAGE = 50;

interface Page {
  entries: AuditEntry[];
  before: number | null;
}

function Audit() {
  const words = auditWords();
  /** The pages behind the first one. */
  const older = useSignal<Page[]>([]);
  const loaded = useLoaded(
    async (signal) => {
      const [first, { accounts }] = await Promise.all([
        ask<Page>(`/audit?limit=${PAGE}`, { signal }),
        ask<{ accounts: Account[] }>('/accounts', { signal }),
      ]);
      older.value = [];
      return { first, names: new Map(accounts.map((one) => [one.id, accountName(one)])) };
    },
    [],
    ({ type }) => type === 'login' || type === 'audit',
  );
  return (
    <WhenLoaded of={loaded}>
      {({ first, names }) => {
        const pages = [first, ...older.value];
        const entries = pages.flatMap((page) => page.entries);
        const before = pages.at(-1)?.before ?? null;
        return (
          <section class="card" aria-label={words.title}>
            {entries.length === 0 && <p class="dim">{words.none}</p>}
            <ul class="rows">
              {entries.map((entry) => (
                <Entry key={entry.id} entry={entry} names={names} />
              ))}
            </ul>
            {before !== null && (
              <div class="buttons">
                <button
                  type="button"
                  onClick={() =>
                    ask<Page>(`/audit?limit=${PAGE}&before=${before}`).then((next) => {
                      older.value = [...older.value, next];
                    }, complain)
                  }
                >
                  {words.older}
                </button>
              </div>
            )}
          </section>
        );
      }}
    </WhenLoaded>
  );
}

function Entry({ entry, names }: { entry: AuditEntry; names: ReadonlyMap<string, string> }) {
  const { time, who, act, account, about } = entry;
  const named = (id: string): string => names.get(id) ?? id;
  const shownAbout = act === 'code-add' ? '' : named(about);
  return (
    <li class="row">
      <div class="row-text">
        <p>
          <strong>{actInWords(act, language.value)}</strong> {shownAbout}
          {account !== null && account !== about && <span class="dim"> ({named(account)})</span>}
        </p>
        <p class="dim">
          <time dateTime={time ?? ''}>{dayAndTime(Date.parse(time ?? ''))}</time>
          {' · '}
          {whoInWords(who, language.value)}
        </p>
      </div>
    </li>
  );
}
