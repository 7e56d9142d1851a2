import type { Clock } from '../../core/time/clock.ts';
import type { IntakeResult } from '../../store/port/port.ts';
import type { Delivery } from '../delivery/delivery.ts';
import type { RunnerOptions } from '../port/options.ts';
import type { Lanes } from '../turns/lanes.ts';
import type { Turns } from '../turns/turns.ts';
import type { Shutdown } from './shutdown.ts';

const CHECK_EVERY_MS = 100;
/** A part that has to wait for longer is left to the next run. */
const LONGEST_PART_WAIT_MS = 5_000;

/** Ends a runner by itself: `--once`, `--exit-idle`, `--max-messages`. */
export interface ExitConditions {
  /** `--once`: the runner ends when all messages are answered. */
  onEmptyPoll(): void;
  /** `--exit-idle`: new messages are activity. */
  onIntake(result: IntakeResult): void;
  /** `--exit-idle`: a turn is activity. `--max-messages`: after the last turn that may start, the runner ends. */
  onTurnEnd(): void;
  /** `--exit-idle`: watches for the time without activity. Resolves at the end of the runner. */
  watch(): Promise<void>;
}

/** See {@link ExitConditions}. */
export function createExitConditions(options: {
  settings: Pick<RunnerOptions, 'once' | 'exitIdleMs' | 'maxMessages'>;
  lanes: Pick<Lanes, 'running' | 'idle' | 'stop'>;
  turns: Pick<Turns, 'started'>;
  delivery: Pick<Delivery, 'pending' | 'settled'>;
  shutdown: Pick<Shutdown, 'signal' | 'begin'>;
  clock: Clock;
}): ExitConditions {
  const { lanes, turns, delivery, shutdown, clock } = options;
  const { once, exitIdleMs, maxMessages } = options.settings;
  let lastActivityMs = clock.monotonic();
  let isFinishing = false;

  function noteActivity(): void {
    lastActivityMs = clock.monotonic();
  }

  async function finishWhenAnswered(): Promise<void> {
    await lanes.idle();
    await delivery.settled(LONGEST_PART_WAIT_MS);
    shutdown.begin('finished');
  }

  return {
    onEmptyPoll() {
      if (!once || isFinishing) return;
      isFinishing = true;
      void finishWhenAnswered();
    },
    onIntake({ messages }) {
      // Some servers send a new cursor with every poll: that is no activity.
      if (messages.length > 0) noteActivity();
    },
    onTurnEnd() {
      noteActivity();
      // `stop` waits for the turns that still run, which are among them.
      if (maxMessages !== null && turns.started >= maxMessages) {
        void lanes.stop().then(() => shutdown.begin('finished'));
      }
    },
    async watch() {
      while (exitIdleMs !== null && !shutdown.signal.aborted) {
        await clock.sleep(CHECK_EVERY_MS, shutdown.signal);
        if (lanes.running > 0 || delivery.pending(LONGEST_PART_WAIT_MS)) noteActivity();
        else if (clock.monotonic() - lastActivityMs > exitIdleMs) shutdown.begin('finished');
      }
    },
  };
}
