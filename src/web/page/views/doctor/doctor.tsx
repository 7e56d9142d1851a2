import { useSignal } from '@preact/signals';
import { Icon } from '../../../../page/icons.tsx';
import { language } from '../../../../page/language.ts';
import { ask } from '../../api-client/api.ts';
import type { Account, Checkup } from '../../api-client/types.ts';
import { useLoaded } from '../../frame/load.ts';
import { WhenLoaded } from '../../frame/loading.tsx';
import { accountName } from '../../frame/names.ts';
import type { View } from '../../frame/view.ts';
import { doctorWords } from './words.ts';

/** Whether everything works, and what to do where it does not. */
export const DOCTOR: View = {
  path: 'doctor',
  name: { en: 'Doctor', zh: '诊断' },
  icon: 'pulse',
  isMain: false,
  Content: Doctor,
};

function Doctor() {
  const words = doctorWords();
  const account = useSignal('');
  const times = useSignal(0);
  const accounts = useLoaded(
    (signal) => ask<{ accounts: Account[] }>('/accounts', { signal }),
    [],
    ({ type }) => type === 'login',
  );
  const known = accounts.value?.accounts ?? [];
  return (
    <>
      <div class="doctor-bar">
        {known.length > 1 && (
          <label class="field">
            <span>{words.account}</span>
            <select
              value={account.value}
              onChange={({ currentTarget }) => {
                account.value = currentTarget.value;
              }}
            >
              <option value="">{words.byDefault}</option>
              {known.map((one) => (
                <option key={one.id} value={one.id}>
                  {accountName(one)}
                </option>
              ))}
            </select>
          </label>
        )}
        <button type="button" class="primary" onClick={() => times.value++}>
          {words.again}
        </button>
      </div>
      <Findings key={`${account.value} ${times.value} ${language.value}`} account={account.value} />
    </>
  );
}

/** One examination, which does not repeat itself: it takes some seconds. */
function Findings({ account }: { account: string }) {
  const words = doctorWords();
  const query = account === '' ? '' : `?account=${encodeURIComponent(account)}`;
  const loaded = useLoaded(
    (signal) => ask<Checkup>(`/doctor${query}`, { signal, isSlow: true }),
    [],
    () => false,
  );
  if (loaded.value === null && loaded.problem === null) return <p class="wait">{words.looking}</p>;
  return (
    <WhenLoaded of={loaded}>
      {({ checks }) => {
        const first = checks.find(({ ok }) => !ok);
        return (
          <section class="card">
            <div role="status">
              <h2>{first ? words.first(nameOf(first.name)) : words.allWell}</h2>
            </div>
            <ul class="checks">
              {checks.map(({ name, ok, detail, hint }) => (
                <li key={name} class={ok ? 'good' : 'bad'}>
                  <Icon name={ok ? 'check' : 'close'} />
                  <div>
                    <p>
                      <strong>{nameOf(name)}</strong>{' '}
                      <span class="unseen-text">{ok ? words.ok : words.failed}</span>
                    </p>
                    <p class="dim">{detail}</p>
                    {hint !== null && (
                      <pre>
                        <code>{hint}</code>
                      </pre>
                    )}
                  </div>
                </li>
              ))}
            </ul>
          </section>
        );
      }}
    </WhenLoaded>
  );
}

function nameOf(check: string): string {
  return doctorWords().checks[check] ?? check;
}
