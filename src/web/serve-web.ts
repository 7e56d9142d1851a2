import { getRequestListener } from '@hono/node-server';
import { createRequestHandler, type WebSettings } from './handle-requests.ts';
import type { WebBackend } from './port/backend.ts';
import type { Listening } from './take-port.ts';

/** Begins to answer the requests of a server. Returns what ends it. */
export function serveWeb(
  listening: Listening,
  backend: WebBackend,
  settings: WebSettings,
): () => Promise<void> {
  const web = createRequestHandler(backend, settings);
  listening.answer(
    getRequestListener(web.app.fetch, {
      // Of a request by HTTP/1.0 that names no host.
      hostname: 'localhost',
      // They are those of the runner, too.
      overrideGlobalObjects: false,
    }),
  );
  return async () => {
    await listening.close(web.endStreams);
    await web.close();
  };
}
