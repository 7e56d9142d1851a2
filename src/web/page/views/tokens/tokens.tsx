import { useSignal } from '@preact/signals';
import { dateOf } from '../../../../page/language.ts';
import { ask } from '../../api-client/api.ts';
import type { Account, Token } from '../../api-client/types.ts';
import { withCode } from '../../frame/code-dialog.tsx';
import { confirmed } from '../../frame/dialog.tsx';
import { useLoaded } from '../../frame/load.ts';
import { WhenLoaded } from '../../frame/loading.tsx';
import { Secret } from '../../frame/secret.tsx';
import { fromNow } from '../../frame/time.ts';
import { complain, tell } from '../../frame/toast.tsx';
import type { View } from '../../frame/view.ts';
import { Browsers } from './browsers.tsx';
import { NewToken } from './new-token.tsx';
import { Sources } from './sources.tsx';
import { tokenWords } from './words.ts';

/** Who may use the server: programs by their tokens, tools that push, and browsers. */
export const TOKENS: View = {
  path: 'tokens',
  name: { en: 'Tokens and sources', zh: '令牌和来源' },
  icon: 'key',
  isMain: false,
  Content: Tokens,
};

function Tokens() {
  const words = tokenWords();
  const made = useSignal<string | null>(null);
  const loaded = useLoaded(
    async (signal) => {
      const [{ tokens }, { accounts }] = await Promise.all([
        ask<{ tokens: Token[] }>('/tokens', { signal }),
        ask<{ accounts: Account[] }>('/accounts', { signal }),
      ]);
      return { tokens, accounts };
    },
    [],
    ({ type }) => type === 'login' || type === 'audit',
  );
  return (
    <WhenLoaded of={loaded}>
      {({ tokens, accounts }) => (
        <>
          {made.value !== null && (
            <Secret
              name={words.made}
              about={words.madeAbout}
              text={made.value}
              onDone={() => {
                made.value = null;
              }}
            />
          )}
          <section class="card" aria-labelledby="tokens">
            <h2 id="tokens">{words.tokens}</h2>
            {tokens.length === 0 && <p class="dim">{words.none}</p>}
            <ul class="rows">
              {tokens.map((token) => (
                <TokenRow key={token.name} token={token} onChange={loaded.reload} />
              ))}
            </ul>
          </section>
          <NewToken
            accounts={accounts}
            onMade={(text) => {
              made.value = text;
              scrollTo({ top: 0 });
              loaded.reload();
            }}
          />
          <Sources accounts={accounts} />
          <Browsers />
        </>
      )}
    </WhenLoaded>
  );
}

function TokenRow({ token, onChange }: { token: Token; onChange: () => void }) {
  const words = tokenWords();
  const { name, scope, account, user, expiresAt, lastUsedAt } = token;
  const remove = async (): Promise<void> => {
    const question = { title: words.removeOf(name), about: words.removeAbout, act: words.remove };
    if (!(await confirmed(question))) return;
    const path = `/tokens/${encodeURIComponent(name)}`;
    if ((await withCode(() => ask(path, { method: 'DELETE' }))) === null) return;
    tell(words.removed(name));
    onChange();
  };
  const limits = [account !== null && words.onlyAccount(account), user !== null && words.onlyUser(user)];
  return (
    <li class="row">
      <div class="row-text">
        <p>
          <strong>{name}</strong> <span class="badge">{scope}</span>
        </p>
        <p class="dim">
          {[
            ...limits,
            expiresAt === null ? words.noEnd : words.until(dateOf(Date.parse(expiresAt))),
            lastUsedAt === null ? words.unused : words.used(fromNow(Date.parse(lastUsedAt))),
          ]
            .filter((part) => part !== false)
            .join(' · ')}
        </p>
      </div>
      <button type="button" aria-label={words.removeOf(name)} onClick={() => remove().catch(complain)}>
        {words.remove}
      </button>
    </li>
  );
}
