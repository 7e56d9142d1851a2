import { reasonOf } from '../../core/errors.ts';
import type { CommandContext } from '../port/context.ts';
import { checkAddress } from './check-address.ts';
import { openBrowser } from './open-browser.ts';
import { type OpenWeb, openWeb } from './open-web.ts';

/** Between two attempts to open a store that was lost. */
const AGAIN_MS = 5_000;

/** `wxagent web`: serves the API of this store until it is stopped. */
export async function web(context: CommandContext): Promise<void> {
  const { listen, open } = context.settings;
  const stop = context.stopSignal();
  let server: OpenWeb | null = await serveAt(context, listen);
  // Also when a free port was asked for: who comes back finds it there.
  const address = new URL(server.url).host;
  await server.resume();
  if (context.json) context.printJson('web', { url: server.url, pid: process.pid });
  await bring(context, server, open);
  while (server !== null) {
    const why = await server.lost(stop);
    if (why === null) {
      await server.close();
      break;
    }
    context.log.error(`${why}: it is opened anew`);
    // It throws the same once more.
    await server.close().catch(() => {});
    server = await openAgain(context, address, stop);
  }
}

async function serveAt(context: CommandContext, address: string): Promise<OpenWeb> {
  return openWeb(context, await checkAddress(context, address, '--listen'));
}

/** Brings whoever sits here to the page: opens it, or says where it is. */
async function bring(context: CommandContext, server: OpenWeb, isToOpen: boolean): Promise<void> {
  const isRead = context.io.stderrIsTerminal && !context.json;
  if (!isToOpen && !isRead) return;
  const address = await server.invite();
  if (isToOpen && (await openBrowser(context, address))) return;
  if (isToOpen) context.say('There is no browser to open here.');
  // What goes into a log has no code.
  context.say(isRead ? `Open ${address} in a browser: once, within 10 minutes.` : 'hint: wxagent token code');
}

/** The server with the store that is there now; null: it is to stop. */
async function openAgain(
  context: CommandContext,
  address: string,
  stop: AbortSignal,
): Promise<OpenWeb | null> {
  while (!stop.aborted) {
    try {
      const server = await serveAt(context, address);
      await server.resume();
      return server;
    } catch (error) {
      context.log.error(`cannot serve: ${reasonOf(error)}`);
      await context.clock.sleep(AGAIN_MS, stop);
    }
  }
  return null;
}
