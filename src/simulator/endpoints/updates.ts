import { handOut, startOf } from '../queue/hand-out.ts';
import { type Answer, SESSION_TIMEOUT } from '../world/answer.ts';
import { wakeByPoll } from '../world/sleep.ts';
import { type Bot, later, never, type Waiter, type World } from '../world/world.ts';
import type { Handler } from './handler.ts';

/** `getupdates` (protocol 3): held until a message is there. */
export const getUpdates: Handler = (world, call) => {
  const bot = call.bot as Bot;
  const sent = typeof call.body.get_updates_buf === 'string' ? call.body.get_updates_buf : '';
  if (!wakeByPoll(world, bot, sent)) return SESSION_TIMEOUT;
  bot.batches.delete(sent);
  const cursor = readCursor(bot, sent);
  // In `replay` a cursor vouches for all before it, also where a poll that nobody read has brought that again.
  if (world.settings.mode === 'replay') {
    for (const [key, { last }] of bot.batches) if (last <= cursor) bot.batches.delete(key);
  }
  if (startOf(world, bot, cursor) < bot.queue.last) return handOut(world, bot, cursor);
  return hold(world, bot, cursor, call.body.timeout, call.onAbort);
};

function hold(
  world: World,
  bot: Bot,
  cursor: number,
  timeoutS: unknown,
  onAbort: (listener: () => void) => void,
): Promise<Answer> {
  const { holdMs, gatewayTimeoutMs } = world.settings;
  // `timeout` is one relay's extension; it can only shorten (protocol 3.1).
  const askedMs = typeof timeoutS === 'number' && timeoutS > 0 ? Math.min(timeoutS * 1_000, holdMs) : holdMs;
  const cutOff = gatewayTimeoutMs !== null && gatewayTimeoutMs < askedMs;
  return new Promise((resolve) => {
    const waiter: Waiter = {
      cursor,
      answer(answer) {
        bot.waiters.delete(waiter);
        never(world, timer);
        resolve(answer);
      },
    };
    const timer = later(world, cutOff ? gatewayTimeoutMs : askedMs, () =>
      waiter.answer(cutOff ? { status: 524, body: '' } : handOut(world, bot, cursor)),
    );
    bot.waiters.add(waiter);
    onAbort(() => waiter.answer(SESSION_TIMEOUT));
  });
}

/** The queue number in a cursor; 0 for an empty, foreign or broken one. */
function readCursor(bot: Bot, text: string): number {
  const bytes = Buffer.from(text, 'base64');
  if (bytes[0] !== 0x0a || bytes[2] !== 0x08 || !bytes.includes(`${bot.id}:`)) return 0;
  let n = 0;
  for (let at = 3, factor = 1; at < 10; at++, factor *= 128) {
    const byte = bytes[at] ?? 0;
    n += (byte & 0x7f) * factor;
    if (byte < 0x80) return n;
  }
  return 0;
}
