import { HttpError } from '../api/problem.ts';
import type { Route } from '../api/route.ts';
import { optionalOf, TEXT } from '../api/schema.ts';

/** The state events, as they come. */
export const EVENT_ROUTES: readonly Route[] = [
  {
    method: 'get',
    path: '/events',
    about:
      'what changes, as server-sent events; Last-Event-ID, or after, goes on behind an event; it takes the place of a stream with the same page',
    scopes: ['read'],
    reach: 'user',
    query: optionalOf({ after: TEXT, page: TEXT }),
    headers: optionalOf({ 'Last-Event-ID': TEXT }),
    media: 'text/event-stream',
    errors: [422],
    async handle({ streams, caller, again, query, incoming, outgoing }) {
      if (incoming.method === 'HEAD') return { headers: { 'content-type': 'text/event-stream' } };
      // A client that goes on by itself keeps the address it began with.
      const knownId = String(incoming.headers['last-event-id'] ?? query.after ?? '');
      if (streams.open({ caller, again, knownId, page: String(query.page ?? ''), outgoing }))
        return { isSent: true };
      throw new HttpError(
        503,
        'busy',
        'there are too many streams of events: 5 of a token, 4 of a browser, 200 of all',
        {
          headers: { 'retry-after': '10' },
        },
      );
    },
  },
];
