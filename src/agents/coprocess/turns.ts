import type { Log } from '../../core/log.ts';
import type { FailureReason, Outcome, ReplyPiece } from '../../core/message/message.ts';
import { terminalText } from '../../core/terminal.ts';
import { cutUtf8 } from '../../core/text-bytes.ts';
import type { TurnContext } from '../port/port.ts';
import { createUnreadNotes } from '../reply/reply-line.ts';
import { type CoprocessLine, overlongLine, readCoprocessLine, type TurnClose } from './line.ts';

/** Longest text of one answer, and most pieces of one: nobody reads more. */
const MAX_TEXT_BYTES = 1024 * 1024;
const MAX_PIECES = 1_000;

/** Longest error of a coprocess that is shown. */
const ERROR_BYTES = 300;

/** How many dropped lines of one process are warned of: a flood of them must not flood the log. */
const MAX_WARNINGS = 5;

const HINT =
  'answer with lines like {"id":"<id of the message>","text":"...","done":true}; print the rest on stderr';

/** The turns that one process is at work on. */
export interface OpenTurns {
  /** Resolves with the outcome of a turn, unless it is dropped before. Pieces that come before its end are emitted. */
  open(id: string, context: OpenTurn['context']): Promise<Outcome>;
  /** Forgets a turn: what is still said of it counts as finished. */
  drop(id: string): void;
  /** Takes one line of the process; `isCut`: only its beginning, it is too long. */
  take(line: string, isCut: boolean): void;
  /** Hands over what is there of answers that go on; a promise when the reader should wait until it is kept. */
  flush(): Promise<unknown> | null;
  /** Ends them all with one outcome; pieces that are there stay. */
  endAll(outcome: Outcome): void;
  /** Lines so far that were of use to a turn. */
  readonly useful: number;
}

interface OpenTurn {
  context: Pick<TurnContext, 'emit' | 'alive'>;
  /** Pieces that came together: with the end of the turn they are its outcome, which saves a commit. */
  pieces: ReplyPiece[];
  count: number;
  textBytes: number;
  noteUnread: (fields: readonly string[]) => void;
  settle: (outcome: Outcome) => void;
}

/** See {@link OpenTurns}. `cancel` tells the process that nobody waits for a turn any more. */
export function createOpenTurns({ log, cancel }: { log: Log; cancel: (id: string) => void }): OpenTurns {
  const turns = new Map<string, OpenTurn>();
  let useful = 0;
  let warnings = 0;

  function warn(line: string, message?: string): void {
    if (++warnings <= MAX_WARNINGS) log.warn(line, { message });
    else log.debug(line, { message });
  }

  function end(id: string, turn: OpenTurn, outcome: Outcome): void {
    turns.delete(id);
    for (const piece of turn.pieces) void turn.context.emit(piece);
    turn.settle(outcome);
  }

  /** Ends a turn whose answer cannot be used; the process is told, since it may go on with it. */
  function fail(id: string, turn: OpenTurn, reason: FailureReason, detail: string, hint: string): void {
    end(id, turn, { kind: 'failed', reason, detail, hint });
    cancel(id);
  }

  function close(id: string, turn: OpenTurn, how: TurnClose): void {
    if (how.kind === 'done') {
      const { pieces, count } = turn;
      turn.pieces = [];
      end(id, turn, count === 0 ? { kind: 'silent' } : { kind: 'reply', pieces });
    } else if (how.kind === 'retry') {
      const detail = `the coprocess asked for it after ${how.afterMs} ms`;
      end(id, turn, { kind: 'retry', afterMs: how.afterMs, detail });
    } else {
      const said = cutUtf8(terminalText(how.text).trim(), ERROR_BYTES).value;
      end(id, turn, { kind: 'failed', reason: 'exit', detail: said || 'the coprocess reported an error' });
    }
  }

  function add(id: string, turn: OpenTurn, piece: ReplyPiece): boolean {
    turn.count++;
    if ('text' in piece) turn.textBytes += Buffer.byteLength(piece.text);
    if (turn.textBytes <= MAX_TEXT_BYTES && turn.count <= MAX_PIECES) {
      turn.pieces.push(piece);
      return true;
    }
    const detail = `its answer has more than 1 MiB or ${MAX_PIECES} pieces`;
    fail(id, turn, 'too-large', detail, 'write long results to a file, and answer with {"id","file"}');
    return false;
  }

  /** A bad line that names no turn may be the answer of any: none of those under way may pass for whole. */
  function takeBad({ id, detail }: Extract<CoprocessLine, { kind: 'bad' }>): void {
    const meant = id !== null && turns.has(id) ? [id] : id === null ? [...turns.keys()] : [];
    if (meant.length === 0) warn(`ignored output of the coprocess: ${detail}`);
    for (const one of meant) {
      const turn = turns.get(one);
      if (turn) fail(one, turn, 'bad-output', detail, HINT);
    }
  }

  return {
    open: (id, context) =>
      new Promise((settle) => {
        const noteUnread = createUnreadNotes((line) => log.warn(line, { message: id }));
        turns.set(id, { context, pieces: [], count: 0, textBytes: 0, noteUnread, settle });
      }),
    drop(id) {
      const turn = turns.get(id);
      turns.delete(id);
      for (const piece of turn?.pieces ?? []) void turn?.context.emit(piece);
    },
    take(line, isCut) {
      const read = isCut ? overlongLine(line) : readCoprocessLine(line);
      if (read.kind === 'blank') return;
      if (read.kind === 'bad') return takeBad(read);
      const turn = turns.get(read.id);
      if (!turn) return warn('ignored output of the coprocess: its message is unknown or finished', read.id);
      useful++;
      turn.context.alive();
      turn.noteUnread(read.unread);
      for (const piece of read.pieces) if (!add(read.id, turn, piece)) return;
      if (read.close) close(read.id, turn, read.close);
    },
    flush() {
      let kept: Promise<unknown>[] | null = null;
      for (const turn of turns.values()) {
        if (turn.pieces.length === 0) continue;
        kept ??= [];
        kept.push(...turn.pieces.map((piece) => turn.context.emit(piece)));
        turn.pieces = [];
      }
      return kept && Promise.all(kept);
    },
    endAll(outcome) {
      for (const [id, turn] of turns) end(id, turn, outcome);
    },
    get useful() {
      return useful;
    },
  };
}
