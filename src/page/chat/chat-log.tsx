import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { dayAndTime } from '../language.ts';
import { Bubble } from './bubble.tsx';
import type { ChatMessage } from './message.ts';
import { chatWords } from './words.ts';

/** Between two messages further apart stands the time. */
const PAUSE_MS = 5 * 60_000;
/** A chat shows so many; older ones are where they were, but not on the page. */
export const MOST_SHOWN = 300;
/** Whoever is so near to the end follows it. */
const NEAR_PIXELS = 120;

/** The messages of a chat, oldest first. New ones are read out; who has scrolled back stays there. */
export function ChatLog(props: {
  name: string;
  messages: readonly ChatMessage[];
  onQuote: ((message: ChatMessage) => void) | null;
  /** Shown in place of messages while there are none. */
  children?: ComponentChildren;
  /** Shown at the end, and not read out. */
  typing: boolean;
}) {
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const shown = props.messages.slice(-MOST_SHOWN);
  const last = shown.at(-1);
  const words = chatWords();

  useLayoutEffect(() => {
    const element = box.current;
    if (element && (follows.current || last?.isMine)) element.scrollTop = element.scrollHeight;
  }, [last?.n, props.typing, props.name]);

  // A picture is higher once it is there, and the place for messages smaller while one quotes.
  useEffect(() => {
    const watching = new ResizeObserver(() => {
      if (follows.current && box.current) box.current.scrollTop = box.current.scrollHeight;
    });
    for (const element of [box.current, box.current?.querySelector('.messages')]) {
      if (element) watching.observe(element);
    }
    return () => watching.disconnect();
  }, []);

  return (
    <div
      class="chat-log"
      ref={box}
      // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
      tabIndex={0}
      role="log"
      aria-label={props.name}
      onScroll={({ currentTarget: at }) => {
        follows.current = at.scrollHeight - at.scrollTop - at.clientHeight < NEAR_PIXELS;
      }}
    >
      {shown.length === 0 && props.children}
      {shown.length < props.messages.length && <p class="pause">{words.earlier}</p>}
      <ul class="messages">
        {shown.flatMap((message, index) => {
          const before = shown[index - 1];
          const isLater = !before || message.timeMs - before.timeMs > PAUSE_MS;
          const bubble = <Bubble key={message.n} message={message} onQuote={props.onQuote} />;
          if (!isLater) return [bubble];
          const pause = (
            <li key={`pause-${message.n}`} class="pause">
              <time dateTime={new Date(message.timeMs).toISOString()}>{dayAndTime(message.timeMs)}</time>
            </li>
          );
          return [pause, bubble];
        })}
      </ul>
      {props.typing && (
        <div class="typing" aria-hidden="true">
          <i />
          <i />
          <i />
        </div>
      )}
    </div>
  );
}
