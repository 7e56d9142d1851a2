import { asWxError, reasonOf } from '../../core/errors.ts';
import { noteWebServer, type RunningWeb } from '../../home/web-servers.ts';
import { TERMINAL } from '../../store/port/port.ts';
import { addCode } from '../../web/access/grants.ts';
import { isReachable } from '../../web/guard/listen-address.ts';
import type { RequestHandler } from '../../web/handle-requests.ts';
import { type Listening, takePort } from '../../web/take-port.ts';
import { openHomeStore } from '../account/store.ts';
import type { CommandContext } from '../port/context.ts';
import { createWebBackend } from './backend.ts';
import type { CheckedAddress } from './check-address.ts';
import { watchSourceFallbacks } from './watch-source-fallbacks.ts';

/** How often it is looked whether the store is still there. */
const LOOK_MS = 1_000;

/** A web server with its store. */
export interface OpenWeb extends Pick<ReturnType<typeof createWebBackend>, 'resume'> {
  /** Its own address, with the port it has. */
  url: string;
  /** Resolves with the reason when the store is lost, such as deleted: then it can only be opened anew. Null: aborted. */
  lost(signal: AbortSignal): Promise<string | null>;
  /** The address of the page with a new one-time code, which is good for 10 minutes. */
  invite(): Promise<string>;
  close(): Promise<void>;
}

/** Takes the port of an address, and answers there from the store of this home. Throws WxError; then the port is free again. */
export async function openWeb(context: CommandContext, address: CheckedAddress): Promise<OpenWeb> {
  const listening = await takePort(address.listen, address.certificate, address.flag);
  try {
    return await answerAt(context, listening, address);
  } catch (error) {
    await listening.close();
    throw error;
  }
}

async function answerAt(
  context: CommandContext,
  listening: Listening,
  { listen, certificate, settings }: CheckedAddress,
): Promise<OpenWeb> {
  const { publicOrigin } = settings;
  const { url } = listening;
  const store = await openHomeStore(context);
  try {
    const backend = createWebBackend(context, store);
    let handler: RequestHandler | null = null;
    listening.answerBy(async () => {
      try {
        const { createRequestHandler } = await import('../../web/handle-requests.ts');
        handler = createRequestHandler(backend, settings);
        return handler.listener;
      } catch (error) {
        context.log.error(`cannot answer at ${url}: ${reasonOf(error)}`);
        const { message, hint } = asWxError(error);
        return (_, response) => response.writeHead(503).end(`${message}: ${hint}\n`);
      }
    });
    const endNote = note(context, { url, publicOrigin });
    const endFallbacks = watchSourceFallbacks(context, store, backend.deliver);
    if (isReachable(listen) && certificate === null && publicOrigin === null)
      context.log.warn(
        `${url} is open to the network without encryption: whoever is in between reads tokens and messages`,
      );
    context.log.info(`the page and the API are at ${publicOrigin ?? url}`);
    return {
      url,
      resume: backend.resume,
      async invite() {
        const { code } = await addCode(store.access, { by: TERMINAL, nowMs: context.clock.now() });
        return `${publicOrigin ?? hereUrl(url)}/#code=${code}`;
      },
      async lost(signal) {
        while (!signal.aborted) {
          try {
            store.changes();
          } catch (error) {
            if (store.isLost) return reasonOf(error);
          }
          await context.clock.sleep(LOOK_MS, signal);
        }
        return null;
      },
      async close() {
        endNote();
        await listening.close(handler?.endStreams);
        await handler?.close();
        await endFallbacks();
        await backend.close();
        await store.close();
      },
    };
  } catch (error) {
    await store.close();
    throw error;
  }
}

/** Notes where it serves. Where nothing can be written, that is no reason not to serve. */
function note(context: CommandContext, running: RunningWeb): () => void {
  try {
    return noteWebServer(context.paths, running);
  } catch (error) {
    context.log.warn(`links to this server do not know its address: ${reasonOf(error)}`);
    return () => {};
  }
}

/** An address by which a browser of this machine reaches a server that listens on all of them. */
function hereUrl(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}
