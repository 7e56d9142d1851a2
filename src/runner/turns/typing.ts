import type { Log } from '../../core/log.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { IlinkClient } from '../../ilink/client.ts';
import { TYPING_STATUS } from '../../ilink/wire/wire.ts';

/** The typing indicator on the phone while a turn runs. */
export interface Typing {
  /** Shows the indicator to a user. The returned function ends it. Nothing waits for either request. */
  begin(user: string): () => void;
}

const KEEP_ALIVE_MS = 5_000;
/** Other clients keep a ticket up to a day. A refused ticket is fetched anew anyway (protocol 6.1). */
const TICKET_MS = 12 * 60 * 60_000;

/** The typing indicator of one account. It is best effort: a failure is a debug line. */
export function createTyping(options: {
  client: Pick<IlinkClient, 'getConfig' | 'sendTyping'>;
  contextToken: (user: string) => Promise<string | null>;
  clock: Clock;
  log: Log;
}): Typing {
  const { client, clock, log } = options;
  const tickets = new Map<string, { ticket: string; untilMs: number }>();

  async function ticketOf(user: string): Promise<string | null> {
    const known = tickets.get(user);
    if (known && clock.monotonic() < known.untilMs) return known.ticket;
    const result = await client.getConfig({ user, contextToken: await options.contextToken(user) });
    const ticket = result.kind === 'ok' ? result.body.typing_ticket : undefined;
    if (!ticket) {
      log.debug(`no typing ticket: ${result.kind}`);
      return null;
    }
    tickets.set(user, { ticket, untilMs: clock.monotonic() + TICKET_MS });
    return ticket;
  }

  /** Whether the server accepted the status. */
  async function sendStatus(user: string, status: number): Promise<boolean> {
    const ticket = await ticketOf(user);
    if (ticket === null) return false;
    const result = await client.sendTyping({ user, ticket, status });
    if (result.kind === 'refused') tickets.delete(user);
    return result.kind === 'ok';
  }

  async function show(user: string, signal: AbortSignal): Promise<void> {
    let shown = false;
    while (!signal.aborted) {
      // A refused ticket is fetched once more at the next keep-alive (protocol 6.3).
      shown = (await sendStatus(user, TYPING_STATUS.typing)) || shown;
      await clock.sleep(KEEP_ALIVE_MS, signal);
    }
    if (shown) await sendStatus(user, TYPING_STATUS.cancel);
  }

  return {
    begin(user) {
      const end = new AbortController();
      show(user, end.signal).catch((error) => log.debug(`typing: ${String(error)}`));
      return () => end.abort();
    },
  };
}
