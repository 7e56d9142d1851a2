import type { CommandContext } from '../port/context.ts';
import { checkAddress } from './check-address.ts';

/** Whoever has no first poll, such as who waits for a login, waits no longer for the page than this. */
const LATEST_MS = 500;

/** The web server in the process of runners. */
export interface WebBeside {
  /** Theirs: they are told to stop when nothing can be served there, such as at a port in use. */
  context: CommandContext;
  /** Their first poll is at the server: now this begins. */
  begin(): void;
  /** Ends it. Throws why nothing could be served. */
  close(): Promise<void>;
}

/**
 * Checks the address of `--web`, and serves there when that delays no first poll: to load what takes a port and answers
 * takes longer than all else that a start does beside the store. Throws as `checkAddress` does.
 */
export async function openWebBeside(context: CommandContext, address: string): Promise<WebBeside> {
  const checked = await checkAddress(context, address, '--web');
  const begun = new AbortController();
  const failed = new AbortController();
  let isOver = false;
  const opened = context.clock
    .sleep(LATEST_MS, begun.signal)
    .then(async () => (isOver ? null : (await import('./open-web.ts')).openWeb(context, checked)));
  opened.catch((error) => failed.abort(error));
  return {
    context: {
      ...context,
      stopSignal: () => AbortSignal.any([context.stopSignal(), failed.signal]),
    },
    begin: () => begun.abort(),
    async close() {
      isOver = true;
      begun.abort();
      await (await opened)?.close();
    },
  };
}
