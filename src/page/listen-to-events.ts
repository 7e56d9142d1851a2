import { type ReadonlySignal, signal } from '@preact/signals';

const AGAIN_MS = 2_000;
/** A page that nobody has seen for so long lets go: browsers share six connections among all pages of a server. */
const UNSEEN_MS = 60_000;
const TICK_MS = 5_000;
/** Between two ticks that are so far apart the machine has slept: its connection may be dead, and nobody says so. */
const SLEPT_MS = 30_000;

/** How a page stands with its server. */
export type Connection = 'connecting' | 'live' | 'lost';

/** Listens to server-sent events until `stop`, while the page is seen. A lost connection goes on after the last event. */
export function listenToEvents(
  url: string,
  handlers: Record<string, (data: unknown) => void>,
): { connection: ReadonlySignal<Connection>; stop(): void } {
  const connection = signal<Connection>('connecting');
  let lastId = '';
  let source: EventSource | null = null;
  let isStopped = false;
  const open = (): void => {
    if (isStopped || (source && source.readyState !== EventSource.CLOSED)) return;
    const opened = new EventSource(lastId === '' ? url : `${url}?after=${encodeURIComponent(lastId)}`);
    source = opened;
    opened.addEventListener('open', () => {
      connection.value = 'live';
    });
    opened.addEventListener('error', () => {
      connection.value = 'lost';
      if (opened.readyState === EventSource.CLOSED) setTimeout(open, AGAIN_MS);
    });
    for (const [name, handle] of Object.entries(handlers)) {
      opened.addEventListener(name, (event) => {
        if (event.lastEventId !== '') lastId = event.lastEventId;
        handle(JSON.parse(event.data));
      });
    }
  };
  let leaving: ReturnType<typeof setTimeout> | undefined;
  const onVisibility = (): void => {
    clearTimeout(leaving);
    if (document.visibilityState === 'visible') open();
    else leaving = setTimeout(() => source?.close(), UNSEEN_MS);
  };
  document.addEventListener('visibilitychange', onVisibility);
  const renew = (): void => {
    if (document.visibilityState !== 'visible') return;
    source?.close();
    open();
  };
  addEventListener('online', renew);
  let tickMs = Date.now();
  const ticking = setInterval(() => {
    const hasSlept = Date.now() - tickMs > SLEPT_MS;
    tickMs = Date.now();
    if (hasSlept) renew();
  }, TICK_MS);
  open();
  return {
    connection,
    stop() {
      isStopped = true;
      clearTimeout(leaving);
      clearInterval(ticking);
      removeEventListener('online', renew);
      document.removeEventListener('visibilitychange', onVisibility);
      source?.close();
    },
  };
}
