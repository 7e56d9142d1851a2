import { createHash } from 'node:crypto';
import { type Answer, ok, type WireResult } from '../world/answer.ts';
import { type Batch, type Bot, count, keepNewest, now, type World } from '../world/world.ts';

/** Responses remembered per bot until their cursor comes back. */
const BATCH_LIMIT = 1_000;
const HEAD = Buffer.from('{"msgs":[');
const HEAD_WITH_RET = Buffer.from('{"ret":0,"msgs":[');
const COMMA = Buffer.from(',');

/** After which queue number this poll gets messages: an old cursor counts only in `replay`. */
export function startOf(world: World, bot: Bot, cursor: number): number {
  return world.settings.mode === 'replay' ? Math.min(cursor, bot.handedOut) : bot.handedOut;
}

/** The answer with everything that waits; the messages in it count as consumed (protocol 3.2). */
export function handOut(world: World, bot: Bot, cursor: number): Answer {
  const { settings } = world;
  const start = Math.max(startOf(world, bot, cursor), bot.queue.first - 1);
  const entries = bot.queue.after(start, settings.maxMessagesPerPoll);
  const end = start + entries.length;
  const again = start < bot.handedOut;
  bot.handedOut = Math.max(bot.handedOut, end);
  if (settings.mode === 'destructive') bot.queue.dropThrough(bot.handedOut);
  bot.cursorMs = Math.max(bot.cursorMs + 1, now(world));
  const place = placeOf(end, bot.cursorMs);
  const next = settings.emptyCursor ? '' : writeCursor(bot, place);

  // Bytes, not text: encoding a hundred messages here would be the larger part of a poll's cost.
  const pieces: Buffer[] = [settings.updatesRet === 'zero' ? HEAD_WITH_RET : HEAD];
  for (const [i, { json }] of entries.entries()) {
    if (i > 0) pieces.push(COMMA);
    pieces.push(json);
  }
  const sync = place.toString('base64');
  pieces.push(
    Buffer.from(
      `],"sync_buf":"${sync}","get_updates_buf":"${next}","longpolling_timeout_ms":${settings.holdMs}}`,
    ),
  );
  const body = Buffer.concat(pieces);
  if (entries.length === 0) return { ...ok(body), cursor: next };

  count(world, 'handedOut', entries.length);
  // What is handed out again is not lost any more.
  if (again) for (const [key, old] of bot.batches) if (old.last > start) bot.batches.delete(key);
  const batch: Batch = {
    last: end,
    messages: entries.map((entry) => entry.message),
    wireResult: 'sent',
    timeMs: now(world),
  };
  // Without a cursor that could come back, only a broken wire makes a batch lost.
  const key = next || `none:${bot.cursorMs}`;
  bot.batches.set(key, batch);
  keepNewest(bot.batches, BATCH_LIMIT);
  const answer = ok(body, (wireResult: WireResult) => {
    batch.wireResult = wireResult;
    if (wireResult === 'sent' && next === '') bot.batches.delete(key);
  });
  return { ...answer, cursor: next };
}

/** Protocol buffers as captured (protocol 15a): field 1 is the queue number, the others are times, no two of a bot alike. */
function placeOf(queueNumber: number, timeMs: number): Buffer {
  return Buffer.from([0x08, ...varint(queueNumber), 0x10, ...varint(timeMs), 0x18, ...varint(timeMs - 32)]);
}

function writeCursor(bot: Bot, place: Buffer): string {
  const whose = Buffer.from(
    `${bot.id}:${createHash('md5').update(bot.token).digest('hex').padStart(38, '0')}`,
  );
  return Buffer.concat([
    Buffer.from([0x0a, place.length]),
    place,
    Buffer.from([0x12, whose.length]),
    whose,
  ]).toString('base64');
}

/** A whole number in groups of seven bits, the lowest first. */
function varint(n: number): number[] {
  const groups: number[] = [];
  let rest = n;
  for (; rest >= 0x80; rest = Math.floor(rest / 0x80)) groups.push((rest % 0x80) | 0x80);
  return [...groups, rest];
}
