import { readFile } from 'node:fs/promises';
import { reasonOf, WxError } from '../../core/errors.ts';
import { type Certificate, certificateFiles, checkCertificate } from '../../core/http/certificate.ts';
import { noteWebServer } from '../../home/web-servers.ts';
import { TERMINAL } from '../../store/port/port.ts';
import { addCode } from '../../web/access/grants.ts';
import {
  isReachable,
  namesOf,
  parseListen,
  parsePublicUrl,
  parseTrustedProxies,
} from '../../web/guard/listen-address.ts';
import { type Listening, listenAt } from '../../web/listen.ts';
import type { WebSettings } from '../../web/server.ts';
import { openHomeStore } from '../account/store.ts';
import type { CommandContext } from '../port/context.ts';
import { createWebBackend } from './backend.ts';
import { watchFallbacks } from './fallbacks.ts';

/** How often it is looked whether the store is still there. */
const LOOK_MS = 1_000;

/** An address that is taken: what is asked there is answered once it is opened. */
export interface TakenAddress extends Pick<Listening, 'close'> {
  /** Says where it is. */
  tell(): void;
  open(): Promise<OpenWeb>;
}

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

/** Starts the web server of the store, at an address that `flag` gave. Throws what {@link takeAddress} throws. */
export async function openWeb(context: CommandContext, address: string, flag: string): Promise<OpenWeb> {
  const taken = await takeAddress(context, address, flag);
  const web = await taken.open();
  taken.tell();
  return web;
}

/** Checks what the web server is told, and takes its port. Throws WxError before anything is served. */
export async function takeAddress(
  context: CommandContext,
  address: string,
  flag: string,
): Promise<TakenAddress> {
  const { publicUrl, trustProxy, tlsCert, tlsKey } = context.settings;
  const listen = parseListen(address, flag);
  const publicOrigin = publicUrl === null ? null : parsePublicUrl(publicUrl);
  const trusted = parseTrustedProxies(trustProxy);
  const certificate = await readCertificate(tlsCert, tlsKey);
  const listening = await listenAt(listen, certificate, flag);
  const { url } = listening;
  if (isReachable(listen) && certificate === null && publicOrigin === null)
    context.log.warn(
      `${url} is open to the network without encryption: whoever is in between reads tokens and messages`,
    );
  const settings: WebSettings = {
    isNamed: namesOf(listen, publicOrigin, certificate),
    publicOrigin,
    trusted,
  };
  return {
    close: listening.close,
    tell: () => context.log.info(`the page and the API are at ${publicOrigin ?? url}`),
    open: () =>
      openAt(context, listening, settings).catch(async (error) => {
        await listening.close();
        throw error;
      }),
  };
}

async function openAt(
  context: CommandContext,
  listening: Listening,
  settings: WebSettings,
): Promise<OpenWeb> {
  const { publicOrigin } = settings;
  const { url } = listening;
  const store = await openHomeStore(context);
  try {
    const { serveWeb } = await import('../../web/serve.ts');
    const backend = createWebBackend(context, store);
    const end = serveWeb(listening, backend, settings);
    const endNote = noteWebServer(context.paths, { url, publicOrigin });
    const endFallbacks = watchFallbacks(context, store, backend.deliver);
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
        await end();
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

/** An address by which a browser of this machine reaches a server that listens on all of them. */
function hereUrl(url: string): string {
  return url.replace('//0.0.0.0:', '//127.0.0.1:').replace('//[::]:', '//[::1]:');
}

async function readCertificate(certPath: string | null, keyPath: string | null): Promise<Certificate | null> {
  const files = certificateFiles(certPath, keyPath, 'wxagent web');
  if (files === null) return null;
  const [cert, key] = [await readPem('certificate', files.cert), await readPem('key', files.key)];
  return checkCertificate({ cert, key }, files);
}

async function readPem(what: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (cause) {
    throw new WxError('not-found', `the ${what} ${path} cannot be read: ${reasonOf(cause)}`, { cause });
  }
}
