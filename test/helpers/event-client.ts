import { type IncomingMessage, request } from 'node:http';
import { onTestFinished } from 'vitest';

/** A server-sent event as a client gets it. */
export interface SentEvent {
  id: string | null;
  event: string;
  data: Record<string, unknown>;
}

/** One connection for server-sent events. */
export interface EventClient {
  status: number;
  headers: IncomingMessage['headers'];
  /** What has come so far. */
  readonly events: readonly SentEvent[];
  /** The last ID that came, as a browser would send it again. */
  readonly lastId: string | null;
  /** Whether the server has ended it, or the connection was cut. */
  readonly isOver: boolean;
  /** Takes nothing any more. */
  stopReading(): void;
  cut(): void;
}

/** Opens a stream of events; also one that the server refuses. `onlyIds`: what events say is not kept. */
export function openEvents(
  url: string,
  { token, lastId = null, onlyIds = false }: { token: string; lastId?: string | null; onlyIds?: boolean },
): Promise<EventClient> {
  return new Promise((resolve, reject) => {
    const headers = {
      authorization: `Bearer ${token}`,
      ...(lastId === null ? {} : { 'last-event-id': lastId }),
    };
    const sent = request(url, { headers, agent: false }, (response) => {
      const events: SentEvent[] = [];
      let rest = '';
      let known = lastId;
      let isOver = false;
      response.setEncoding('utf8');
      response.on('data', (text: string) => {
        const blocks = (rest + text).split('\n\n');
        rest = blocks.pop() as string;
        for (const block of blocks) {
          const fields = new Map(
            block.split('\n').map((line) => [line.split(':', 1)[0] as string, line.replace(/^\w*: ?/, '')]),
          );
          known = fields.get('id') ?? known;
          const data = fields.get('data');
          if (data === undefined) continue;
          const event = fields.get('event') ?? 'message';
          events.push({ id: fields.get('id') ?? null, event, data: onlyIds ? {} : JSON.parse(data) });
        }
      });
      const end = (): void => {
        isOver = true;
      };
      response.on('end', end);
      response.on('error', end);
      response.on('close', end);
      resolve({
        status: response.statusCode ?? 0,
        headers: response.headers,
        events,
        get lastId() {
          return known;
        },
        get isOver() {
          return isOver;
        },
        stopReading: () => void response.pause(),
        cut: () => void sent.destroy(),
      });
    });
    sent.on('error', reject);
    sent.end();
    onTestFinished(() => void sent.destroy());
  });
}
