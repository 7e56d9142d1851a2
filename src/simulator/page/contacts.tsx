import { useState } from 'preact/hooks';
import { Avatar } from '../../page/chat/avatar.tsx';
import { gist } from '../../page/chat/message.ts';
import { chatWords } from '../../page/chat/words.ts';
import { Icon } from '../../page/icons.tsx';
import { timeOfDay } from '../../page/language.ts';
import { addUser } from './controls.ts';
import { lastMessageOf, nameOf } from './names.ts';
import { phoneWords } from './words.ts';
import { isOwner, select, selected, unreadOf, users } from './world.ts';

/** The chats: one for each user, and one more for who is added. */
export function Contacts({ onChoose }: { onChoose: () => void }) {
  const words = phoneWords();
  return (
    <nav class="contacts" aria-label={words.chats}>
      <ul>
        {users.value.map((user) => (
          <Contact
            key={user}
            user={user}
            onChoose={() => {
              select(user);
              onChoose();
            }}
          />
        ))}
      </ul>
      <NewUser onAdd={onChoose} />
    </nav>
  );
}

function Contact({ user, onChoose }: { user: string; onChoose: () => void }) {
  const words = phoneWords();
  const last = lastMessageOf(user);
  const unread = unreadOf(user);
  const name = nameOf(user);
  return (
    <li>
      <button
        type="button"
        class="contact"
        aria-current={user === selected.value ? 'true' : undefined}
        onClick={onChoose}
      >
        <UserAvatar user={user} />
        <span class="contact-text">
          <span class="contact-name">
            <strong>{name}</strong>
            {last && <small>{timeOfDay(last.timeMs)}</small>}
          </span>
          <small class="contact-last">
            {last ? gist(last, chatWords().kinds) : isOwner(user) ? words.ownerNote : words.strangerNote}
          </small>
        </span>
        {unread > 0 && (
          <span class="unread" role="img" aria-label={words.unread(unread)}>
            {unread}
          </span>
        )}
      </button>
    </li>
  );
}

export function UserAvatar({ user }: { user: string }) {
  return <Avatar user={user} name={nameOf(user)} isOwner={isOwner(user)} />;
}

function NewUser({ onAdd }: { onAdd: () => void }) {
  const [name, setName] = useState('');
  const words = phoneWords();
  return (
    <form
      class="new-user"
      onSubmit={(event) => {
        event.preventDefault();
        const wanted = name.trim();
        if (wanted === '') return;
        setName('');
        void addUser(wanted);
        onAdd();
      }}
    >
      <input
        type="text"
        value={name}
        maxLength={60}
        aria-label={words.nameOfUser}
        placeholder={words.addUser}
        onInput={({ currentTarget }) => setName(currentTarget.value)}
      />
      <button type="submit" class="quiet square" aria-label={words.addUser} title={words.addUser}>
        <Icon name="plus" />
      </button>
    </form>
  );
}
