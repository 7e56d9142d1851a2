import { createHash } from 'node:crypto';
import type { ReplyPiece } from '../../core/message/message.ts';
import type { Clock } from '../../core/time/clock.ts';
import { fileChunks } from '../../media/upload/file-chunks.ts';
import type { NewPart, StartedTurn, Store } from '../../store/port/port.ts';
import type { Delivery } from '../delivery/delivery.ts';
import { createPieceKeeper, type KeptPiece, type MissingFiles } from '../delivery/kept-pieces.ts';
import type { Outgoing } from '../delivery/outgoing-files.ts';
import { filePart, type ReplyShape, textParts } from '../delivery/reply-parts.ts';
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
  /**
   * What is to be queued with the end of the turn: what was gathered, then these pieces, without repeats and without
   * files that cannot be sent. Rejects for what this machine is short of.
   */
  rest(last: readonly ReplyPiece[]): Promise<KeptPiece[]>;
  /** These parts are on the disk: their copies are theirs. */
  release(parts: readonly NewPart[]): void;
  /** The turn is over: removes the copies that no part on the disk has. Never rejects. */
  dispose(): Promise<void>;
  /** How it stands. */
  readonly tally: Readonly<OutputTally>;
}

/** What became of what a turn has said before its end. */
export interface OutputTally {
  /** Parts used up, those of repeats included. */
  used: number;
  /** Parts queued. */
  queued: number;
  /** Files that cannot be sent. */
  missing: MissingFiles;
}

/** What all turns of an account share. */
export interface OutputTerms {
  account: string;
  store: Pick<Store, 'outbox' | 'turns'>;
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
  const keeper = createPieceKeeper(outgoing);
  /** What keeps a copy from being swept before its part is on the disk, which may be hours later; by their paths. */
  const copies = new Map<string, () => void>();
  let index = 0;
  let repeats = earlier.length > 0;
  const tally: OutputTally = { used: 0, queued: 0, missing: keeper.missing };
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
    if (failure !== null) return;
    // At once: an agent may use the name of a file again for its next one.
    const kept = await keep(piece);
    if (kept === null) return;
    // Once gathered, always gathered: nothing overtakes. And a flood is not cut into parts piece by piece.
    if (gathered.length > 0) {
      gathered.push(kept);
      return;
    }
    const parts = 'text' in kept ? textParts(kept.text, shape, head) : [filePart(kept.kept, head)];
    if (parts.length === 0) return;
    const digest = await digestOf(kept);
    if (isRepeat(digest)) tally.used += parts.length;
    else if (await fits(parts.length)) await queue(parts, digest);
    else gathered.push(kept);
  }

  async function keep(piece: ReplyPiece): Promise<KeptPiece | null> {
    const kept = await keeper.keep(piece);
    if (kept && 'kept' in kept) copies.set(kept.kept.path, outgoing.spare(kept.kept));
    return kept;
  }

  async function fits(count: number): Promise<boolean> {
    const budget = await store.outbox.budget({ account, user, nowMs: clock.now() });
    const room = Math.min(shape.maxParts - tally.used, budget.left - budget.queued);
    return count + LEFT_FOR_END <= room;
  }

  async function queue(parts: NewPart[], digest: string): Promise<void> {
    const output = { account, seq, output: { index, digest }, parts };
    await delivery.queue(user, (claim) => store.turns.queueOutput({ ...output, nowMs: clock.now(), claim }));
    release(parts);
    index++;
    tally.used += parts.length;
    tally.queued += parts.length;
  }

  function release(parts: readonly NewPart[]): void {
    for (const { file } of parts) if (file) endSparing(file.path);
  }

  function endSparing(path: string): void {
    copies.get(path)?.();
    copies.delete(path);
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
      const fresh: KeptPiece[] = [...gathered];
      for (const piece of last) {
        const kept = await keep(piece);
        if (kept === null) continue;
        // Asked only while it may matter, since the files of an answer may be large.
        const isKnown = repeats && index < earlier.length && isRepeat(await digestOf(kept));
        if (!isKnown) fresh.push(kept);
      }
      return fresh;
    },
    async dispose() {
      const paths = [...copies.keys()];
      if (paths.length === 0) return;
      try {
        await outgoing.discard(await store.outbox.unneededFiles(paths));
      } catch {
        // The store fails: they are swept when it works again.
      }
      for (const path of paths) endSparing(path);
    },
    release,
    tally,
  };
}

/** The same for two outputs that are equal: texts of the same characters, files of the same name and content. */
async function digestOf(piece: KeptPiece): Promise<string> {
  const hash = createHash('sha256');
  if ('text' in piece) hash.update('text\0').update(piece.text);
  else {
    hash.update(`file\0${piece.kept.name}\0`);
    const file = await openSource(piece.kept.path);
    try {
      for await (const chunk of fileChunks(file)) hash.update(chunk);
    } finally {
      await file.close();
    }
  }
  return hash.digest('base64');
}
