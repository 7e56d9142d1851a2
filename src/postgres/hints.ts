import { reasonOf } from '../core/errors.ts';
import type { Clock } from '../core/time/clock.ts';
import { one } from '../sql/statement.ts';
import { type Connection, LIMITS, openConnection } from './connection.ts';
import { createQueryTexts } from './query-text.ts';
import type { ServerAddress } from './server-address.ts';

/**
 * LISTEN and NOTIFY, as hints: they come sooner than anybody looks by itself, and may be lost. NOTIFY in the transactions of
 * steps would make all commits of a server wait for each other, so it goes by itself, when the step is committed.
 */
export interface Hints {
  /** Listens to this channel, in place of the one before. It is also called when hints may have been lost. */
  listen(channel: string, onHint: () => void): void;
  /** Tells whoever listens to a channel, soon: what is told within a moment goes together, and each channel once. */
  notify(channel: string): void;
  /** Whether hints come, as far as is known. */
  readonly isListening: boolean;
  close(): Promise<void>;
}

const TOGETHER_MS = 20;
/** How often it is asked whether the connection still listens. */
const HEARTBEAT_MS = 10_000;
const ANSWER_MS = 5_000;
const FIRST_PAUSE_MS = 250;
const LONGEST_PAUSE_MS = 60_000;

/**
 * See {@link Hints}. On a connection of its own, which is opened again when it is lost. Behind a pooler that shares
 * connections between transactions nothing can be listened to: that is noticed at once, said once, and tried seldom.
 */
export function createHints(options: {
  address: ServerAddress;
  clock: Clock;
  /** How long the server may take for an answer. */
  answerMs?: number;
  /** Says once, until it works again, that no hints come. */
  report(why: string): void;
}): Hints {
  const { address, clock, answerMs = ANSWER_MS } = options;
  const limits = { ...LIMITS, connectMs: ANSWER_MS, answerMs };
  const textFor = createQueryTexts({ schema: address.schema, isPrepared: false });
  const closing = new AbortController();
  const waiting = new Set<string>();
  let connection: Connection | null = null;
  let wanted: { channel: string; onHint: () => void } | null = null;
  let isListening = false;
  let isTold = false;
  /** Aborted when the connection is lost, or another channel is wanted. */
  let ended = new AbortController();
  let running: Promise<void> | null = null;
  let sending: Promise<void> | null = null;

  /** Listens until it is closed, over as many connections as it takes. */
  async function keepListening(): Promise<void> {
    let pauseMs = FIRST_PAUSE_MS;
    while (!closing.signal.aborted) {
      ended = new AbortController();
      try {
        await listenOnce(() => {
          pauseMs = FIRST_PAUSE_MS;
        });
      } catch (error) {
        if (!isTold && !closing.signal.aborted) options.report(reasonOf(error));
        isTold = true;
        await dropConnection();
        await clock.sleep(pauseMs * (0.5 + Math.random() / 2), closing.signal);
        pauseMs = Math.min(2 * pauseMs, LONGEST_PAUSE_MS);
      }
    }
  }

  async function listenOnce(onSuccess: () => void): Promise<void> {
    const { signal } = ended;
    const now = wanted;
    if (now === null) return;
    connection ??= await openConnection({
      address,
      limits,
      textFor,
      onNotification: () => wanted?.onHint(),
      onEnd: () => ended.abort(),
    });
    const { channel } = now;
    await connection.exchange(['UNLISTEN *']);
    await connection.exchange([`LISTEN "${channel}"`]);
    const isThere = one('SELECT count(*) AS n FROM pg_listening_channels() AS own WHERE own = ?', channel);
    for (let isFirst = true; !closing.signal.aborted && wanted === now; isFirst = false) {
      const [row] = (await connection.exchange([isThere])) as [{ n: number }];
      if (row.n === 0) throw new Error(`${address} does not keep what a connection listens to`);
      if (!connection.isOpen) throw new Error('the connection was closed');
      if (isFirst) {
        isListening = true;
        isTold = false;
        onSuccess();
        // Hints were lost meanwhile.
        now.onHint();
      }
      await clock.sleep(HEARTBEAT_MS, signal);
    }
  }

  async function dropConnection(): Promise<void> {
    const dropped = connection;
    connection = null;
    isListening = false;
    await dropped?.close('now');
  }

  async function send(): Promise<void> {
    await clock.sleep(TOGETHER_MS);
    const channels = [...waiting];
    waiting.clear();
    sending = null;
    try {
      await connection?.exchange(channels.map((channel) => one("SELECT pg_notify(?, '')", channel)));
    } catch {
      // Whoever was to be told looks by itself.
    }
  }

  return {
    listen(channel, onHint) {
      wanted = { channel, onHint };
      ended.abort();
      running ??= keepListening();
    },
    notify(channel) {
      waiting.add(channel);
      sending ??= send();
    },
    get isListening() {
      return isListening;
    },
    async close() {
      await sending;
      closing.abort();
      ended.abort();
      await running;
      await connection?.close();
      connection = null;
    },
  };
}
