import { useState } from 'preact/hooks';
import { ChatLog, MOST_SHOWN } from '../../page/chat/chat-log.tsx';
import { Composer } from '../../page/chat/composer.tsx';
import { useDropPlace } from '../../page/chat/drop-place.ts';
import { type ChatMessage, gist } from '../../page/chat/message.ts';
import { chatWords } from '../../page/chat/words.ts';
import { clockMs } from './clock.ts';
import { complain, write, writeFiles, writeVoice } from './controls.ts';
import { LoginCard } from './login-card.tsx';
import { messagesOf, nameOf } from './names.ts';
import { phoneWords } from './words.ts';
import { state } from './world.ts';

export function Chat({ user }: { user: string }) {
  const [quoted, setQuoted] = useState<ChatMessage | null>(null);
  const drop = useDropPlace((files) => void writeFiles(user, files, 'picture'));
  const words = phoneWords();
  const { typing = [] } = state.value ?? {};
  const withQuote = () => (quoted?.id == null ? {} : { quote: { id: quoted.id } });
  return (
    <section
      class={`chat ${drop.isOver ? 'drop' : ''}`}
      aria-label={words.chatWith(nameOf(user))}
      {...drop.handlers}
    >
      <LoginCard />
      <ChatLog
        name={words.chatWith(nameOf(user))}
        messages={messagesOf(user, MOST_SHOWN + 1)}
        typing={typing.some((one) => one.user === user)}
        onQuote={setQuoted}
      >
        <Beginning user={user} />
      </ChatLog>
      <Composer
        quote={quoted && gist(quoted, chatWords().kinds)}
        onEndQuote={() => setQuoted(null)}
        onText={async (text) => {
          const sent = await write(user, { text, ...withQuote() });
          if (sent) setQuoted(null);
          return sent;
        }}
        onFiles={(files, as) => writeFiles(user, files, as)}
        onVoice={(wav, from) => writeVoice(user, wav, from === 'sample' ? words.sampleTranscript : undefined)}
        onTrouble={(thrown) =>
          complain(`${words.noMicrophone}: ${thrown instanceof Error ? thrown.message : thrown}`)
        }
      />
    </section>
  );
}

/** Who the bot is to this user, and what it may still send. */
export function ChatState({ user }: { user: string }) {
  const words = phoneWords();
  const contact = state.value?.contacts.find((one) => one.user === user);
  const bot = state.value?.bots.find((one) => one.id === contact?.bot);
  const isTyping = state.value?.typing.some((one) => one.user === user) ?? false;
  const quota = state.value?.settings.quota ?? 0;
  if (!contact || !bot) return <p class="chat-state">{words.noBot}</p>;
  const isConnected = bot.announced || bot.polls > 0;
  const { budgetLeft, windowEndsMs } = contact;
  const isClosed = windowEndsMs !== null && windowEndsMs < clockMs.value;
  const mayWrite = budgetLeft !== 0 && !isClosed;
  return (
    <p class="chat-state">
      <span class={`dot ${isConnected ? 'on' : ''}`} aria-hidden="true" />
      <span role="status">
        {words.bot} {isTyping ? words.typing : isConnected ? words.connected : words.notConnected}
      </span>
      <span class={mayWrite ? 'budget' : 'budget spent'} title={mayWrite ? undefined : words.mustWrite}>
        {budgetLeft === null ? words.anyBudget : words.budget(budgetLeft, quota)}
        {windowEndsMs !== null &&
          ` · ${isClosed ? words.closed : words.window(Math.ceil((windowEndsMs - clockMs.value) / 3_600_000))}`}
      </span>
    </p>
  );
}

function Beginning({ user }: { user: string }) {
  const words = phoneWords();
  const view = state.value;
  if (!view) return null;
  const hasBot = view.contacts.some((one) => one.user === user && one.bot !== null);
  const isNobodyHere = !view.bots.some(({ live }) => live);
  if (hasBot || !isNobodyHere) return <p class="beginning">{words.hello}</p>;
  const home = '--home ./simulated';
  return (
    <div class="beginning">
      <h3>{words.start}</h3>
      <p>{words.startAbout}</p>
      <pre>
        <code>{`wxagent login ${home} --base-url ${location.origin}\nwxagent run ${home} --echo`}</code>
      </pre>
      <p>{words.waits}</p>
    </div>
  );
}
