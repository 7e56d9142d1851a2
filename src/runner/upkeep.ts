import type { Log } from '../core/log.ts';
import type { SteadyClock } from '../core/time/steady-clock.ts';
import type { Store } from '../store/port/port.ts';
import { createDeafnessWatch, type DeafnessWatch } from './deafness.ts';
import { createExpectedWatch, type ExpectedWatch } from './expected.ts';
import { createPollNotes, type PollNotes } from './intake/poll-notes.ts';
import { createPollReports, type PollReports } from './intake/poll-reports.ts';
import { createKeepers, type Keepers } from './keeper.ts';
import { createScheduledWatch, type ScheduledWatch } from './scheduled.ts';
import { createSweeps, type Sweeps } from './sweeps.ts';
import { createStoreWatch, type StoreWatch } from './watch-store.ts';

/** What all accounts of a process share: one timer for each kind of upkeep, however many accounts there are. */
export interface Upkeep extends StoreWatch, Sweeps, Keepers, ExpectedWatch, DeafnessWatch, ScheduledWatch {
  notes: PollNotes;
  reports: PollReports;
}

/** Shared by the runners of one store; `log` is that of the process. */
export function createUpkeep(store: Store, clock: SteadyClock, log: Log): Upkeep {
  return {
    ...createStoreWatch(store, clock),
    ...createSweeps(store, clock),
    ...createKeepers(store, clock),
    ...createDeafnessWatch(store.admin, clock),
    ...createExpectedWatch(store, clock),
    ...createScheduledWatch(store, clock),
    notes: createPollNotes(clock, store.admin.recordPolls),
    reports: createPollReports(clock, log),
  };
}
