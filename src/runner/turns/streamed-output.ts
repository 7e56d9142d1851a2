import { createHash } from 'node:crypto';
import { basename } from 'node:path';
import { isShortage, reasonOf } from '../../core/errors.ts';
import type { ReplyPiece } from '../../core/message/message.ts';
import type { Clock } from '../../core/time/clock.ts';
import { fileChunks } from '../../media/upload/file-chunks.ts';
import type { NewPart, StartedTurn, Store } from '../../store/port/port.ts';
import type { Delivery } from '../delivery/delivery.ts';
import { type Outgoing, shownName } from '../delivery/outgoing-files.ts';
import {
  filePart,
  type KeptPiece,
  keepFile,
  MAX_FILE_BYTES,
  type ReplyShape,
  textParts,
} from '../delivery/reply-parts.ts';
import { openSource } from '../delivery/source-file.ts';

/** Parts that what is said while a turn runs leaves to its end: a beginning and a file. */
const LEFT_FOR_END = 2;

/** What one turn says while it runs, and what of it is left to be queued with its end. */
export interface TurnOutput {
  /**
   * Queues a piece at once as long as enough parts remain for the end of the answer; from then on it is gathered.
   * What an earlier attempt at the message has queued in this place is not queued again. Never rejects.
   */
  emit(piece: ReplyPiece): Promise<void>;
  /** Takes nothing more; resolves when all that was emitted is queued or gathered. Rejects for the store. */
  close(): Promise<void>;
  /** What is to be queued with the end of the turn: what was gathered, then these pieces, without repeats. */
  rest(last: readonly ReplyPiece[]): Promise<(ReplyPiece | KeptPiece)[]>;
  /** The turn has been committed: what was gathered may be swept like all copies. */
  release(): void;
  /** How it stands. */
  readonly tally: Readonly<OutputTally>;
}

/** What became of what a turn has said before its end. */
export interface OutputTally {
  /** Parts used up, those of repeats included. */
  used: number;
  /** Parts queued. */
  queued: number;
  /** Why a file that was emitted could not be kept; nothing was taken after it. Null: all is well. */
  lost: string | null;
}

/** What all turns of an account share. */
export interface OutputTerms {
  account: string;
  store: Pick<Store, 'budget' | 'queueOutput'>;
  delivery: Pick<Delivery, 'queue'>;
  outgoing: Outgoing;
  shape: ReplyShape;
  clock: Clock;
}

/** See {@link TurnOutput}; `runId` groups the parts of the turn. */
export function createTurnOutput(
  terms: OutputTerms,
  { seq, user, outputs: earlier }: StartedTurn,
  runId: string,
): TurnOutput {
  const { account, store, delivery, outgoing, shape, clock } = terms;
  const head = { origin: 'answer', runId } as const;
  const gathered: KeptPiece[] = [];
  const spared: (() => void)[] = [];
  let index = 0;
  let repeats = earlier.length > 0;
  const tally: OutputTally = { used: 0, queued: 0, lost: null };
  let failure: unknown = null;
  let closed = false;
  let tail: Promise<void> = Promise.resolve();

  /** Whether this is what an earlier attempt has queued in this place; from the first difference on nothing is. */
  function isRepeat(digest: string): boolean {
    repeats &&= earlier[index] === digest;
    if (repeats) index++;
    return repeats;
  }

  async function take(piece: ReplyPiece): Promise<void> {
    if (failure !== null || tally.lost !== null) return;
    const kept = 'text' in piece ? piece : await keep(piece);
    if (kept === null) return;
    // Once gathered, always gathered: nothing overtakes. And a flood is not cut into parts piece by piece.
    if (gathered.length > 0) {
      gather(kept);
      return;
    }
    const parts = 'text' in kept ? textParts(kept.text, shape, head) : [filePart(kept.kept, head)];
    if (parts.length === 0) return;
    const digest = await digestOf(kept);
    if (isRepeat(digest)) tally.used += parts.length;
    else if (await fits(parts.length)) await queue(parts, digest);
    else gather(kept);
  }

  function gather(piece: KeptPiece): void {
    gathered.push(piece);
    if ('kept' in piece) spared.push(outgoing.spare(piece.kept));
  }

  async function keep(piece: Extract<ReplyPiece, { file: string }>): Promise<KeptPiece | null> {
    try {
      // At once: an agent may use the name again for its next file.
      return { kept: await keepFile(piece, outgoing) };
    } catch (error) {
      if (isShortage(error)) throw new Error(reasonOf(error), { cause: error });
      tally.lost = reasonOf(error);
      return null;
    }
  }

  async function fits(count: number): Promise<boolean> {
    const budget = await store.budget({ account, user, nowMs: clock.now() });
    const room = Math.min(shape.maxParts - tally.used, budget.left - budget.queued);
    return count + LEFT_FOR_END <= room;
  }

  async function queue(parts: NewPart[], digest: string): Promise<void> {
    const output = { account, seq, output: { index, digest }, parts };
    await delivery.queue(user, (claim) => store.queueOutput({ ...output, nowMs: clock.now(), claim }));
    index++;
    tally.used += parts.length;
    tally.queued += parts.length;
  }

  return {
    emit(piece) {
      if (closed) return Promise.resolve();
      tail = tail
        .then(() => take(piece))
        .catch((error) => {
          failure ??= error;
        });
      return tail;
    },
    async close() {
      closed = true;
      await tail;
      if (failure !== null) throw failure;
    },
    async rest(last) {
      const fresh: (ReplyPiece | KeptPiece)[] = [...gathered];
      for (const piece of last) {
        // Asked only while it may matter, since the files of an answer may be large.
        const isKnown = repeats && index < earlier.length && isRepeat(await digestOf(piece));
        if (!isKnown) fresh.push(piece);
      }
      return fresh;
    },
    release() {
      for (const end of spared.splice(0)) end();
    },
    tally,
  };
}

/** The same for two outputs that are equal: texts of the same characters, files of the same name and content. */
async function digestOf(piece: ReplyPiece | KeptPiece): Promise<string> {
  const hash = createHash('sha256');
  if ('text' in piece) hash.update('text\0').update(piece.text);
  else {
    const [path, name] =
      'kept' in piece
        ? [piece.kept.path, piece.kept.name]
        : [piece.file, shownName(piece.name ?? basename(piece.file))];
    hash.update(`file\0${name}\0`);
    const file = await openSource(path, MAX_FILE_BYTES);
    try {
      for await (const chunk of fileChunks(file)) hash.update(chunk);
    } finally {
      await file.close();
    }
  }
  return hash.digest('base64');
}
