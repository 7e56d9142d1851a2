import { resolve } from 'node:path';
import type { Log } from '../../core/log.ts';
import type { ReplyPiece } from '../../core/message/message.ts';
import type { TurnContext } from '../port/port.ts';
import type { LineForm, LineHandler } from './line-feed.ts';
import { absoluteFile } from './outcomes.ts';
import { createUnreadNotes, parseReplyLine } from './reply-line.ts';

/** The most a stream of reply lines may have in all. */
export const MAX_STREAM_BYTES = 4 * 1024 * 1024;

/** The longest line of one, in UTF-16 units. The limit of a line is one of bytes, and is checked line by line. */
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

/** A reply in JSON lines, acted on line by line. */
export interface ReplyStream {
  take: LineHandler;
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
    for (const piece of read.pieces) await context.emit(placed(piece));
    return null;
  }

  function placed(piece: ReplyPiece): ReplyPiece {
    if (!('file' in piece)) return piece;
    return folder === null ? absoluteFile(piece) : { ...piece, file: resolve(folder, piece.file) };
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
