import { type ReadonlySignal, signal } from '@preact/signals';
import { openChannel } from './channel.ts';

const AGAIN_MS = 2_000;
/** A page that nobody has seen for so long lets go: browsers share six connections among all pages of a server. */
const UNSEEN_MS = 60_000;
const TICK_MS = 5_000;
/**
 * Servers say something every 15 seconds. A stream that says nothing for so long is dead, as after a sleep of the machine,
 * or something in between keeps it back; a browser notices neither.
 */
const SILENT_MS = 40_000;

/** How a page stands with its server. */
export type Connection = 'connecting' | 'live' | 'lost';

/** Listens to server-sent events until `stop`, while the page is seen. A lost connection goes on after the last event. */
export function listenToEvents(
  url: string,
  handlers: Record<string, (data: unknown) => void>,
): { connection: ReadonlySignal<Connection>; stop(): void } {
  const connection = signal<Connection>('connecting');
  const sign = url.includes('?') ? '&' : '?';
  let lastId = '';
  let source: EventSource | null = null;
  let isStopped = false;
  let heardMs = Date.now();
  /** Whether anything has come through: servers begin with an event. */
  let isHeard = false;
  const isSeen = (): boolean => document.visibilityState === 'visible';
  // Whoever looks at another page of this browser needs the connection there.
  const otherPages = openChannel('wxagent-events', () => {
    if (!isSeen()) source?.close();
  });
  const hear = (): void => {
    heardMs = Date.now();
    isHeard = true;
    connection.value = 'live';
  };
  const open = (): void => {
    if (isStopped || !isSeen() || (source && source.readyState !== EventSource.CLOSED)) return;
    otherPages.tell(url);
    heardMs = Date.now();
    const opened = new EventSource(lastId === '' ? url : `${url}${sign}after=${encodeURIComponent(lastId)}`);
    source = opened;
    opened.addEventListener('open', () => {
      if (isHeard) connection.value = 'live';
    });
    opened.addEventListener('error', () => {
      connection.value = 'lost';
      if (opened.readyState === EventSource.CLOSED) setTimeout(open, AGAIN_MS);
    });
    opened.addEventListener('alive', hear);
    for (const [name, handle] of Object.entries(handlers)) {
      opened.addEventListener(name, (event) => {
        hear();
        if (event.lastEventId !== '') lastId = event.lastEventId;
        handle(JSON.parse(event.data));
      });
    }
  };
  const renew = (): void => {
    if (!isSeen()) return;
    source?.close();
    open();
  };
  const look = (): void => {
    if (!isSeen() || Math.abs(Date.now() - heardMs) < SILENT_MS) return;
    isHeard = false;
    connection.value = 'lost';
    renew();
  };
  let leaving: ReturnType<typeof setTimeout> | undefined;
  const onVisibility = (): void => {
    clearTimeout(leaving);
    // A phone cuts the connections of a page that it has put away, and tells the page nothing.
    renew();
    if (!isSeen()) leaving = setTimeout(() => source?.close(), UNSEEN_MS);
  };
  document.addEventListener('visibilitychange', onVisibility);
  addEventListener('online', renew);
  const ticking = setInterval(look, TICK_MS);
  open();
  return {
    connection,
    stop() {
      isStopped = true;
      clearTimeout(leaving);
      clearInterval(ticking);
      removeEventListener('online', renew);
      document.removeEventListener('visibilitychange', onVisibility);
      otherPages.close();
      source?.close();
    },
  };
}
