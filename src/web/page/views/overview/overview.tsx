import { Icon } from '../../../../page/icons.tsx';
import { language } from '../../../../page/language.ts';
import { useLoaded } from '../../frame/load.ts';
import { WhenLoaded } from '../../frame/loading.tsx';
import { accountName } from '../../frame/names.ts';
import { linkTo } from '../../frame/route.ts';
import { fromNow } from '../../frame/time.ts';
import type { View } from '../../frame/view.ts';
import { ask } from '../../server/api.ts';
import type { Account } from '../../server/types.ts';
import { needsOf } from './needs.ts';
import { Users } from './users.tsx';
import { overviewWords } from './words.ts';

/** No event tells a poll. */
const EVERY_MS = 15_000;

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
            <div class="cards">
              {accounts.map((account) => (
                <AccountCard key={account.id} account={account} />
              ))}
            </div>
          </>
        )
      }
    </WhenLoaded>
  );
}

function Needs({ accounts }: { accounts: readonly Account[] }) {
  const words = overviewWords();
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
        {needs.map(({ account, text, view }) => (
          <li key={`${account.id} ${view}`} class={view === null ? 'by-hand' : ''}>
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
    </section>
  );
}

function AccountCard({ account }: { account: Account }) {
  const words = overviewWords();
  const { login, runner, lastPollAt, inbox, outbox } = account;
  const counts = [
    { what: words.counts.received, count: inbox.received },
    { what: words.counts.running, count: inbox.running },
    { what: words.counts.failed, count: inbox.failed, isBad: true },
    { what: words.counts.queued, count: outbox.queued + outbox.sending },
    { what: words.counts.held, count: outbox.held, isBad: true },
    { what: words.counts.ignored, count: inbox.ignored },
    { what: words.counts.unknown, count: inbox.unknown },
  ].filter(({ count }) => count > 0);
  return (
    <section class="card account" aria-label={accountName(account)}>
      <div class="card-head">
        <h2>{accountName(account)}</h2>
        <span class={`badge ${login === 'ok' ? 'good' : 'bad'}`}>{words.login[login]}</span>
      </div>
      <p class="dim">
        {runner ? words.servedBy(runner.host, runner.pid) : words.notServed}
        {' · '}
        {lastPollAt === null ? words.neverPolled : words.lastPoll(fromNow(Date.parse(lastPollAt)))}
      </p>
      <ul class="chips" aria-label={words.waits}>
        {counts.map(({ what, count, isBad }) => (
          <li key={what} class={`badge ${isBad ? 'warn' : ''}`}>
            {count.toLocaleString(language.value)} {what}
          </li>
        ))}
        {counts.length === 0 && <li class="dim">{words.nothingWaits}</li>}
      </ul>
      <Users account={account} />
    </section>
  );
}
