import { effect, signal } from '@preact/signals';
import { render } from 'preact';
import { Icon } from '../../page/icons.tsx';
import { followLanguage } from '../../page/language.ts';
import { PageSwitches } from '../../page/switches.tsx';
import { followTheme } from '../../page/theme.ts';
import { Chat, ChatState } from './chat.tsx';
import { Contacts, UserAvatar } from './contacts.tsx';
import { trouble } from './controls.ts';
import { nameOf } from './names.ts';
import { Switchboard } from './switchboard.tsx';
import { phoneWords } from './words.ts';
import { connection, selected, unreadOf, users } from './world.ts';

/** What a narrow page shows; a wide one shows all three side by side. */
const view = signal<'chats' | 'chat' | 'controls'>('chat');

function Phone() {
  const words = phoneWords();
  const user = selected.value;
  return (
    <div class="phone" data-view={view.value}>
      <header class="head">
        <h1>{words.title}</h1>
        <p class="head-about">{words.about}</p>
        <PageSwitches />
      </header>
      <Notices />
      <aside class="side-chats">
        <SideHead title={words.chats} />
        <Contacts onChoose={() => show('chat')} />
      </aside>
      <main class="middle">
        <div class="chat-head">
          <button
            type="button"
            class="quiet square narrow-only"
            aria-label={words.showChats}
            onClick={() => show('chats')}
          >
            <Icon name="people" />
          </button>
          {user !== null && <UserAvatar user={user} />}
          <div class="chat-title">
            <h2>{user === null ? '' : nameOf(user)}</h2>
            {user !== null && <ChatState user={user} />}
          </div>
          <button
            type="button"
            class="quiet square narrow-only"
            aria-label={words.showControls}
            onClick={() => show('controls')}
          >
            <Icon name="bolt" />
          </button>
        </div>
        {user !== null && <Chat key={user} user={user} />}
      </main>
      <aside class="side-controls">
        <SideHead title={words.controls} />
        <Switchboard />
      </aside>
    </div>
  );
}

function SideHead({ title }: { title: string }) {
  return (
    <div class="side-head">
      <button
        type="button"
        class="quiet square narrow-only"
        aria-label={phoneWords().backToChat}
        onClick={() => show('chat')}
      >
        <Icon name="back" />
      </button>
      <h2>{title}</h2>
    </div>
  );
}

/** What is wrong, where everybody sees and hears it. */
function Notices() {
  const words = phoneWords();
  return (
    <div class="notices" role="alert">
      {connection.value === 'lost' && <p class="notice">{words.lost}</p>}
      {trouble.value !== null && (
        <p class="notice">
          <span>{trouble.value}</span>
          <button
            type="button"
            class="quiet square"
            aria-label={words.close}
            onClick={() => {
              trouble.value = null;
            }}
          >
            <Icon name="close" />
          </button>
        </p>
      )}
    </div>
  );
}

function show(next: 'chats' | 'chat' | 'controls'): void {
  view.value = next;
  // Whoever uses a keyboard goes on in what has appeared.
  const place = { chats: '.side-chats', chat: '.chat-head', controls: '.side-controls' }[next];
  queueMicrotask(() => document.querySelector<HTMLElement>(`${place} button`)?.focus());
}

followLanguage();
followTheme();
effect(() => {
  const unread = users.value.reduce((sum, user) => sum + unreadOf(user), 0);
  document.title = unread > 0 ? `(${unread}) ${phoneWords().title}` : phoneWords().title;
});
const place = document.getElementById('page');
if (place) {
  place.replaceChildren();
  render(<Phone />, place);
}
