import { expect, test } from 'vitest';
import type { CommandContext } from '../../../../src/cli/port/context.ts';
import { createEventLog } from '../../../../src/cli/run/print-events.ts';
import { systemClock } from '../../../../src/core/time/clock.ts';
import type { Account } from '../../../../src/home/config-file.ts';
import { readEnvironment } from '../../../../src/settings/resolve-settings.ts';
import { createLogBook } from '../../runner/support.ts';

test('the accounts are gone through once, however many of them tell something', () => {
  const accounts = Array.from({ length: 50 }, (_, n) => ({ key: `a${n}`, id: `a${n}`, name: `name ${n}` }));
  let reads = 0;
  const log = createLogBook();
  const context = {
    clock: systemClock,
    log,
    language: 'en',
    environment: readEnvironment({}),
    settings: { allAccounts: true, account: [] },
    file: {
      get accounts() {
        reads++;
        return accounts as Account[];
      },
    },
  } as unknown as CommandContext;
  const tell = createEventLog(context);
  for (const { id, name } of accounts) tell({ type: 'ready', account: id, name });
  expect(log.lines).toHaveLength(50);
  expect(reads).toBe(1);
});
