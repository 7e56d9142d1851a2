import type { Log } from '../../core/log.ts';
import type { Outcome } from '../../core/message/message.ts';
import {
  type Resident,
  type ResidentEnd,
  type ResidentRun,
  startResident,
} from '../child/resident-process.ts';
import type { TurnContext } from '../port/port.ts';
import { createLineReader } from '../reply/line-reader.ts';
import { MAX_LINE_BYTES } from '../reply/reply-line.ts';
import { cancelLine } from './line.ts';
import { createOpenTurns } from './turns.ts';

/** How much may come out of it, with nothing in it that is of use to a turn, before it is taken for broken. */
const FLOOD_BYTES = 4 * 1024 * 1024;

/** How one process of a coprocess is started. */
export interface CoprocessRun extends Omit<ResidentRun, 'onStdout' | 'onStderr'> {
  log: Log;
}

/** One process that answers many turns, until it ends. */
export interface CoprocessChild extends Pick<Resident, 'pid' | 'end'> {
  /** False once it ends, and while it does not read what was written to it. */
  readonly takesTurns: boolean;
  /** Lines so far that were of use to a turn. */
  readonly useful: number;
  /** Gives it one turn, in one write; resolves with the outcome, unless the turn is cancelled. */
  ask(id: string, event: string, context: Pick<TurnContext, 'emit' | 'alive'>): Promise<Outcome>;
  /** Tells it that nobody waits for a turn any more. */
  cancel(id: string): void;
  /** Resolves when nothing of it is left and its turns have their outcome. Never rejects. */
  readonly ended: Promise<ResidentEnd>;
}

/** Starts one process. Rejects with the system's error when that is not possible. */
export async function startCoprocessChild({ log, ...run }: CoprocessRun): Promise<CoprocessChild> {
  let uselessBytes = 0;
  const tellCancel = (id: string): void => resident.write(`${cancelLine(id)}\n`);
  const turns = createOpenTurns({ log, cancel: tellCancel });
  // Never told of its end: the half line of a process that died is no line.
  const lines = createLineReader(turns.take, MAX_LINE_BYTES);
  const resident = await startResident({
    ...run,
    onStdout(chunk) {
      const before = turns.useful;
      lines.write(chunk);
      uselessBytes = turns.useful > before ? 0 : uselessBytes + chunk.length;
      if (uselessBytes > FLOOD_BYTES) void resident.end('more than 4 MiB of output without a reply');
      return turns.flush();
    },
    onStderr: (line) => log.info(line),
  });

  async function untilGone(): Promise<ResidentEnd> {
    const end = await resident.ended;
    const { code: _, detail, ...more } = end;
    turns.endAll({ kind: 'retry', afterMs: null, ...more, detail: `the coprocess ended: ${detail}` });
    await resident.gone;
    return end;
  }

  return {
    pid: resident.pid,
    end: resident.end,
    ended: untilGone(),
    get takesTurns() {
      return resident.takesInput;
    },
    get useful() {
      return turns.useful;
    },
    ask(id, event, context) {
      const outcome = turns.open(id, context);
      resident.write(`${event}\n`);
      return outcome;
    },
    cancel(id) {
      turns.drop(id);
      tellCancel(id);
    },
  };
}
