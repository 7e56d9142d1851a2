import type { Log } from '../../core/log.ts';
import type { SteadyClock } from '../../core/time/steady-clock.ts';
import type { Store } from '../../store/port/port.ts';
import { createPollNotes } from '../intake/poll-notes.ts';
import { createPollReports } from '../intake/poll-reports.ts';
import { createWindowKeepers } from './keep-windows.ts';
import { createScheduledWatch } from './send-scheduled.ts';
import { createSweeps } from './sweeps.ts';
import { createChangeWatch } from './watch-changes.ts';
import { createDeafnessWatch } from './watch-deafness.ts';
import { createExpectedWatch } from './watch-expected.ts';

/** What all accounts of a process share: one timer for each kind of upkeep, however many accounts there are. */
export type Upkeep = ReturnType<typeof createUpkeep>;

/** Shared by the runners of one store; `log` is that of the process. */
export function createUpkeep(store: Store, clock: SteadyClock, log: Log) {
  return {
    watch: createChangeWatch(store, clock),
    sweep: createSweeps(store, clock),
    keep: createWindowKeepers(store, clock),
    listen: createDeafnessWatch(store.admin, clock),
    watchExpected: createExpectedWatch(store, clock),
    watchScheduled: createScheduledWatch(store, clock),
    notes: createPollNotes(clock, store.admin.recordPolls),
    reports: createPollReports(clock, log),
  };
}
