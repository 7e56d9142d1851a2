import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import type { Agent } from '../../src/agents/port/port.ts';
import { systemClock } from '../../src/core/time/clock.ts';
import { createSteadyClock } from '../../src/core/time/steady-clock.ts';
import { createIlinkClient } from '../../src/ilink/client.ts';
import { createTransport } from '../../src/ilink/http/transport.ts';
import { createOutgoing } from '../../src/runner/delivery/outgoing-files.ts';
import type { RunnerEvent } from '../../src/runner/port/events.ts';
import { DEFAULT_RUNNER_OPTIONS, type RunnerOptions } from '../../src/runner/port/options.ts';
import type { Runner } from '../../src/runner/port/port.ts';
import { startRunner } from '../../src/runner/runner.ts';
import { createFolderMaker } from '../../src/runner/turns/folders.ts';
import { createUpkeep } from '../../src/runner/upkeep/upkeep.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import type { MessageView, Store } from '../../src/store/port/port.ts';
import { openStore } from '../../src/store/sqlite-store.ts';
import { createLogBook } from '../unit/runner/support.ts';

/** A bot of a simulator whose runners live in the process of the test. */
export interface Bot {
  /** The owner. */
  user: string;
  store: Store;
  /** What runners have told, in order. */
  events: RunnerEvent[];
  log: string[];
  /** Starts a runner with an agent of the test's own. Stopped after the test. */
  start(answer: Agent['answer'], settings?: Partial<RunnerOptions>): Runner;
  messages(): Promise<MessageView[]>;
}

/** Makes a bot with a store of its own. */
export async function makeBot(simulator: Simulator): Promise<Bot> {
  const folder = await mkdtemp(join(tmpdir(), 'wxagent-bot-'));
  const { id, user, token } = simulator.control.createBot();
  const transport = createTransport();
  const store = openStore({
    path: join(folder, 'wxagent.db'),
    reserve: join(folder, 'reserve'),
    clock: createSteadyClock(systemClock),
    claimant: { id: 'test', isAlive: () => false },
    wait: null,
  });
  const log = createLogBook();
  const runners: Runner[] = [];
  onTestFinished(async () => {
    for (const runner of runners) runner.stop();
    await Promise.allSettled(runners.map(({ done }) => done));
    await store.close();
    await transport.close();
    await rm(folder, { recursive: true, force: true });
  });
  const events: RunnerEvent[] = [];
  return {
    user,
    store,
    events,
    log: log.lines,
    start(answer, settings = {}) {
      const runner = startRunner({
        account: { key: id, id, name: null, owner: user, login: token, formerPoller: null },
        store,
        upkeep: createUpkeep(store, createSteadyClock(systemClock), log),
        client: createIlinkClient({ transport, baseUrl: simulator.baseUrl, token, version: '0' }),
        agent: { name: 'test', answer },
        folders: createFolderMaker({
          turns: join(folder, 'turns'),
          state: () => join(folder, 'state'),
          sessions: null,
          keep: false,
          log,
        }),
        attachments: { complete: async (turn) => turn, async sweep() {} },
        outgoing: createOutgoing(join(folder, 'out')),
        uploader: { upload: async () => ({ kind: 'refused', reason: 'no files here' }) },
        endChild: async () => false,
        rescue() {},
        keepUnread: async () => '',
        settings: { ...DEFAULT_RUNNER_OPTIONS, typing: false, paceMs: 0, allow: 'all', ...settings },
        version: '0',
        clock: createSteadyClock(systemClock),
        log,
        emit: (event) => void events.push(event),
      });
      runners.push(runner);
      return runner;
    },
    messages: () => store.inbox.messages({ account: id, user: null, sinceMs: null, limit: 1_000 }),
  };
}
