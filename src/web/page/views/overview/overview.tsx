import { BUDGET_MESSAGES } from '../../../../core/message/budget.ts';
import { Icon } from '../../../../page/icons.tsx';
import { useLoaded } from '../../frame/load.ts';
import { WhenLoaded } from '../../frame/loading.tsx';
import { accountName, userName } from '../../frame/names.ts';
import { linkTo } from '../../frame/route.ts';
import { stateWords } from '../../frame/state-words.ts';
import { duration, fromNow, nowMs } from '../../frame/time.ts';
import type { View } from '../../frame/view.ts';
import { ask } from '../../server/api.ts';
import type { Account, User } from '../../server/types.ts';
import { needsOf } from './needs.ts';
import { overviewWords } from './words.ts';

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
  );
  return (
    <WhenLoaded of={loaded}>
      {({ accounts }) =>
        accounts.length === 0 ? (
          <div class="card">
            <p>{words.none}</p>
            <p>
              <a href={linkTo('login')}>{words.toLogIn}</a>
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
  const needs = accounts.flatMap((account) => needsOf(account).map((need) => ({ account, need })));
  if (needs.length === 0) return null;
  return (
    <section class="card needs" aria-label={words.needsYou}>
      <h2>
        <Icon name="alert" />
        {words.needsYou}
      </h2>
      <ul>
        {needs.map(({ account, need }) => (
          <li key={`${account.id} ${need}`}>
            <strong>{accountName(account)}</strong> {need}{' '}
            {need === words.logIn && <a href={linkTo('login')}>{words.logInAgain}</a>}
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
    [words.counts.received, inbox.received],
    [words.counts.running, inbox.running],
    [words.counts.failed, inbox.failed],
    [words.counts.queued, outbox.queued + outbox.sending],
    [words.counts.held, outbox.held],
    [words.counts.ignored, inbox.ignored],
  ] as const;
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
      <dl class="counts">
        {counts.map(([name, count]) => (
          <div key={name} class={count > 0 ? 'some' : ''}>
            <dt>{name}</dt>
            <dd>{count}</dd>
          </div>
        ))}
      </dl>
      {account.users.length > 0 && (
        <ul class="budgets" aria-label={words.users}>
          {account.users.map((user) => (
            <UserBudget key={user.id} user={user} isOwner={user.id === account.owner} />
          ))}
        </ul>
      )}
    </section>
  );
}

function UserBudget({ user, isOwner }: { user: User; isOwner: boolean }) {
  const words = overviewWords();
  const endsMs = user.windowEndsAt === null ? null : Date.parse(user.windowEndsAt);
  const isOpen = endsMs !== null && endsMs > nowMs.value;
  const left = isOpen ? user.budgetLeft : 0;
  return (
    <li class="budget">
      <p>
        <span class="budget-user">{userName(user.id)}</span>
        {isOwner && <small> {words.owner}</small>}
      </p>
      <p class="budget-left">{words.left(left, BUDGET_MESSAGES)}</p>
      <meter
        min={0}
        max={BUDGET_MESSAGES}
        low={3}
        high={4}
        optimum={BUDGET_MESSAGES}
        value={left}
        aria-hidden="true"
      />
      <p class="dim">
        {endsMs === null
          ? words.neverWrote
          : isOpen
            ? words.closes(duration(endsMs - nowMs.value))
            : words.closed}
        {user.hold &&
          ` ${words.held(user.hold.parts)} ${stateWords().holds[user.hold.reason] ?? user.hold.reason}.`}
      </p>
    </li>
  );
}
