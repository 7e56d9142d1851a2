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

/** Longest file of an answer. A sparse file is as long as it says, whatever little of it is on the disk. */
const MAX_FILE_BYTES = 1024 ** 3;

/** How many of the files that are missing are remembered one by one. */
const MAX_REMEMBERED = 10;

/** A piece whose file, if it is one, is our own copy already. */
export type KeptPiece = { text: string } | { kept: PartFile };

/** The files of an answer that cannot be sent: the first few, and how many they are. */
export interface MissingFiles {
  first: MissingFile[];
  count: number;
}

/** Makes our own copies of the files of one answer. */
export interface PieceKeeper {
  /** A piece as it is sent; null for a file that cannot be, which is {@link missing} then. Rejects only for a shortage. */
  keep(piece: ReplyPiece): Promise<KeptPiece | null>;
  readonly missing: MissingFiles;
}

/** See {@link PieceKeeper}. */
export function createPieceKeeper(outgoing: Pick<Outgoing, 'keepCopy'>): PieceKeeper {
  const missing: MissingFiles = { first: [], count: 0 };
  let files = 0;

  async function fileOrFault(piece: Extract<ReplyPiece, { file: string }>): Promise<PartFile | MissingFile> {
    const name = piece.name ?? basename(piece.file);
    if (files >= MAX_ANSWER_FILES) {
      const detail = `${piece.file} is more than the ${MAX_ANSWER_FILES} files of an answer`;
      return { name: shownName(name), reason: 'too-many', detail };
    }
    try {
      return await outgoing.keepCopy(piece.file, name, MAX_FILE_BYTES);
    } catch (error) {
      // The message runs again later, as for an agent that could not be started. For the runner this is no fault of the store.
      if (isShortage(error)) throw new Error(reasonOf(error), { cause: error });
      return { name: shownName(name), reason: missingReasonOf(error), detail: reasonOf(error) };
    }
  }

  return {
    async keep(piece) {
      if ('text' in piece) return piece;
      const file = 'missing' in piece ? piece.missing : await fileOrFault(piece);
      if ('path' in file) {
        files++;
        return { kept: file };
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

/** What an answer without some of its files comes to: the rest of it must not pass for the whole. */
export function lossOf({ first, count }: MissingFiles): Extract<Outcome, { kind: 'failed' }> {
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

/** What is too much counts before what is not there. */
function weight({ reason }: MissingFile): number {
  return Number(reason === 'too-large' || reason === 'too-many');
}
