import type { Logins } from '../home/credentials.ts';
import type { Step } from '../sql/statement.ts';
import { NO_ACCOUNT, type StepRunner } from '../sql/step-runner.ts';
import {
  credentials,
  type KnownLogins,
  putLogin,
  removeLogin,
  replaceLogins,
  sealAgain,
  useLogin,
} from './accounts/credentials.ts';
import type { Sealing } from './accounts/sealing.ts';
import { withdrawUnserved } from './workers/lease-rows.ts';

/** The logins in the database. `existing` is null while there are no tables, which only a login makes. */
export function createPostgresLogins(
  existing: () => Promise<StepRunner | null>,
  migrated: () => Promise<StepRunner>,
  sealing: Sealing,
): Logins {
  let known: KnownLogins | null = null;
  /** Only at the first look: two workers whose first keys differ would seal all logins again and again, against each other. */
  let hasSealed = false;

  async function change<T>(step: () => Step<T>): Promise<T> {
    return (await migrated()).run(NO_ACCOUNT, step);
  }

  return {
    async list() {
      const runner = await existing();
      if (!runner) return { accounts: [], defaultAccount: null };
      const { logins, outdated } = await runner.read(() => credentials(sealing, known));
      known = logins;
      if (outdated.length > 0 && sealing.canSeal && !hasSealed)
        await change(() => sealAgain(outdated, sealing));
      hasSealed = true;
      return logins.list;
    },
    async prepare() {
      sealing.check();
      await migrated();
    },
    saveLogin: (login) => change(() => putLogin(login, sealing)),
    remove: (key) =>
      change(function* () {
        yield* removeLogin(key);
        yield* withdrawUnserved(key);
      }),
    use: (key) => change(() => useLogin(key)),
    replace: (list) => change(() => replaceLogins(list, sealing)),
  };
}
