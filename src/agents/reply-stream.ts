import { resolve } from 'node:path';
import type { LineForm, TakeLine } from './child/line-feed.ts';
import { whyNotReadable } from './http/files.ts';
import type { TurnContext } from './port.ts';
import { parseReplyLine } from './reply-line.ts';

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

/** Emits what the lines say. Relative files are looked for under `folder`; null: there are none. */
export function createReplyStream(context: Pick<TurnContext, 'emit'>, folder: string | null): ReplyStream {
  let bad: BadLine | null = null;

  async function act(line: string, { cut, half }: LineForm): Promise<BadLine | null> {
    if (cut) return { detail: 'a line is longer than 1 MiB', half };
    const read = parseReplyLine(line);
    if (read.kind === 'bad')
      return { detail: half ? `${read.detail} (cut off)` : read.detail, hint: HINT, half };
    if (read.kind === 'nothing') return null;
    const { piece } = read;
    if ('text' in piece) {
      await context.emit(piece);
      return null;
    }
    const file = folder === null ? piece.file : resolve(folder, piece.file);
    const why = await whyNotReadable(file);
    if (why !== null) return { detail: why, half: false };
    await context.emit({ ...piece, file });
    return null;
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
