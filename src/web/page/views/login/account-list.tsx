import { ask } from '../../api-client/api.ts';
import type { Account } from '../../api-client/types.ts';
import { withCode } from '../../frame/code-dialog.tsx';
import { confirmed } from '../../frame/dialog.tsx';
import { accountName, userName } from '../../frame/names.ts';
import { complain, tell } from '../../frame/toast.tsx';
import type { LoginHandle } from '../../login/use-login.ts';
import { logInWords } from './words.ts';

/** The accounts there are, those that need a new login first. */
export function AccountList({
  accounts,
  handle,
  onChange,
}: {
  accounts: readonly Account[];
  handle: LoginHandle;
  onChange: () => void;
}) {
  const words = logInWords();
  const sorted = [...accounts].sort((a, b) => Number(a.login === 'ok') - Number(b.login === 'ok'));
  return (
    <section class="card" aria-labelledby="accounts">
      <h2 id="accounts">{words.accounts}</h2>
      <ul class="rows">
        {sorted.map((account) => {
          const { id, name, login, owner } = account;
          return (
            <li key={id} class="row">
              <div class="row-text">
                <p>
                  <strong>{accountName(account)}</strong>{' '}
                  <span class={`badge ${login === 'ok' ? 'good' : 'bad'}`}>{words.login[login]}</span>
                </p>
                <p class="dim">{owner === null ? id : words.ownedBy(userName(owner))}</p>
              </div>
              <div class="buttons">
                <button
                  type="button"
                  class={login === 'ok' ? '' : 'primary'}
                  disabled={handle.isGoingOn}
                  aria-label={words.againOf(accountName(account))}
                  onClick={() => {
                    scrollTo({ top: 0 });
                    handle.begin({ force: true, ...(name === null ? {} : { name }) }).catch(complain);
                  }}
                >
                  {words.again}
                </button>
                <button
                  type="button"
                  aria-label={words.logOutOf(accountName(account))}
                  onClick={() => logOut(account).then((isOut) => isOut && onChange(), complain)}
                >
                  {words.logOut}
                </button>
              </div>
            </li>
          );
        })}
      </ul>
    </section>
  );
}

async function logOut(account: Account): Promise<boolean> {
  const words = logInWords();
  const name = accountName(account);
  const question = { title: words.logOutOf(name), about: words.logOutAbout, act: words.logOut };
  if (!(await confirmed(question))) return false;
  const path = `/accounts/${encodeURIComponent(account.id)}`;
  if ((await withCode(() => ask(path, { method: 'DELETE' }))) === null) return false;
  tell(words.loggedOut(name));
  return true;
}
