import type { Turn } from '../../core/message/message.ts';
import { isObject } from '../../core/object.ts';
import { cutUtf8 } from '../../core/text-bytes.ts';
import type { SessionMemory } from '../port/port.ts';
import { parseJson } from '../reply/reply-line.ts';

/** A question and its answer. */
export interface Exchange {
  /** Id of the message that asked: the same message run again replaces what it came to before. */
  id: string;
  user: string;
  assistant: string;
}

/** Exchanges a session remembers, and the bytes of all of them together. */
const MAX_EXCHANGES = 20;
const MAX_BYTES = 64 * 1024;

/** Under which the conversation is kept. */
const NAME = 'openai';

/** What was said in the session before this message, oldest first. */
export async function exchangesBefore(turn: Turn, memory: SessionMemory): Promise<Exchange[]> {
  const kept = await memory.get(NAME);
  return kept === null ? [] : readExchanges(kept).filter(({ id }) => id !== turn.id);
}

/** Remembers an exchange behind the earlier ones. */
export async function remember(
  earlier: readonly Exchange[],
  { id, user, assistant }: Exchange,
  memory: SessionMemory,
): Promise<void> {
  const exchanges = [...earlier, { id, user: cut(user), assistant: cut(assistant) }];
  await memory.set(NAME, JSON.stringify(bounded(exchanges)));
}

/** The newest exchanges within both bounds; the last one always. */
export function bounded(exchanges: readonly Exchange[]): Exchange[] {
  const kept: Exchange[] = [];
  let sizeBytes = 0;
  for (const exchange of [...exchanges].reverse()) {
    sizeBytes += Buffer.byteLength(exchange.user) + Buffer.byteLength(exchange.assistant);
    if (kept.length > 0 && (kept.length === MAX_EXCHANGES || sizeBytes > MAX_BYTES)) break;
    kept.unshift(exchange);
  }
  return kept;
}

function cut(text: string): string {
  return cutUtf8(text, MAX_BYTES / 2).value;
}

/** What another version may have left is no reason to answer nobody: it is forgotten. */
function readExchanges(kept: string): Exchange[] {
  const value = parseJson(kept);
  return Array.isArray(value) ? value.filter(isExchange) : [];
}

function isExchange(value: unknown): value is Exchange {
  return isObject(value) && [value.id, value.user, value.assistant].every((text) => typeof text === 'string');
}
