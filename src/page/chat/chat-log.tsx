import type { ComponentChild, ComponentChildren } from 'preact';
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
/** Whoever is so near to what is not there yet gets it. */
const SOON_PIXELS = 400;

/** How a chat gets what it does not show. */
export interface ChatPages {
  /** Brings earlier messages; null: there are none. */
  onOlder: (() => void) | null;
  /** Brings later messages; null: the newest are shown. */
  onNewer: (() => void) | null;
  /** Shows the newest. */
  onNewest: () => void;
  /** Whether whoever looks has just written it: it is shown wherever they were. */
  isOwn: (message: ChatMessage) => boolean;
  /** The message that somebody wants to see; null: the newest one. */
  wanted: number | null;
}

/** The messages of a chat, oldest first. New ones are read out; who has scrolled back stays there. */
export function ChatLog(props: {
  name: string;
  messages: readonly ChatMessage[];
  onQuote: ((message: ChatMessage) => void) | null;
  /** What stands below a message. */
  footOf?: (message: ChatMessage) => ComponentChild;
  /** Without it there is no more than what is shown. */
  pages?: ChatPages;
  /** Shown in place of messages while there are none. */
  children?: ComponentChildren;
  /** Shown at the end, and not read out. */
  typing: boolean;
}) {
  const { pages, footOf } = props;
  const box = useRef<HTMLDivElement>(null);
  const follows = useRef(true);
  const shown = props.messages.slice(-MOST_SHOWN);
  const last = shown.at(-1);
  const isAtEnd = !pages?.onNewer;
  const words = chatWords();
  /** Where the first message that is seen stands: it stays there, whatever comes or grows above it. */
  const held = useRef<{ n: string; top: number } | null>(null);
  const hold = (): void => {
    held.current = box.current && !follows.current ? firstSeen(box.current) : null;
  };
  const keep = (): void => {
    const element = box.current;
    if (!element) return;
    if (follows.current) element.scrollTop = element.scrollHeight;
    else if (held.current) {
      const place = element.querySelector(`[data-n="${held.current.n}"]`);
      if (place) element.scrollTop += topIn(element, place) - held.current.top;
    }
  };

  useLayoutEffect(() => {
    if (last && (pages ? pages.isOwn(last) : last.isMine)) follows.current = true;
    if (!isAtEnd) follows.current = false;
    keep();
    hold();
  }, [last?.n, shown[0]?.n, props.typing, props.name]);

  const wanted = pages?.wanted ?? null;
  const isThere = shown.some(({ n }) => n === wanted);
  useLayoutEffect(() => {
    if (!isThere) return;
    follows.current = false;
    box.current?.querySelector(`[data-n="${wanted}"]`)?.scrollIntoView({ block: 'center' });
    hold();
  }, [wanted, isThere]);

  // A picture is higher once it is there, and the place for messages smaller while one quotes.
  useEffect(() => {
    const watching = new ResizeObserver(keep);
    for (const element of [box.current, box.current?.querySelector('.messages')]) {
      if (element) watching.observe(element);
    }
    return () => watching.disconnect();
  }, []);

  return (
    <div class="chat-place">
      <div
        class="chat-log"
        ref={box}
        // biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard.
        tabIndex={0}
        role="log"
        // What comes from before is not news.
        aria-live={isAtEnd && follows.current ? 'polite' : 'off'}
        aria-label={props.name}
        onScroll={({ currentTarget: at }) => {
          const below = at.scrollHeight - at.scrollTop - at.clientHeight;
          follows.current = isAtEnd && below < NEAR_PIXELS;
          hold();
          if (at.scrollTop < SOON_PIXELS) pages?.onOlder?.();
          if (below < SOON_PIXELS) pages?.onNewer?.();
        }}
      >
        {shown.length === 0 && props.children}
        {shown.length < props.messages.length && <p class="pause">{words.earlier}</p>}
        {pages?.onOlder && (
          <p class="pause">
            <button type="button" class="quiet" onClick={pages.onOlder}>
              {words.showEarlier}
            </button>
          </p>
        )}
        <ul class="messages">
          {shown.flatMap((message, index) => {
            const before = shown[index - 1];
            const isLater = !before || message.timeMs - before.timeMs > PAUSE_MS;
            const bubble = (
              <Bubble
                key={message.n}
                message={message}
                onQuote={props.onQuote}
                foot={footOf?.(message)}
                isOnItsWay={pages?.isOwn(message) ?? false}
              />
            );
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
      {!isAtEnd && (
        <button
          type="button"
          class="to-newest"
          onClick={() => {
            follows.current = true;
            pages?.onNewest();
          }}
        >
          {words.toNewest}
        </button>
      )}
    </div>
  );
}

/** The first message of which something is seen. */
function firstSeen(box: HTMLElement): { n: string; top: number } | null {
  for (const element of box.querySelectorAll<HTMLElement>('[data-n]')) {
    const { n } = element.dataset;
    const top = topIn(box, element);
    if (n !== undefined && top + element.offsetHeight > 0) return { n, top };
  }
  return null;
}

/** How far below the upper edge of a box something in it begins. */
function topIn(box: Element, element: Element): number {
  return element.getBoundingClientRect().top - box.getBoundingClientRect().top;
}
