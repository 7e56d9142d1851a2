import { type Signal, signal } from '@preact/signals';

const AGAIN_MS = 2_000;

/** How a page stands with its server. */
export type Connection = 'connecting' | 'live' | 'lost';

/**
 * Listens to a stream of server-sent events for as long as the page is open. A lost connection is made again and goes
 * on after the last event that came, also where the browser itself has given up.
 */
export function listen(url: string, handlers: Record<string, (data: unknown) => void>): Signal<Connection> {
  const connection = signal<Connection>('connecting');
  let lastId = '';
  const open = (): void => {
    const source = new EventSource(lastId === '' ? url : `${url}?after=${encodeURIComponent(lastId)}`);
    source.addEventListener('open', () => {
      connection.value = 'live';
    });
    source.addEventListener('error', () => {
      connection.value = 'lost';
      if (source.readyState === EventSource.CLOSED) setTimeout(open, AGAIN_MS);
    });
    for (const [name, handle] of Object.entries(handlers)) {
      source.addEventListener(name, (event) => {
        if (event.lastEventId !== '') lastId = event.lastEventId;
        handle(JSON.parse(event.data));
      });
    }
  };
  open();
  return connection;
}
