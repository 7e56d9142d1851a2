import { resolve } from 'node:path';
import type { Log } from '../../core/log.ts';
import type { ReplyPiece } from '../../core/message/message.ts';
import type { TurnContext } from '../port/port.ts';
import { whyNotReadable } from './files.ts';
import type { LineForm, TakeLine } from './line-feed.ts';
import { createUnreadNotes, parseReplyLine } from './reply-line.ts';

/** The most a stream of reply lines may have in all. */
export const MAX_STREAM_BYTES = 4 * 1024 * 1024;

/** The longest line of one, in UTF-16 units; the limit of contract 4 is one of bytes and is checked line by line. */
export const MAX_LINE_CHARS = 1024 * 1024;

/** What a stream of reply lines may say. */
const HINT = 'each line is {"text": "..."}, {"file": "path"} or {"typing": true}';

/** What is wrong with a line. */
interface BadLine {
  detail: string;
  hint?: string;
  /** The stream ended in the middle of it: no fault of an agent that was ended, or has failed anyway. */
  half: boolean;
}

/** A reply in JSON lines, acted on line by line (contract 4). */
export interface ReplyStream {
  take: TakeLine;
  /** The line after which none was taken; null: all are good. */
  readonly bad: BadLine | null;
}

/** Emits what the lines say of the answer to a message. Relative files are looked for under `folder`; null: there are none. */
export function createReplyStream(
  context: Pick<TurnContext, 'emit'>,
  folder: string | null,
  log: Pick<Log, 'warn'>,
  message: string,
): ReplyStream {
  let bad: BadLine | null = null;
  const noteUnread = createUnreadNotes((line) => log.warn(line, { message }));

  async function act(line: string, { cut, half }: LineForm): Promise<BadLine | null> {
    if (cut) return { detail: 'a line is longer than 1 MiB', half };
    const read = parseReplyLine(line);
    if (read.kind === 'bad')
      return { detail: half ? `${read.detail} (cut off)` : read.detail, hint: HINT, half };
    noteUnread(read.unread);
    for (const piece of read.pieces) {
      const why = await say(piece);
      if (why !== null) return { detail: why, half: false };
    }
    return null;
  }

  /** Resolves with what keeps a piece from being sent; null: nothing. */
  async function say(piece: ReplyPiece): Promise<string | null> {
    if ('text' in piece) {
      await context.emit(piece);
      return null;
    }
    const file = folder === null ? piece.file : resolve(folder, piece.file);
    const why = await whyNotReadable(file);
    if (why === null) await context.emit({ ...piece, file });
    return why;
  }

  return {
    async take(line, form) {
      bad ??= await act(line, form);
      return bad === null;
    },
    get bad() {
      return bad;
    },
  };
}
