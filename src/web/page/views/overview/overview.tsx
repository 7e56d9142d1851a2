import { useSignal } from '@preact/signals';
import { Icon } from '../../../../page/icons.tsx';
import { ask } from '../../api-client/api.ts';
import type { Account } from '../../api-client/types.ts';
import { useLoaded } from '../../frame/load.ts';
import { WhenLoaded } from '../../frame/loading.tsx';
import { accountName } from '../../frame/names.ts';
import { linkTo } from '../../frame/route.ts';
import type { View } from '../../frame/view.ts';
import { Accounts } from './accounts.tsx';
import { needsOf } from './needs.ts';
import { overviewWords } from './words.ts';

/** No event tells a poll. */
const EVERY_MS = 15_000;
/** So many needs are shown until somebody wants all. */
const FIRST = 8;

/** Each account, and first what needs a person. */
export const OVERVIEW: View = {
  path: 'overview',
  name: { en: 'Overview', zh: '概览' },
  icon: 'gauge',
  isMain: true,
  Content: Overview,
};

function Overview() {
  const words = overviewWords();
  const loaded = useLoaded(
    (signal) => ask<{ accounts: Account[] }>('/accounts', { signal }),
    [],
    () => true,
    EVERY_MS,
  );
  return (
    <WhenLoaded of={loaded}>
      {({ accounts }) =>
        accounts.length === 0 ? (
          <div class="card">
            <p>{words.none}</p>
            <p>
              <a class="button" href={linkTo('login')}>
                {words.toLogIn}
              </a>
            </p>
          </div>
        ) : (
          <>
            <Needs accounts={accounts} />
            <Accounts accounts={accounts} />
          </>
        )
      }
    </WhenLoaded>
  );
}

function Needs({ accounts }: { accounts: readonly Account[] }) {
  const words = overviewWords();
  const isAll = useSignal(false);
  const needs = needsOf(accounts);
  if (needs.length === 0)
    return (
      <p class="all-well">
        <Icon name="check" />
        {words.allWell}
      </p>
    );
  return (
    <section class="needs" aria-label={words.needsYou}>
      <h2>
        <Icon name="alert" />
        {words.needsYou}
      </h2>
      <ul>
        {needs.slice(0, isAll.value ? undefined : FIRST).map(({ account, text, view }) => (
          <li key={`${account.id} ${text}`} class={view === null ? 'by-hand' : ''}>
            <p>
              <strong>{accountName(account)}</strong> {text}
            </p>
            {view === null ? (
              <code>wxagent run --account {accountName(account)}</code>
            ) : (
              <a class="button" href={linkTo(view, ...(view === 'conversations' ? [account.id] : []))}>
                {words.act[view]}
              </a>
            )}
          </li>
        ))}
      </ul>
      {needs.length > FIRST && (
        <button
          type="button"
          class="quiet"
          aria-expanded={isAll.value}
          onClick={() => {
            isAll.value = !isAll.value;
          }}
        >
          {isAll.value ? words.fewer : words.moreNeeds(needs.length - FIRST)}
        </button>
      )}
    </section>
  );
}
