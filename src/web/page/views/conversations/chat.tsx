import { useMemo } from 'preact/hooks';
import { BUDGET_MESSAGES } from '../../../../core/message/wechat-limits.ts';
import { Avatar } from '../../../../page/chat/avatar.tsx';
import { ChatLog } from '../../../../page/chat/chat-log.tsx';
import { Composer } from '../../../../page/chat/composer.tsx';
import { useDropPlace } from '../../../../page/chat/drop-place.ts';
import { Icon } from '../../../../page/icons.tsx';
import { ask } from '../../api-client/api.ts';
import type { Account, Conversation } from '../../api-client/types.ts';
import { useLoaded } from '../../frame/load.ts';
import { userName } from '../../frame/names.ts';
import { goTo } from '../../frame/route.ts';
import { stateWords } from '../../frame/state-words.ts';
import { duration, nowMs } from '../../frame/time.ts';
import { keyOf, useEntries } from './entries.ts';
import { Foot, SendingFoot } from './foot.tsx';
import { LaterDialog, sendLater } from './later.tsx';
import { useSeen } from './seen.ts';
import { draftOf, send, sendings } from './sending.ts';
import { letterName, numberOf, shownOf, shownSending } from './shown.ts';
import { conversationWords } from './words.ts';

/** The chat with one user; `around`: the entry that somebody looks for, null: the newest. */
export function Chat({ account, user, around }: { account: Account; user: string; around: string | null }) {
  const words = conversationWords();
  const found = useEntries(account.id, user, around);
  const draft = useMemo(() => draftOf(account.id, user), [account.id, user]);
  const mine = found.hasNewer
    ? []
    : sendings.value.filter((one) => one.account === account.id && one.user === user);
  useSeen(account.id, user, found.hasNewer ? null : found.entries);
  const entries = found.entries ?? [];
  const byNumber = new Map(entries.map((entry) => [numberOf(keyOf(entry)), entry]));
  const sendingByNumber = new Map(mine.map((one) => [numberOf(`sending=${one.key}`), one]));
  const messages = [...entries.flatMap((entry) => shownOf(entry, account.id)), ...mine.map(shownSending)];
  const isRunning = entries.some(({ message }) => message?.state === 'running');
  const name = userName(user);
  const sendFiles = async (files: File[]): Promise<boolean> => {
    if (files.length > 0) send(account.id, user, '', files);
    return true;
  };
  const drop = useDropPlace((files) => void sendFiles(files));
  return (
    <section class={`chat ${drop.isOver ? 'drop' : ''}`} aria-label={words.chatWith(name)} {...drop.handlers}>
      <Head account={account} user={user} />
      {found.problem !== null && (
        <div class="problem" role="alert">
          {found.problem}
        </div>
      )}
      <ChatLog
        key={around}
        name={words.chatWith(name)}
        messages={messages}
        typing={isRunning && !found.hasNewer}
        onQuote={null}
        footOf={({ n }) => {
          const sending = sendingByNumber.get(n);
          if (sending) return <SendingFoot sending={sending} />;
          const entry = byNumber.get(n);
          return entry && <Foot entry={entry} account={account.id} />;
        }}
        pages={{
          onOlder: found.hasOlder ? found.loadOlder : null,
          onNewer: found.hasNewer ? found.loadNewer : null,
          onNewest: () => (around === null ? found.loadNewest() : goTo('conversations', account.id, user)),
          isOwn: ({ n }) => sendingByNumber.has(n),
          wanted: around === null ? null : numberOf(around),
        }}
      >
        {found.entries && <p class="pause">{words.empty}</p>}
      </ChatLog>
      <Composer
        key={user}
        quote={null}
        onEndQuote={() => {}}
        onText={async (text) => {
          send(account.id, user, text);
          return true;
        }}
        onFiles={sendFiles}
        onLater={(text) => sendLater(account.id, user, text)}
        onVoice={null}
        onTrouble={() => {}}
        draft={draft}
      />
      <LaterDialog />
    </section>
  );
}

function Head({ account, user }: { account: Account; user: string }) {
  const words = conversationWords();
  const { value } = useLoaded(
    (signal) =>
      ask<Conversation>(
        `/accounts/${encodeURIComponent(account.id)}/conversations/${encodeURIComponent(user)}`,
        { signal },
      ),
    [account.id, user],
    (event) => event.account === account.id && event.user === user,
  );
  return (
    <header class="chat-head">
      <a class="quiet square narrow-only" href="#/conversations" aria-label={words.back} title={words.back}>
        <Icon name="back" />
      </a>
      <Avatar user={user} name={letterName(user)} isOwner={user === account.owner} />
      <div class="chat-title">
        <h2 dir="auto">{userName(user)}</h2>
        {value && <Allowance conversation={value} isOwner={user === account.owner} />}
      </div>
    </header>
  );
}

/** What may still be sent, and why not. */
function Allowance({ conversation, isOwner }: { conversation: Conversation; isOwner: boolean }) {
  const words = conversationWords();
  const { budgetLeft, windowEndsAt, hold } = conversation;
  const endsMs = windowEndsAt === null ? null : Date.parse(windowEndsAt);
  const isOpen = endsMs !== null && endsMs > nowMs.value;
  const isFree = isOpen && budgetLeft > 0 && hold === null;
  return (
    <p class={`allowance ${isFree ? '' : 'spent'}`}>
      {isOpen
        ? `${words.left(budgetLeft, BUDGET_MESSAGES)} · ${words.closes(duration(endsMs - nowMs.value))}`
        : endsMs === null
          ? isOwner
            ? words.notYet
            : words.neverWrote
          : words.closed}
      {isOpen && budgetLeft === 0 && ` · ${words.spent}`}
      {hold && ` · ${words.held(hold.parts)}: ${stateWords().holds[hold.reason] ?? hold.reason}`}
    </p>
  );
}
