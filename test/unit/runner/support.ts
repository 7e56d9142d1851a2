import type { Log } from '../../../src/core/log.ts';
import type { Poller, PollResult } from '../../../src/ilink/poll.ts';
import type { WeixinMessage } from '../../../src/ilink/wire/wire.ts';

/** A log that keeps its lines, each with its level in front. */
export function createLogBook(): Log & { lines: string[] } {
  const lines: string[] = [];
  const at = (level: string) => (line: string) => void lines.push(`${level} ${line}`);
  return {
    debug: at('debug'),
    info: at('info'),
    warn: at('warn'),
    error: at('error'),
    showsText: false,
    lines,
  };
}

/** A poller that answers by script, each answer once; after the last one it waits for the abort. */
export function createScriptedPoller(
  script: (PollResult | (() => PollResult))[],
): Poller & { cursors: string[]; signals: AbortSignal[] } {
  const cursors: string[] = [];
  const signals: AbortSignal[] = [];
  return {
    cursors,
    signals,
    async poll({ cursor, signal }) {
      cursors.push(cursor);
      signals.push(signal);
      const next = script[cursors.length - 1];
      if (next !== undefined) return typeof next === 'function' ? next() : next;
      if (!signal.aborted) {
        await new Promise<void>((resolve) =>
          signal.addEventListener('abort', () => resolve(), { once: true }),
        );
      }
      return { kind: 'aborted' };
    },
  };
}

/** A text message as the wire delivers it. */
export function wireText(id: string, text: string, over: Partial<WeixinMessage> = {}): WeixinMessage {
  return {
    message_id: id,
    from_user_id: 'o9cq80zExampleUser01@im.wechat',
    to_user_id: 'c41f09aa77be@im.bot',
    create_time_ms: 1_789_000_000_123,
    message_type: 1,
    message_state: 2,
    item_list: [{ type: 1, text_item: { text } }],
    context_token: `token-${id}`,
    ...over,
  };
}
