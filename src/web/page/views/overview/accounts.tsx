import { useSignal } from '@preact/signals';
import { language } from '../../../../page/language.ts';
import type { Account } from '../../api-client/types.ts';
import { accountName, userName } from '../../frame/names.ts';
import { fromNow } from '../../frame/time.ts';
import { lastSign } from './needs.ts';
import { Users } from './users.tsx';
import { overviewWords } from './words.ts';

/** So many accounts are seen at a glance; more can be searched. */
const GLANCE = 8;
/** So many cards are drawn; each changes by the second. */
const PAGE = 48;

/** The accounts, and a search where there are many. */
export function Accounts({ accounts }: { accounts: readonly Account[] }) {
  const words = overviewWords();
  const wanted = useSignal('');
  const most = useSignal(PAGE);
  const found = accounts.filter((account) => isMeant(account, wanted.value.trim().toLowerCase()));
  return (
    <>
      {accounts.length > GLANCE && (
        <input
          type="search"
          class="find-account"
          value={wanted.value}
          aria-label={words.find(accounts.length)}
          placeholder={words.find(accounts.length)}
          onInput={({ currentTarget }) => {
            wanted.value = currentTarget.value;
          }}
        />
      )}
      <div class="cards">
        {found.slice(0, most.value).map((account) => (
          <AccountCard key={account.id} account={account} />
        ))}
      </div>
      {found.length === 0 && <p class="wait">{words.noneFound}</p>}
      {found.length > most.value && (
        <button
          type="button"
          class="more-accounts"
          onClick={() => {
            most.value += PAGE;
          }}
        >
          {words.moreAccounts(found.length - most.value)}
        </button>
      )}
    </>
  );
}

function isMeant(account: Account, wanted: string): boolean {
  const names = [accountName(account), account.id, userName(account.owner ?? '')];
  return names.some((name) => name.toLowerCase().includes(wanted));
}

function AccountCard({ account }: { account: Account }) {
  const words = overviewWords();
  const { login, runner, inbox, outbox } = account;
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
        {polling(account)}
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

/** When its messages were asked for last. The first poll of a process that has just begun is not answered yet. */
function polling(account: Account): string {
  const words = overviewWords();
  const { lastMs, isPolled } = lastSign(account);
  if (lastMs === null) return words.neverPolled;
  return isPolled ? words.lastPoll(fromNow(lastMs)) : words.firstPoll(fromNow(lastMs));
}
