import type { ComponentChild } from 'preact';
import { useState } from 'preact/hooks';
import { Icon } from '../icons.tsx';
import { type ChatMessage, gist, sizeInWords } from './message.ts';
import { VoicePlayer } from './voice-player.tsx';
import { chatWords } from './words.ts';

/** A text that is longer is shown to here, until somebody wants all of it. */
const SHOWN_CHARS = 3_000;

/** One message of a chat. Its texts are texts: nothing in them becomes HTML. */
export function Bubble(props: {
  message: ChatMessage;
  onQuote: ((message: ChatMessage) => void) | null;
  /** Stands below it. */
  foot?: ComponentChild;
  /** It is on its way, and read out when it is there. */
  isOnItsWay?: boolean;
}) {
  const { message, onQuote, foot, isOnItsWay = false } = props;
  const words = chatWords();
  if (message.unseen !== null)
    return (
      <li class="unseen-message">
        <Icon name="unseen" /> {message.unseen}
      </li>
    );
  const quoteName = words.quote(gist(message, words.kinds));
  return (
    <li
      class={`message ${message.isMine ? 'mine' : 'theirs'}`}
      data-n={message.n}
      aria-live={isOnItsWay ? 'off' : undefined}
    >
      <span class="unseen-text">{message.author}: </span>
      <div class="said">
        <div class={`bubble bubble-${message.grey === null ? message.kind : 'grey'}`}>
          {message.quote !== null && (
            <p class="quoted" dir="auto">
              <span class="unseen-text">{words.quoted} </span>
              {message.quote}
            </p>
          )}
          <Content message={message} />
        </div>
        {foot}
      </div>
      {onQuote && message.id !== null && (
        <button
          type="button"
          class="quiet square quote-button"
          aria-label={quoteName}
          title={quoteName}
          onClick={() => onQuote(message)}
        >
          <Icon name="quote" />
        </button>
      )}
    </li>
  );
}

function Content({ message }: { message: ChatMessage }) {
  const [isBroken, setBroken] = useState(false);
  const words = chatWords();
  const name = message.fileName ?? '';
  const { url } = message;
  if (message.grey !== null) return <Grey title={words.grey} reason={message.grey} />;
  if (message.kind === 'text' || message.kind === 'other')
    return <Text text={message.text || `[${words.kinds[message.kind]}]`} />;
  if (url === null || isBroken) return <Grey title={words.kinds[message.kind]} reason={words.notOpened} />;
  const onError = () => setBroken(true);
  const text = message.text !== '' && <Text text={message.text} />;
  switch (message.kind) {
    case 'image':
      return (
        <>
          {/* Safari makes a file of what is dragged: let go over the chat, it would be sent. */}
          <a href={url} target="_blank" rel="noopener noreferrer" draggable={false}>
            <img
              class="picture"
              draggable={false}
              src={url}
              alt={words.picture(name).trim()}
              loading="lazy"
              onError={onError}
            />
          </a>
          {text}
        </>
      );
    case 'video':
      return (
        <>
          {/* biome-ignore lint/a11y/useMediaCaption: a person sent it, nobody has captions of it. */}
          <video
            class="picture"
            src={url}
            controls
            preload="metadata"
            aria-label={words.video(name).trim()}
            onError={onError}
          />
          {text}
        </>
      );
    case 'voice':
      return (
        <>
          <VoicePlayer url={message.soundUrl ?? url} />
          {text}
        </>
      );
    case 'file': {
      const title = message.fileName ?? words.kinds.file;
      return (
        <a class="file" href={url} download={message.fileName ?? 'file'}>
          <Icon name="file" />
          <span>
            <strong>
              <span class="unseen-text">{words.save} </span>
              {title}
            </strong>
            {message.sizeBytes !== null && <small>{sizeInWords(message.sizeBytes)}</small>}
          </span>
        </a>
      );
    }
  }
}

/** A text in its own direction; of a very long one, the beginning. */
function Text({ text }: { text: string }) {
  const [isWhole, setWhole] = useState(text.length <= SHOWN_CHARS);
  return (
    <>
      <p class="text" dir="auto">
        {isWhole ? text : `${text.slice(0, SHOWN_CHARS).replace(/\p{Cs}/gu, '\ufffd')}…`}
      </p>
      {!isWhole && (
        <button type="button" class="whole" onClick={() => setWhole(true)}>
          {chatWords().whole(text.length)}
        </button>
      )}
    </>
  );
}

function Grey({ title, reason }: { title: string; reason: string }) {
  return (
    <div class="grey">
      <Icon name="unseen" />
      <p>
        <strong>{title}</strong>
        <small>{reason}</small>
      </p>
    </div>
  );
}
