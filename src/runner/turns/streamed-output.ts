import { createHash } from 'node:crypto';
import type { ReplyPiece } from '../../core/message/message.ts';
import type { Clock } from '../../core/time/clock.ts';
import type { NewPart, StartedTurn, Store } from '../../store/port/port.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { Outgoing } from '../delivery/outgoing-files.ts';
import { createReplyFiles, type MissingFiles, type ReplyItem } from '../delivery/reply-files.ts';
import { filePart, type ReplyShape, textParts } from '../delivery/reply-parts.ts';

/** Parts that are reserved for the end of the turn: a beginning and a file. */
const RESERVED_PARTS = 2;

/** The output of one turn: pieces queued while it runs, and pieces collected for its end. */
export interface TurnOutput {
  /**
   * Queues a piece at once, as long as the reserved parts remain. From then on pieces are collected. A piece that an
   * earlier attempt has queued as its n-th, too, is not queued again. Never rejects.
   */
  emit(piece: ReplyPiece): Promise<void>;
  /** Ignores later pieces. Resolves when all earlier ones are queued or collected. Rejects for the store. */
  close(): Promise<void>;
  /** The pieces to queue with the end of the turn: collected ones, then these, without repeats. Rejects on a shortage. */
  rest(last: readonly ReplyPiece[]): Promise<ReplyItem[]>;
  /** Tells that these parts are committed, so that the store knows the copies of their files. */
  release(parts: readonly NewPart[]): void;
  /** Removes the copies that no committed part has. Never rejects. */
  dispose(): Promise<void>;
  readonly tally: Readonly<OutputTally>;
}

/** Counts of what a turn has sent before its end. */
export interface OutputTally {
  /** Parts used up, those of repeats included. */
  used: number;
  queued: number;
  /** Files that cannot be sent. */
  missing: MissingFiles;
}

/** See {@link TurnOutput}; `runId` groups the parts of the turn. */
export function createTurnOutput(
  options: {
    account: string;
    store: Pick<Store, 'outbox' | 'turns'>;
    delivery: Pick<Delivery, 'queue'>;
    outgoing: Outgoing;
    shape: ReplyShape;
    clock: Clock;
  },
  turn: StartedTurn,
  runId: string,
): TurnOutput {
  const { account, store, delivery, outgoing, shape, clock } = options;
  const { user, outputs: earlier } = turn;
  const head = { origin: 'answer', runId } as const;
  const collected: ReplyItem[] = [];
  const files = createReplyFiles(outgoing);
  /** Copies whose part is not committed yet, by their paths. Each is pinned, since that may take hours. */
  const pinned = new Map<string, () => void>();
  let index = 0;
  let isRepeating = earlier.length > 0;
  const tally: OutputTally = { used: 0, queued: 0, missing: files.missing };
  let failure: unknown = null;
  let isClosed = false;
  let last: Promise<void> = Promise.resolve();

  /** Whether an earlier attempt has queued the same as its n-th output. From the first difference on nothing is a repeat. */
  function isRepeat(digest: string): boolean {
    isRepeating &&= earlier[index] === digest;
    if (isRepeating) index++;
    return isRepeating;
  }

  async function queueOrCollect(piece: ReplyPiece): Promise<void> {
    if (failure !== null) return;
    // Before the agent goes on, since it may reuse the name of the file.
    const item = await copy(piece);
    if (item === null) return;
    // Pieces keep their order, so one that is collected has all later ones collected.
    if (collected.length > 0) {
      collected.push(item);
      return;
    }
    const parts = 'text' in item ? textParts(item.text, shape, head) : [filePart(item.copy, head)];
    if (parts.length === 0) return;
    const digest = await digestOf(item, outgoing);
    if (isRepeat(digest)) tally.used += parts.length;
    else if (await fits(parts.length)) await queue(parts, digest);
    else collected.push(item);
  }

  async function copy(piece: ReplyPiece): Promise<ReplyItem | null> {
    const item = await files.copy(piece);
    if (item && 'copy' in item) pinned.set(item.copy.path, outgoing.pin(item.copy));
    return item;
  }

  async function fits(count: number): Promise<boolean> {
    const budget = await store.outbox.budget({ account, user, nowMs: clock.now() });
    const room = Math.min(shape.maxParts - tally.used, budget.left - budget.queued);
    return count + RESERVED_PARTS <= room;
  }

  async function queue(parts: NewPart[], digest: string): Promise<void> {
    const output = { account, turn, output: { index, digest }, parts };
    await delivery.queue(user, (claim) => store.turns.queueOutput({ ...output, nowMs: clock.now(), claim }));
    release(parts);
    index++;
    tally.used += parts.length;
    tally.queued += parts.length;
  }

  function release(parts: readonly NewPart[]): void {
    for (const { file } of parts) if (file) unpin(file.path);
  }

  function unpin(path: string): void {
    pinned.get(path)?.();
    pinned.delete(path);
  }

  return {
    emit(piece) {
      if (isClosed) return Promise.resolve();
      last = last
        .then(() => queueOrCollect(piece))
        .catch((error) => {
          failure ??= error;
        });
      return last;
    },
    async close() {
      isClosed = true;
      await last;
      if (failure !== null) throw failure;
    },
    async rest(pieces) {
      const items: ReplyItem[] = [...collected];
      for (const piece of pieces) {
        const item = await copy(piece);
        if (item === null) continue;
        // The digest of a file takes time, so it is made only where it can matter.
        const isKnown = isRepeating && index < earlier.length && isRepeat(await digestOf(item, outgoing));
        if (!isKnown) items.push(item);
      }
      return items;
    },
    async dispose() {
      const paths = [...pinned.keys()];
      if (paths.length === 0) return;
      try {
        await outgoing.discard(store.outbox, paths);
      } catch {
        // The store fails. A later sweep removes them.
      }
      for (const path of paths) unpin(path);
    },
    release,
    tally,
  };
}

/** A digest that is equal for equal outputs: texts of the same characters, files of the same name and content. */
async function digestOf(item: ReplyItem, outgoing: Pick<Outgoing, 'open'>): Promise<string> {
  const hash = createHash('sha256');
  if ('text' in item) hash.update('text\0').update(item.text);
  else {
    hash.update(`file\0${item.copy.name}\0`);
    const copy = await outgoing.open(item.copy);
    try {
      for await (const chunk of copy.chunks()) hash.update(chunk);
    } finally {
      await copy.close();
    }
  }
  return hash.digest('base64');
}
