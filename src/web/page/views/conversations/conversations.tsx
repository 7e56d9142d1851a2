import { useEffect, useRef } from 'preact/hooks';
import { ask } from '../../api-client/api.ts';
import type { Account } from '../../api-client/types.ts';
import { useLoaded } from '../../frame/load.ts';
import { WhenLoaded } from '../../frame/loading.tsx';
import { accountName } from '../../frame/names.ts';
import { goTo } from '../../frame/route.ts';
import type { View } from '../../frame/view.ts';
import { Chat } from './chat.tsx';
import { List } from './list.tsx';
import { conversationWords } from './words.ts';

/** The chats of users with the bot. */
export const CONVERSATIONS: View = {
  path: 'conversations',
  name: { en: 'Conversations', zh: '对话' },
  icon: 'chat',
  isMain: true,
  Content: Conversations,
};

/** `rest`: the account, the user, and the entry that is looked for. */
function Conversations({ rest }: { rest: readonly string[] }) {
  const [named, user, around] = rest;
  const words = conversationWords();
  const before = useRef(user);
  useEffect(() => {
    const left = before.current;
    before.current = user;
    if (left === user || !matchMedia('(max-width: 900px)').matches) return;
    // What had the focus is not on the page any more.
    const place =
      user === undefined
        ? `.contact[href$="${CSS.escape(encodeURIComponent(left ?? ''))}"]`
        : '.chats .narrow-only';
    document.querySelector<HTMLElement>(place)?.focus();
  }, [user]);
  const loaded = useLoaded(
    (signal) => ask<{ accounts: Account[] }>('/accounts?users=none', { signal }),
    [],
    ({ type }) => type === 'login',
  );
  return (
    <WhenLoaded of={loaded}>
      {({ accounts }) => {
        const account = accounts.find(({ id, name }) => id === named || name === named) ?? accounts[0];
        if (!account) return <p class="wait">{words.none}</p>;
        return (
          <div class="chats" data-open={user !== undefined}>
            <div class="chats-list">
              {accounts.length > 1 && (
                <select
                  aria-label={words.account}
                  value={account.id}
                  onChange={({ currentTarget }) => goTo('conversations', currentTarget.value)}
                >
                  {accounts.map((one) => (
                    <option key={one.id} value={one.id}>
                      {accountName(one)}
                    </option>
                  ))}
                </select>
              )}
              <List key={account.id} account={account} user={user ?? null} />
            </div>
            {user === undefined ? (
              <p class="chats-none">{words.choose}</p>
            ) : (
              <Chat key={`${account.id} ${user}`} account={account} user={user} around={around ?? null} />
            )}
          </div>
        );
      }}
    </WhenLoaded>
  );
}
