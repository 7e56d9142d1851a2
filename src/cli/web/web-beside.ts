import type { CommandContext } from '../port/context.ts';
import { takeAddress } from './take-address.ts';

/** Whoever has no first poll, such as who waits for a login, waits no longer for the page than this. */
const LATEST_MS = 500;

/** The web server in the process of runners. */
export interface WebBeside {
  /** Theirs: they are told to stop when the server cannot be loaded. */
  context: CommandContext;
  /** Their first poll is at the server: now the rest can be loaded. */
  begin(): void;
  /** Ends it. Throws why it could not be loaded. */
  close(): Promise<void>;
}

/** Takes the address of `--web`, and loads what answers there when it delays no first poll. Throws as `takeAddress` does. */
export async function openWebBeside(context: CommandContext, address: string): Promise<WebBeside> {
  const taken = await takeAddress(context, address, '--web');
  taken.tell();
  const begun = new AbortController();
  const failed = new AbortController();
  let isOver = false;
  const opened = context.clock
    .sleep(LATEST_MS, begun.signal)
    .then(async () => (isOver ? taken.listening : (await import('./open-web.ts')).openWeb(context, taken)));
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
      await (await opened).close();
    },
  };
}
