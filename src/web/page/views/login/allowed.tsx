import { useSignal } from '@preact/signals';
import { dayAndTime } from '../../../../page/language.ts';
import { ask } from '../../api-client/api.ts';
import type { Account } from '../../api-client/types.ts';
import { confirmed } from '../../frame/dialog.tsx';
import { Choice, TextField } from '../../frame/fields.tsx';
import { useLoaded } from '../../frame/load.ts';
import { WhenLoaded } from '../../frame/loading.tsx';
import { accountName, userName } from '../../frame/names.ts';
import { useOneAtATime } from '../../frame/one-at-a-time.ts';
import { complain, tell } from '../../frame/toast.tsx';
import { logInWords } from './words.ts';

/** A user of `GET /accounts/{account}/allowed`. */
interface AllowedUser {
  id: string;
  since: string;
}

/** Who may write to a bot besides its owner. */
export function Allowed({ accounts }: { accounts: readonly Account[] }) {
  const words = logInWords().allowed;
  const chosen = useSignal(accounts[0]?.id ?? '');
  const user = useSignal('');
  const account = accounts.find(({ id }) => id === chosen.value) ?? (accounts[0] as Account);
  const path = `/accounts/${encodeURIComponent(account.id)}/allowed`;
  const loaded = useLoaded(
    (signal) => ask<{ users: AllowedUser[] }>(path, { signal }),
    [path],
    ({ type }) => type === 'audit',
  );
  const allow = useOneAtATime(async () => {
    await ask(path, { body: { user: user.value } });
    tell(words.added(userName(user.value)));
    user.value = '';
  });
  return (
    <section class="card" aria-labelledby="allowed">
      <h2 id="allowed">{words.title}</h2>
      <p>{words.about}</p>
      <form
        onSubmit={(event) => {
          event.preventDefault();
          if (user.value !== '') allow();
        }}
      >
        <div class="form-grid">
          {accounts.length > 1 && (
            <Choice label={words.account} of={chosen}>
              {accounts.map((one) => (
                <option key={one.id} value={one.id}>
                  {accountName(one)}
                </option>
              ))}
            </Choice>
          )}
          <TextField label={words.user} of={user} isNeeded most={200} />
        </div>
        <div class="buttons form-end">
          <button type="submit">{words.add}</button>
        </div>
      </form>
      <WhenLoaded of={loaded}>
        {({ users }) => (
          <>
            {users.length === 0 && <p class="dim">{words.none}</p>}
            <ul class="rows">
              {users.map((one) => (
                <AllowedRow key={one.id} user={one} path={path} />
              ))}
            </ul>
          </>
        )}
      </WhenLoaded>
    </section>
  );
}

function AllowedRow({ user: { id, since }, path }: { user: AllowedUser; path: string }) {
  const words = logInWords().allowed;
  const remove = async (): Promise<void> => {
    const question = { title: words.removeOf(userName(id)), about: words.removeAbout, act: words.remove };
    if (!(await confirmed(question))) return;
    await ask(`${path}/${encodeURIComponent(id)}`, { method: 'DELETE' });
    tell(words.removed(userName(id)));
  };
  return (
    <li class="row">
      <div class="row-text">
        <p>
          <strong>{userName(id)}</strong>
        </p>
        <p class="dim">{words.since(dayAndTime(Date.parse(since)))}</p>
      </div>
      <button
        type="button"
        aria-label={words.removeOf(userName(id))}
        onClick={() => remove().catch(complain)}
      >
        {words.remove}
      </button>
    </li>
  );
}
