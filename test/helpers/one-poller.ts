import { expect } from 'vitest';
import type { SimulatorControl } from '../../src/simulator/control/control.ts';

/** How often the simulator is asked for the polls it has seen, and after how long each of them is answered. */
const LOOK_MS = 500;
const ANSWERED_AFTER_MS = 10_000;

/** So many polls before one at fault are told. */
const TOLD = 25;

/** A poll, as the simulator has seen it. */
interface Poll {
  n: number;
  timeMs: number;
  asked: string;
  answered: string | null;
}

/** Watches all polls in the simulator's own log. */
export interface PollWatch {
  /** Ends the watch, when nobody polls any more. */
  end(): ReadonlyMap<string, readonly Poll[]>;
}

/** See {@link PollWatch}. The simulator must keep the requests of ten seconds. */
export function watchPolls(control: SimulatorControl): PollWatch {
  const byBot = new Map<string, Poll[]>();
  let seen = 0;

  function look(olderThanMs: number): void {
    const requests = control.requests({ endpoint: 'getupdates', after: seen });
    for (const { n, timeMs, bot, body, answered } of requests) {
      if (timeMs > Date.now() - olderThanMs) return;
      seen = n;
      const polls = byBot.get(bot ?? '') ?? [];
      byBot.set(bot ?? '', polls);
      polls.push({ n, timeMs, asked: (body as { get_updates_buf: string }).get_updates_buf, answered });
    }
  }
  const looking = setInterval(() => look(ANSWERED_AFTER_MS), LOOK_MS);

  return {
    end() {
      clearInterval(looking);
      look(0);
      return byBot;
    },
  };
}

/** The polls before one that is at fault: when each came, which answer it had read, and whether its own was read. */
function toldOf(all: readonly Poll[], n: number): string[] {
  const numberOf = new Map(all.map((poll) => [poll.answered, poll.n]));
  const read = new Set(all.map(({ asked }) => asked));
  return all
    .filter((poll) => poll.n <= n)
    .slice(-TOLD)
    .map(({ n, timeMs, asked, answered }) => {
      const end = answered === null ? 'is not answered' : read.has(answered) ? 'is read' : 'is not read';
      return `  ${new Date(timeMs).toISOString().slice(11, 23)} ${n} has read ${numberOf.get(asked) ?? 'nothing'}, and ${end}`;
    });
}

/**
 * No two pollers ever move the cursor of one bot. Whoever polls with the cursor of an answer has read that answer, so polls
 * form chains. One that begins again further back, as after a kill, ends the chain before it: nobody goes on with that.
 */
export function expectOnePoller(polls: ReadonlyMap<string, readonly Poll[]>, happened = ''): void {
  const faults: string[] = [];
  for (const [bot, all] of polls) {
    const read = new Set(all.map(({ asked }) => asked));
    /** The cursors from the first one to the newest that was read. */
    const chain = [''];
    for (const { n, asked, answered } of all) {
      // The last poll of a process that was lost, or one whose answer was: it has moved nothing.
      if (answered === null || !read.has(answered)) continue;
      const at = chain.lastIndexOf(asked);
      if (at < 0)
        faults.push(
          `request ${n} for ${bot} goes on where another poller had begun again:`,
          ...toldOf(all, n),
        );
      chain.length = at + 1;
      chain.push(answered);
    }
  }
  expect(faults, happened).toEqual([]);
}
