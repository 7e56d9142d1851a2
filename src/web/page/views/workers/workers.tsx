import { ask } from '../../api-client/api.ts';
import type { Account, Worker } from '../../api-client/types.ts';
import { useLoaded } from '../../frame/load.ts';
import { WhenLoaded } from '../../frame/loading.tsx';
import { accountName } from '../../frame/names.ts';
import { fromNow } from '../../frame/time.ts';
import type { View } from '../../frame/view.ts';
import { workersWords } from './words.ts';

/** A lease is renewed by the second, and no event tells it. */
const EVERY_MS = 10_000;

/** The processes that receive messages, and who of them serves which account. */
export const WORKERS: View = {
  path: 'workers',
  name: { en: 'Workers', zh: '工作进程' },
  icon: 'machines',
  isMain: false,
  Content: Workers,
};

function Workers() {
  const words = workersWords();
  const loaded = useLoaded(load, [], ({ type }) => type === 'worker', EVERY_MS);
  return (
    <WhenLoaded of={loaded}>
      {({ workers, accounts }) => (
        <>
          {workers.length > 0 && (
            <div class="cards">
              {workers.map((worker) => (
                <WorkerCard key={worker.id} worker={worker} />
              ))}
            </div>
          )}
          <section class="card" aria-label={words.who}>
            <h2>{words.who}</h2>
            {accounts.length === 0 ? (
              <p class="dim">{words.noAccounts}</p>
            ) : (
              <ul class="rows">
                {accounts.map((account) => (
                  <li key={account.id}>
                    <span>{accountName(account)}</span>
                    <span class="dim">{servedBy(account)}</span>
                  </li>
                ))}
              </ul>
            )}
            {workers.length === 0 && <p class="dim">{words.oneMachine}</p>}
          </section>
        </>
      )}
    </WhenLoaded>
  );
}

function servedBy({ login, runner }: Account): string {
  const words = workersWords();
  if (runner) return words.process(runner.host, runner.pid);
  return login === 'expired' ? words.expired : words.nobody;
}

async function load(signal: AbortSignal): Promise<{ workers: Worker[]; accounts: Account[] }> {
  const [{ workers }, { accounts }] = await Promise.all([
    ask<{ workers: Worker[] }>('/workers', { signal }),
    ask<{ accounts: Account[] }>('/accounts', { signal }),
  ]);
  return { workers, accounts };
}

function WorkerCard({ worker }: { worker: Worker }) {
  const words = workersWords();
  const { name, host, pid, version, purpose, state, accounts, capacity, startedAt, lagMs } = worker;
  return (
    <section class="card" aria-label={name}>
      <div class="card-head">
        <h2>{name}</h2>
        <span class={`badge ${state === 'serving' ? 'good' : 'bad'}`}>{words.states[state]}</span>
      </div>
      <p>{capacity === null ? words.accounts(accounts) : words.accountsOf(accounts, capacity)}</p>
      <p class="dim">
        {[words.purposes[purpose], words.process(host, pid), `wxagent ${version}`]
          .filter(Boolean)
          .join(' · ')}
      </p>
      <p class="dim">
        {words.started(fromNow(Date.parse(startedAt)))} · {words.renewed(Math.round(lagMs / 1_000))}
      </p>
    </section>
  );
}
