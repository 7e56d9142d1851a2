import type { AnyMessage, SessionNotification, Stream } from '@agentclientprotocol/sdk';
import type { Log } from '../../../core/log.ts';
import { isObject } from '../../../core/object.ts';
import { createLineReader } from '../../reply/line-reader.ts';
import { parseJson } from '../../reply/reply-line.ts';

/** Longest message an agent may send: a picture in base64 is the largest. */
const MAX_LINE_CHARS = 16 * 1024 * 1024;

/** Lines on stdout that are no messages, and are shown, per process. */
const MAX_NOISE_SHOWN = 10;

/** A message of a session: `update` is one of many kinds, of which a later protocol may have more. */
export interface SessionUpdate {
  sessionId: string;
  update: Record<string, unknown>;
}

/** The stdio of an agent process as the SDK's stream. */
export interface AcpWire {
  stream: Stream;
  /** Takes what the agent wrote to stdout. */
  receive(chunk: Uint8Array): void;
  /** Ends the stream, and with it every request that waits for an answer. */
  end(): void;
}

/**
 * Stands between the agent's stdout and the SDK, which would check updates twice and print unknown ones. They are taken
 * out here in order, before the answer that ends their turn. What is no message of the protocol is logged and dropped.
 */
export function createAcpWire(options: {
  write(line: string): void;
  onUpdate(update: SessionUpdate): void;
  log: Log;
}): AcpWire {
  const { log } = options;
  const pending = new Set<unknown>();
  let noise = 0;
  let incoming: ReadableStreamDefaultController<AnyMessage> | null = null;

  function drop(line: string, why: string): void {
    noise += 1;
    if (noise > MAX_NOISE_SHOWN) return;
    const last = noise === MAX_NOISE_SHOWN ? ' (no more of these are shown)' : '';
    log.warn(`agent: stdout: ${why}: ${line.slice(0, 200)}${last}`);
  }

  /** Passes a message on; tells what is wrong with a line that is not a message. */
  function take(line: string, cut: boolean): string | null {
    if (cut) return 'a line longer than 16 MiB';
    const message = parseJson(line);
    if (!isObject(message) || message.jsonrpc !== '2.0') return 'no ACP message';
    if (!('method' in message)) {
      if (!pending.delete(message.id)) return 'a response without a request';
    } else if (!('id' in message) && message.method === 'session/update') {
      const update = updateOf(message.params);
      if (update === null) return 'an update without a session';
      options.onUpdate(update);
      return null;
    }
    incoming?.enqueue(message as AnyMessage);
    return null;
  }

  const lines = createLineReader((line, cut) => {
    const fault = line.trim() === '' ? null : take(line, cut);
    if (fault !== null) drop(line, fault);
  }, MAX_LINE_CHARS);
  const close = (): void => {
    incoming?.close();
    incoming = null;
  };
  return {
    stream: {
      readable: new ReadableStream<AnyMessage>({
        start: (controller) => {
          incoming = controller;
        },
        cancel: () => {
          incoming = null;
        },
      }),
      writable: new WritableStream<AnyMessage>({
        write(message) {
          if ('method' in message && 'id' in message) pending.add(message.id);
          options.write(`${JSON.stringify(message)}\n`);
        },
      }),
    },
    receive: lines.write,
    end() {
      lines.end();
      close();
    },
  };
}

function updateOf(params: unknown): SessionUpdate | null {
  if (!isObject(params)) return null;
  const { sessionId, update } = params satisfies Partial<Record<keyof SessionNotification, unknown>>;
  return typeof sessionId === 'string' && isObject(update) ? { sessionId, update } : null;
}
