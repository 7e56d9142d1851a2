import type { ServerAddress } from '../postgres/server-address.ts';
import { createServerSteps } from '../postgres/server-steps.ts';
import { NO_ACCOUNT, type StepWait } from '../sql/step-runner.ts';
import { changesSince, createAccountChanges } from './accounts/account-changes.ts';
import type { Claimant } from './outbox/user-lease.ts';
import type { Store } from './port/port.ts';
import { createPostgresBlobs } from './postgres-blobs.ts';
import { migrateServer } from './schema/migrate-postgres.ts';
import { createStore } from './store.ts';
import { checkIsHere } from './transfer/move-state.ts';
import { type LearningClock, restoreServerTime } from './wechat-server-time.ts';
import type { Fence } from './workers/fence.ts';

/** Opens the store in a schema of a server, which is made if there is none. Throws WxError. */
export async function openPostgresStore(options: {
  address: ServerAddress;
  clock: LearningClock;
  claimant: Claimant;
  /** See {@link createStore}. */
  teller?: Claimant;
  /** How steps wait while the server cannot be used; null: they fail. */
  wait: StepWait | null;
  /** The leases of a worker; not given: this process serves no account. */
  fence?: Fence;
  /** Is called when the server is on another line of history; see {@link createServerSteps}. */
  onNewHistory?: () => void;
  /** Gets what is to be called when an account may have changed. */
  onOpen?: (lookForChanges: () => void) => void;
}): Promise<Store> {
  const runner = createServerSteps({ ...options, changesSince });
  try {
    await runner.run(NO_ACCOUNT, () => migrateServer(options.address));
    await runner.read(function* () {
      yield* checkIsHere(String(options.address));
      yield* restoreServerTime(options.clock);
    });
  } catch (error) {
    await runner.close();
    throw error;
  }
  options.onOpen?.(runner.lookForChanges);
  return createStore(runner, {
    ...options,
    blobs: createPostgresBlobs(runner, options.clock),
    accountChanges: createAccountChanges(runner),
  });
}
