import { join } from 'node:path';
import type { Agent } from '../../../../src/agents/port/port.ts';
import { type Clock, systemClock } from '../../../../src/core/time/clock.ts';
import type { Delivery } from '../../../../src/runner/delivery/delivery.ts';
import { createOutgoing, type Outgoing } from '../../../../src/runner/delivery/outgoing-files.ts';
import type { RunnerEvent } from '../../../../src/runner/port/events.ts';
import { DEFAULT_RUNNER_OPTIONS, type RunnerOptions } from '../../../../src/runner/port/options.ts';
import type { Attachments } from '../../../../src/runner/received/attachments.ts';
import { createFolderMaker } from '../../../../src/runner/turns/folders.ts';
import { createTurns, type Turns } from '../../../../src/runner/turns/turns.ts';
import type { Store } from '../../../../src/store/port/port.ts';
import { ACCOUNT } from '../../store/conformance/desk.ts';
import { createLogBook } from '../support.ts';

/** Turns whose parts are queued and not delivered. */
export function createUndelivered(options: {
  store: Store;
  agent: Agent;
  /** Where their folders are made. */
  folder: string;
  outgoing?: Outgoing;
  /** Gets what they tell. */
  events?: RunnerEvent[];
  over?: Partial<RunnerOptions>;
  clock?: Clock;
  attachments?: Pick<Attachments, 'complete'>;
  random?: () => number;
}): Turns {
  const { store, agent, folder, events = [], over = {}, clock = systemClock } = options;
  const delivery: Pick<Delivery, 'queue'> = { queue: async (_, step) => void (await step(null)) };
  return createTurns({
    account: { key: ACCOUNT, id: ACCOUNT, name: null },
    store,
    agent,
    delivery,
    questions: { ask: async () => null },
    typing: null,
    folders: createFolderMaker({
      turns: join(folder, 'turns'),
      state: () => join(folder, 'state'),
      sessions: null,
      keep: false,
      log: createLogBook(),
    }),
    attachments: options.attachments ?? { complete: async (turn) => turn },
    outgoing: options.outgoing ?? createOutgoing(join(folder, 'out')),
    settings: { ...DEFAULT_RUNNER_OPTIONS, ...over },
    clock,
    ...(options.random && { random: options.random }),
    log: createLogBook(),
    emit: (event) => void events.push(event),
  });
}
