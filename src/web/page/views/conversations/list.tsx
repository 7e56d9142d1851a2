import { useSignal } from '@preact/signals';
import { useEffect, useState } from 'preact/hooks';
import { Avatar } from '../../../../page/chat/avatar.tsx';
import { Icon } from '../../../../page/icons.tsx';
import { ask } from '../../api-client/api.ts';
import { onEvent } from '../../api-client/live.ts';
import { stale } from '../../api-client/state.ts';
import type { Account, Conversation } from '../../api-client/types.ts';
import { plain, userName } from '../../frame/names.ts';
import { linkTo } from '../../frame/route.ts';
import { fromNow } from '../../frame/time.ts';
import { complain } from '../../frame/toast.tsx';
import { Hits } from './hits.tsx';
import { onSeen } from './seen.ts';
import { letterName } from './shown.ts';
import { conversationWords } from './words.ts';

type Only = 'unseen' | 'failed' | 'held';

const ONLY: readonly Only[] = ['unseen', 'failed', 'held'];
const PAGE = 50;
const TOGETHER_MS = 300;

/** The conversations of an account, and what is found in them. */
export function List({ account, user }: { account: Account; user: string | null }) {
  const words = conversationWords();
  const [wanted, setWanted] = useState('');
  const [only, setOnly] = useState<Only | null>(null);
  const named = useLater(wanted.trim());
  const list = useConversations(account.id, named, only);
  return (
    <section class="chat-list" aria-label={words.list}>
      <div class="search">
        <Icon name="search" />
        <input
          type="search"
          value={wanted}
          maxLength={200}
          aria-label={words.search}
          placeholder={words.search}
          onInput={({ currentTarget }) => setWanted(currentTarget.value)}
        />
      </div>
      <fieldset class="only" aria-label={words.only}>
        {[null, ...ONLY].map((one) => (
          <button
            key={one}
            type="button"
            class="small"
            aria-pressed={only === one}
            onClick={() => setOnly(one)}
          >
            {words.kinds[one ?? 'all']}
          </button>
        ))}
      </fieldset>
      {list.problem !== null && (
        <p class="problem" role="alert">
          {list.problem}
        </p>
      )}
      <div class="chat-list-scroll" key={named}>
        {named !== '' && list.found !== null && list.found.length > 0 && <h2>{words.users}</h2>}
        <ul>
          {list.found?.map((one) => (
            <Row key={one.id} account={account} one={one} isShown={one.id === user} />
          ))}
        </ul>
        {list.found?.length === 0 && named === '' && (
          <p class="wait">{only === null ? words.none : words.noSuch}</p>
        )}
        {list.onMore && (
          <button type="button" class="quiet more" onClick={list.onMore}>
            {words.more}
          </button>
        )}
        {named !== '' && (
          <Hits key={named} account={account} text={named} hasUsers={(list.found?.length ?? 0) > 0} />
        )}
        {named === '' && list.found?.some(({ unseen }) => unseen > 0) && (
          <button
            type="button"
            class="quiet more"
            onClick={() => {
              ask(`/accounts/${encodeURIComponent(account.id)}/seen`, { body: {} }).then(
                list.reload,
                complain,
              );
            }}
          >
            {words.allSeen}
          </button>
        )}
      </div>
    </section>
  );
}

function Row({ account, one, isShown }: { account: Account; one: Conversation; isShown: boolean }) {
  const words = conversationWords();
  const { id, last, lastAt, failed, hold } = one;
  // Whoever looks at it has seen it.
  const unseen = isShown ? 0 : one.unseen;
  const text = plain(last.text.replace(/\s+/g, ' ').trim() || last.name || `[${last.kind}]`);
  return (
    <li>
      <a
        class="contact"
        href={linkTo('conversations', account.id, id)}
        aria-current={isShown ? 'true' : undefined}
      >
        <Avatar user={id} name={letterName(id)} isOwner={id === account.owner} />
        <span class="contact-text">
          <span class="contact-name">
            <strong dir="auto">{userName(id)}</strong>
            <small>{fromNow(Date.parse(lastAt))}</small>
          </span>
          <small class="contact-last" dir="auto">
            {last.part !== null && `${words.bot}: `}
            {text}
          </small>
          {(failed > 0 || hold || unseen > 0) && (
            <span class="contact-badges">
              {unseen > 0 && <span class="badge good">{words.unseen(unseen)}</span>}
              {failed > 0 && <span class="badge bad">{words.failed(failed)}</span>}
              {hold && <span class="badge">{words.held(hold.parts)}</span>}
            </span>
          )}
        </span>
      </a>
    </li>
  );
}

/** A value that changes only when it has been the same for a moment. */
function useLater(value: string): string {
  const [later, setLater] = useState(value);
  useEffect(() => {
    const soon = setTimeout(() => setLater(value), TOGETHER_MS);
    return () => clearTimeout(soon);
  }, [value]);
  return later;
}

interface Found {
  /** null: they have not come yet. */
  found: readonly Conversation[] | null;
  problem: string | null;
  onMore: (() => void) | null;
  reload(): void;
}

/** The first conversations, and more when they are asked for; one that changes is asked for alone. */
function useConversations(account: string, named: string, only: Only | null): Found {
  const found = useSignal<readonly Conversation[] | null>(null);
  const before = useSignal<string | null>(null);
  const problem = useSignal<string | null>(null);
  const asked = useSignal(0);
  const path = `/accounts/${encodeURIComponent(account)}/conversations`;
  const filter =
    (named === '' ? '' : `&user=${encodeURIComponent(named)}`) + (only === null ? '' : `&only=${only}`);

  const load = async (from: string | null, signal?: AbortSignal): Promise<void> => {
    const place = from === null ? '' : `&before=${encodeURIComponent(from)}`;
    try {
      const page = await ask<{ conversations: Conversation[]; before: string | null }>(
        `${path}?limit=${PAGE}${filter}${place}`,
        signal ? { signal } : {},
      );
      found.value =
        from === null ? page.conversations : inOrder([...(found.peek() ?? []), ...page.conversations]);
      before.value = page.before;
      problem.value = null;
    } catch (thrown) {
      if (!signal?.aborted) problem.value = thrown instanceof Error ? thrown.message : String(thrown);
    }
  };

  useEffect(() => {
    const stop = new AbortController();
    const changed = new Set<string>();
    let soon: ReturnType<typeof setTimeout> | undefined;
    const look = async (): Promise<void> => {
      soon = undefined;
      const users = [...changed].filter((user) => user.toLowerCase().includes(named.toLowerCase()));
      changed.clear();
      if (users.length > PAGE / 5) return load(null, stop.signal);
      const those = users.map((user) =>
        ask<Conversation>(`${path}/${encodeURIComponent(user)}`, { signal: stop.signal }).catch(() => null),
      );
      const now = (await Promise.all(those)).filter((one) => one !== null);
      if (stop.signal.aborted) return;
      found.value = inOrder([...now, ...(found.peek() ?? [])]).filter((one) => isOf(one, only));
    };
    const note = ({ account: of, user }: { account: string | null; user: string | null }): void => {
      if (of !== account || user === null) return;
      changed.add(user);
      soon ??= setTimeout(() => void look(), TOGETHER_MS);
    };
    const stopEvents = onEvent(note);
    const stopSeen = onSeen(note);
    const stopStale = stale.subscribe(() => void load(null, stop.signal));
    return () => {
      stop.abort();
      clearTimeout(soon);
      stopEvents();
      stopSeen();
      stopStale();
    };
  }, [account, named, only, asked.value]);

  const from = before.value;
  return {
    found: found.value,
    problem: problem.value,
    onMore: from === null ? null : () => void load(from),
    reload: () => {
      asked.value++;
    },
  };
}

function isOf({ unseen, failed, hold }: Conversation, only: Only | null): boolean {
  return only === null || { unseen: unseen > 0, failed: failed > 0, held: hold !== null }[only];
}

/** Each user once, as it came first; those with the newest entry first. */
function inOrder(all: readonly Conversation[]): Conversation[] {
  const byUser = new Map<string, Conversation>();
  for (const one of all) if (!byUser.has(one.id)) byUser.set(one.id, one);
  return [...byUser.values()].sort((a, b) => Date.parse(b.lastAt) - Date.parse(a.lastAt));
}
