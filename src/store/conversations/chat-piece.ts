import { all, one, type Step, together } from '../../sql/statement.ts';
import { VIEW as MESSAGE, viewOf as messageOf } from '../inbox/message-rows.ts';
import { VIEW as PART, viewOf as partOf } from '../outbox/parts.ts';
import type { ChatEntry, ChatPiece, ChatPlace, Conversations } from '../port/port.ts';

const OF_USER = 'WHERE account = ? AND "user" = ?';
const MESSAGES = `SELECT ${MESSAGE} FROM inbox ${OF_USER}`;
const PARTS = `SELECT ${PART} FROM parts ${OF_USER}`;
const OLDER = 'AND seq <= ? ORDER BY seq DESC LIMIT ?';
const NEWER = 'AND seq > ? ORDER BY seq LIMIT ?';

/**
 * A piece of a conversation. Messages and parts keep their own order, whatever a clock said meanwhile; which of the two
 * comes next is decided by their times. So pieces fit together: nothing is missing between them or comes twice.
 */
export function* chatPiece(input: Parameters<Conversations['piece']>[0]): Step<ChatPiece> {
  const { account, user, from, limit } = input;
  const isOlder = 'upTo' in from;
  const { messageSeq, partSeq } = isOlder ? from.upTo : from.behind;
  const order = isOlder ? OLDER : NEWER;
  const [messageRows, partRows] = yield* together(
    all(`${MESSAGES} ${order}`, account, user, messageSeq, limit + 1),
    all(`${PARTS} ${order}`, account, user, partSeq, limit + 1),
  );
  const messages = messageRows.map(messageOf);
  const parts = partRows.map(partOf);
  const entries: ChatEntry[] = [];
  let [m, p] = [0, 0];
  while (entries.length < limit) {
    const message = messages[m];
    const part = parts[p];
    // At the same time the message comes first: the part may answer it.
    const isEarlier = message && part ? message.receivedAtMs <= part.createdAtMs : message !== undefined;
    if (message && (!part || isEarlier !== isOlder)) {
      entries.push({ message, part: null });
      m++;
    } else if (part) {
      entries.push({ message: null, part });
      p++;
    } else break;
  }
  const rest = { messageSeq: messages[m]?.seq ?? 0, partSeq: parts[p]?.seq ?? 0 };
  if (!isOlder) {
    const newer = { messageSeq: messages[m - 1]?.seq ?? messageSeq, partSeq: parts[p - 1]?.seq ?? partSeq };
    return { entries, older: placeOrNull(from.behind), newer };
  }
  // Where nothing is newer than the piece, its end is that of what was taken, not as far as was asked for.
  const newer = { messageSeq: messages[0]?.seq ?? 0, partSeq: parts[0]?.seq ?? 0 };
  return { entries: entries.reverse(), older: placeOrNull(rest), newer };
}

function placeOrNull(place: ChatPlace): ChatPlace | null {
  return place.messageSeq === 0 && place.partSeq === 0 ? null : place;
}

export function* placeOfEntry(input: Parameters<Conversations['placeOf']>[0]): Step<ChatPlace | null> {
  const { account, user } = input;
  if ('message' in input) {
    const row = yield* one(
      `SELECT seq, received_at FROM inbox ${OF_USER} AND id = ?`,
      ...[account, user, input.message],
    );
    if (!row) return null;
    const before = yield* one(
      `SELECT seq FROM parts ${OF_USER} AND created_at < ? ORDER BY seq DESC LIMIT 1`,
      ...[account, user, row.received_at as number],
    );
    return { messageSeq: row.seq as number, partSeq: (before?.seq as number | undefined) ?? 0 };
  }
  const row = yield* one(
    `SELECT seq, created_at FROM parts ${OF_USER} AND seq = ?`,
    ...[account, user, input.partSeq],
  );
  if (!row) return null;
  const before = yield* one(
    `SELECT seq FROM inbox ${OF_USER} AND received_at <= ? ORDER BY seq DESC LIMIT 1`,
    ...[account, user, row.created_at as number],
  );
  return { messageSeq: (before?.seq as number | undefined) ?? 0, partSeq: row.seq as number };
}
