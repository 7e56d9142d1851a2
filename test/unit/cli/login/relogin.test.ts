import { expect, test } from 'vitest';
import { otherLogin, relogin } from '../../../../src/cli/login/relogin.ts';
import type { CommandContext } from '../../../../src/cli/port/context.ts';
import type { Account } from '../../../../src/home/config-file.ts';
import type { Transport } from '../../../../src/ilink/http/transport.ts';
import { readEnvironment } from '../../../../src/settings/resolve-settings.ts';
import type { Store } from '../../../../src/store/port/port.ts';
import { createStillClock, settle } from '../../../helpers/still-clock.ts';
import { createLogBook } from '../../runner/support.ts';

test('two hundred accounts whose logins have died share their looks at the server, and find their new ones', async () => {
  const clock = createStillClock();
  let accounts = Array.from(
    { length: 200 },
    (_, n) => ({ key: `a${n}`, id: `a${n}`, token: 'dead', name: null, formerIds: [] }) as unknown as Account,
  );
  let looks = 0;
  const context = {
    clock,
    log: createLogBook(),
    environment: readEnvironment({}),
    settings: { waitLogin: true, allAccounts: true, account: [] },
    stopSignal: () => new AbortController().signal,
    file: { accounts: [] },
    server: {
      name: 'a server',
      logins: {
        async list() {
          looks++;
          return { accounts, defaultAccount: null };
        },
      },
    },
  } as unknown as CommandContext;
  const found = Promise.all(
    accounts.map((dead) =>
      relogin(context, dead, {} as Transport, {} as Pick<Store, 'access' | 'admin'>, () => true),
    ),
  );
  await settle();
  looks = 0;
  for (let second = 0; second < 5; second++) {
    clock.pass(1_000);
    await settle();
  }
  expect(looks).toBe(5);
  accounts = accounts.map((account) => ({ ...account, token: 'new' }));
  clock.pass(1_000);
  expect((await found).map((account) => account?.token)).toEqual(Array(200).fill('new'));
});

test('a login that was stored anew before it was asked for is found', async () => {
  const [damaged, whole] = [1, 2].map(
    () => ({ key: 'a', id: 'a', name: null, formerIds: [] }) as unknown as Account,
  );
  const context = {
    clock: createStillClock(),
    environment: readEnvironment({}),
    settings: { allAccounts: true, account: [] },
    file: { accounts: [] },
    server: { name: 'a server', logins: { list: async () => ({ accounts: [whole], defaultAccount: null }) } },
  } as unknown as CommandContext;
  const leave = new AbortController();
  const found = otherLogin(context, damaged as Account, leave.signal);
  expect(await Promise.race([found, settle()])).toBe(whole);
  leave.abort();
});
