import { basename } from 'node:path';
import { isShortage, reasonOf, WxError } from '../../core/errors.ts';
import {
  MAX_ANSWER_FILES,
  type MissingFile,
  type MissingReason,
  type Outcome,
  type ReplyPiece,
} from '../../core/message/message.ts';
import type { PartFile } from '../../store/port/port.ts';
import { type Outgoing, shownName } from './outgoing-files.ts';
import { isTooLong } from './source-file.ts';

/** Longest file of a reply. A sparse file counts with its whole length. */
const MAX_FILE_BYTES = 1024 ** 3;

/** How many of the missing files are remembered one by one. */
const MAX_REMEMBERED = 10;

/** A piece of a reply: a text, or our own copy of a file. */
export type ReplyItem = { text: string } | { copy: PartFile };

/** The files of a reply that cannot be sent: the first few, and how many they are. */
export interface MissingFiles {
  first: MissingFile[];
  count: number;
}

/** Copies the files of one reply, so that the agent may change or remove them. */
export interface ReplyFiles {
  /** A piece with its file copied; null, and counted in {@link missing}: it cannot be sent. Rejects on a shortage. */
  copy(piece: ReplyPiece): Promise<ReplyItem | null>;
  readonly missing: MissingFiles;
}

/** See {@link ReplyFiles}. */
export function createReplyFiles(outgoing: Pick<Outgoing, 'keepCopy'>): ReplyFiles {
  const missing: MissingFiles = { first: [], count: 0 };
  let files = 0;

  async function copyOf(piece: Extract<ReplyPiece, { file: string }>): Promise<PartFile | MissingFile> {
    const name = piece.name ?? basename(piece.file);
    if (files >= MAX_ANSWER_FILES) {
      const detail = `${piece.file} is more than the ${MAX_ANSWER_FILES} files of an answer`;
      return { name: shownName(name), reason: 'too-many', detail };
    }
    try {
      return await outgoing.keepCopy(piece.file, name, MAX_FILE_BYTES);
    } catch (error) {
      // The message runs again later, as if the agent could not be started. A WxError `storage` would end the runner.
      if (isShortage(error)) throw new Error(reasonOf(error), { cause: error });
      return { name: shownName(name), reason: missingReasonOf(error), detail: reasonOf(error) };
    }
  }

  return {
    async copy(piece) {
      if ('text' in piece) return piece;
      const file = 'missing' in piece ? piece.missing : await copyOf(piece);
      if ('path' in file) {
        files++;
        return { copy: file };
      }
      if (missing.count++ < MAX_REMEMBERED) missing.first.push(file);
      return null;
    },
    missing,
  };
}

function missingReasonOf(error: unknown): MissingReason {
  if (!(error instanceof WxError)) return 'unreadable';
  if (isTooLong(error)) return 'too-large';
  return error.kind === 'not-found' ? 'not-found' : 'unreadable';
}

const HINTS: Record<MissingReason, string> = {
  'too-large': 'send a smaller file, or a link to it',
  'too-many': 'put them into one archive',
  'not-found': 'ls -l shows what is there',
  unreadable: 'check its rights: ls -l',
};

/** The failure that a reply without some of its files is. */
export function incompleteReply({ first, count }: MissingFiles): Extract<Outcome, { kind: 'failed' }> {
  const [worst] = first.toSorted((a, b) => weight(b) - weight(a));
  return {
    kind: 'failed',
    reason: worst && weight(worst) > 0 ? 'too-large' : 'bad-output',
    detail:
      count > 1
        ? `part of the answer was not sent: ${worst?.detail}, and ${count - 1} more`
        : `part of the answer was not sent: ${worst?.detail}`,
    ...(worst && { hint: worst.hint ?? HINTS[worst.reason] }),
  };
}

/** A file that is too much counts before one that is not there. */
function weight({ reason }: MissingFile): number {
  return Number(reason === 'too-large' || reason === 'too-many');
}
