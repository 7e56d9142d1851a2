import type { Clock } from '../core/time/clock.ts';
import type { CallResult, IlinkClient } from './client.ts';
import { TOKEN_DEAD } from './result.ts';
import { writeJson } from './wire/json.ts';
import type { GetUpdatesResponse, WeixinMessage } from './wire/wire.ts';

/** One long poll and what its answer means (protocol 1.4, 3). It never sleeps: pauses are the runner's. */

/** What a poll came to. `cursor` null: keep the one that was sent (protocol 3.1). */
export type PollResult =
  | { kind: 'messages'; messages: WeixinMessage[]; cursor: string | null }
  /** Nothing new. `early`: pause before the next poll. `answered` false: a gateway could not ask the server. */
  | { kind: 'empty'; early: boolean; cursor: string | null; answered: boolean }
  /** `unread`: what came and cannot be read; the server gives it only once. */
  | { kind: 'failed'; detail: string; unread?: Buffer }
  /** The bot token is dead; only a new login helps. */
  | { kind: 'expired' }
  | { kind: 'aborted' };

/** Polls one account; remembers what the server said about its hold. */
export interface Poller {
  poll(request: { cursor: string; signal: AbortSignal }): Promise<PollResult>;
}

/** The server's hold until it names another (protocol 3.1). */
const INITIAL_HOLD_MS = 35_000;
/** Hints outside of this are not believed: 1 ms would excuse hammering, hours would be no timeout. */
const HOLD_RANGE_MS = { min: 50, max: 300_000 };
/** The client waits longer than the server, or it would lose the race at every poll (protocol 0.3). */
const MARGIN_MS = 10_000;
/** For base URLs whose gateway cannot hold as long as the server (protocol 3.3). */
const SHORT_TIMEOUT_MS = 10_000;
/** An answer after this long is never early: polling at that rate harms nobody. */
const LATE_ENOUGH_MS = 5_000;

const GATEWAY_TIMEOUT = 524;
/** Statuses by which gateways end a long poll without messages (protocol 3.3). */
const EMPTY_STATUSES: ReadonlySet<number> = new Set([
  408,
  425,
  429,
  502,
  503,
  504,
  520,
  521,
  522,
  523,
  GATEWAY_TIMEOUT,
]);

/** Makes the poller of one account at one base URL. */
export function createPoller(options: { client: Pick<IlinkClient, 'getUpdates'>; clock: Clock }): Poller {
  const { client, clock } = options;
  let holdMs = INITIAL_HOLD_MS;
  let gatewayTimeouts = 0;

  return {
    async poll({ cursor, signal }) {
      const short = gatewayTimeouts >= 2;
      const timeoutMs = short ? SHORT_TIMEOUT_MS : holdMs + MARGIN_MS;
      const startedAt = clock.monotonic();
      const result = await client.getUpdates({ cursor, timeoutMs, signal });
      const lateMs = Math.min((short ? SHORT_TIMEOUT_MS : holdMs) / 2, LATE_ENOUGH_MS);
      const early = clock.monotonic() - startedAt < lateMs;

      // Two in a row, and the short poll stays: it is the gateway of this base URL.
      if (result.kind === 'http' && result.status === GATEWAY_TIMEOUT) gatewayTimeouts++;
      else if (!short) gatewayTimeouts = 0;
      if (result.kind === 'ok') holdMs = holdOf(result.body) ?? holdMs;
      return meaning(result, early);
    },
  };
}

function meaning(result: CallResult<GetUpdatesResponse>, early: boolean): PollResult {
  switch (result.kind) {
    case 'ok':
      return delivered(result.body, early);
    case 'refused':
      if (result.code === TOKEN_DEAD) return { kind: 'expired' };
      return { kind: 'failed', detail: `refused with code ${result.code} ${result.errmsg}`.trimEnd() };
    case 'http':
      if (EMPTY_STATUSES.has(result.status)) {
        return { kind: 'empty', early, cursor: null, answered: result.status === GATEWAY_TIMEOUT };
      }
      return { kind: 'failed', detail: `HTTP ${result.status}` };
    case 'unreadable':
      return { kind: 'failed', detail: result.detail, ...unread(result.bytes) };
    case 'unreachable':
      if (result.timedOut) return { kind: 'empty', early, cursor: null, answered: true };
      return { kind: 'failed', detail: result.detail, ...unread(result.bytes) };
    case 'aborted':
      return { kind: 'aborted' };
  }
}

function delivered(body: GetUpdatesResponse, early: boolean): PollResult {
  const list: unknown = body.msgs ?? [];
  if (!Array.isArray(list)) {
    return { kind: 'failed', detail: 'msgs is not a list', unread: Buffer.from(writeJson(body), 'utf8') };
  }
  // What is no object is no message, but may have been one: it is kept like those that cannot be read.
  const messages = list.filter((message) => message !== null && message !== undefined) as WeixinMessage[];
  const next: unknown = body.get_updates_buf;
  const cursor = typeof next === 'string' && next !== '' ? next : null;
  if (messages.length > 0) return { kind: 'messages', messages, cursor };
  return { kind: 'empty', early, cursor, answered: true };
}

function unread(bytes: Buffer | undefined): { unread?: Buffer } {
  return bytes !== undefined && bytes.length > 0 ? { unread: bytes } : {};
}

/** The hold the server announces for the next poll, if it is one. */
function holdOf(body: GetUpdatesResponse): number | null {
  const hint: unknown = body.longpolling_timeout_ms;
  if (typeof hint !== 'number' || hint <= 0) return null;
  return Math.min(Math.max(hint, HOLD_RANGE_MS.min), HOLD_RANGE_MS.max);
}
