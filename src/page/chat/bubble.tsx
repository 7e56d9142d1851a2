import { useState } from 'preact/hooks';
import { Icon } from '../icons.tsx';
import { type ChatMessage, gist, sizeInWords } from './message.ts';
import { VoicePlayer } from './voice-player.tsx';
import { chatWords } from './words.ts';

/** One message of a chat. Its texts are texts: nothing in them becomes HTML. */
export function Bubble(props: { message: ChatMessage; onQuote: ((message: ChatMessage) => void) | null }) {
  const { message, onQuote } = props;
  const words = chatWords();
  if (message.unseen !== null)
    return (
      <li class="unseen-message">
        <Icon name="unseen" /> {message.unseen}
      </li>
    );
  const quoteName = words.quote(gist(message, words.kinds));
  return (
    <li class={`message ${message.isMine ? 'mine' : 'theirs'}`} data-n={message.n}>
      <span class="unseen-text">{message.author}: </span>
      <div class={`bubble bubble-${message.grey === null ? message.kind : 'grey'}`}>
        {message.quote !== null && (
          <p class="quoted">
            <span class="unseen-text">{words.quoted} </span>
            {message.quote}
          </p>
        )}
        <Content message={message} />
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
    return <p class="text">{message.text || `[${words.kinds[message.kind]}]`}</p>;
  if (url === null || isBroken) return <Grey title={words.kinds[message.kind]} reason={words.notOpened} />;
  const onError = () => setBroken(true);
  const text = message.text !== '' && <p class="text">{message.text}</p>;
  switch (message.kind) {
    case 'image':
      return (
        <>
          <a href={url} target="_blank" rel="noopener noreferrer">
            <img class="picture" src={url} alt={words.picture(name).trim()} onError={onError} />
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
