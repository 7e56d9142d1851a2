import { useSignal } from '@preact/signals';
import { ask } from '../../api-client/api.ts';
import type { Account, Login } from '../../api-client/types.ts';
import { TextField } from '../../frame/fields.tsx';
import { useLoaded } from '../../frame/load.ts';
import { WhenLoaded } from '../../frame/loading.tsx';
import { useOneAtATime } from '../../frame/one-at-a-time.ts';
import { tabMemory } from '../../frame/tab-memory.ts';
import { complain } from '../../frame/toast.tsx';
import type { View } from '../../frame/view.ts';
import { LoginSteps } from '../../login/steps.tsx';
import { type LoginHandle, useLogin } from '../../login/use-login.ts';
import { loginWords } from '../../login/words.ts';
import { AccountList } from './account-list.tsx';
import { Allowed } from './allowed.tsx';
import { Invitations } from './invitations.tsx';
import { logInWords } from './words.ts';

/** Adds accounts, and mends those whose login has expired. */
export const LOG_IN: View = {
  path: 'login',
  name: { en: 'Log in', zh: '登录账号' },
  icon: 'login',
  isMain: true,
  Content: LogIn,
};

const memory = tabMemory('wxagent-login');

function LogIn() {
  const handle = useLogin({ path: '/logins', memory });
  const loaded = useLoaded(
    (signal) => ask<{ accounts: Account[] }>('/accounts', { signal }),
    [],
    ({ type }) => type === 'login' || type === 'worker',
  );
  const { login } = handle;
  return (
    <>
      {login ? (
        <LoginSteps handle={handle}>
          <Done handle={handle} login={login} accounts={loaded.value?.accounts ?? []} />
        </LoginSteps>
      ) : (
        <NewLogin handle={handle} />
      )}
      <WhenLoaded of={loaded}>
        {({ accounts }) =>
          accounts.length > 0 && <AccountList accounts={accounts} handle={handle} onChange={loaded.reload} />
        }
      </WhenLoaded>
      {loaded.value !== null && loaded.value.accounts.length > 0 && (
        <Allowed accounts={loaded.value.accounts} />
      )}
      <Invitations />
    </>
  );
}

function NewLogin({ handle }: { handle: LoginHandle }) {
  const words = logInWords();
  const name = useSignal('');
  const begin = useOneAtATime(() => handle.begin(name.value === '' ? {} : { name: name.value }));
  return (
    <form
      class="card"
      aria-labelledby="new-login"
      onSubmit={(event) => {
        event.preventDefault();
        begin();
      }}
    >
      <h2 id="new-login">{words.add}</h2>
      <p>{loginWords().oneBot}</p>
      <div class="form-grid">
        <TextField label={words.name} of={name} />
      </div>
      <div class="buttons">
        <button type="submit" class="primary">
          {words.showCode}
        </button>
      </div>
    </form>
  );
}

/** What comes next: they write to the bot, and somebody serves it. */
function Done({ handle, login, accounts }: { handle: LoginHandle; login: Login; accounts: Account[] }) {
  const words = logInWords();
  const account = accounts.find(({ id }) => id === login.account?.id);
  return (
    <>
      {login.isNew && <p>{loginWords().writeFirst}</p>}
      {login.isNew && account?.login === 'ok' && !account.runner && (
        <>
          <p>{words.noRunner}</p>
          <pre>
            <code>wxagent run --account {account.name ?? account.id} --echo</code>
          </pre>
        </>
      )}
      {login.isNew && account?.runner && <p>{words.served}</p>}
      <div class="buttons">
        {!login.isNew && (
          <button type="button" onClick={() => handle.begin({ force: true }).catch(complain)}>
            {words.force}
          </button>
        )}
        <button type="button" class="primary" onClick={handle.forget}>
          {words.finish}
        </button>
      </div>
    </>
  );
}
