import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { LIMIT_MS, pollUntil } from '../helpers/poll-until.ts';
import { administer, SERVER, uniqueName, withParts } from '../helpers/postgres.ts';
import { createQuickClock } from '../helpers/quick-clock.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines, makeFolder, startWxagent } from '../helpers/wxagent.ts';

describe.skipIf(SERVER === null)('processes that serve all accounts of a server', () => {
  let schema: string;
  beforeEach(() => {
    schema = uniqueName();
  });
  afterEach(() => administer(SERVER as string, `DROP SCHEMA IF EXISTS ${schema} CASCADE`));

  test('share them: another one joins, leaves, and each message is answered once', async () => {
    const simulator = await simulate({ scan: 'manual' });
    const home = makeFolder();
    const env = {
      WXAGENT_STORE: withParts(SERVER as string, { schema }),
      WXAGENT_STORE_KEY: randomBytes(32).toString('base64'),
    };
    async function login(user: string): Promise<void> {
      const asked = startHere(['login', '--json', '--base-url', simulator.baseUrl], { home, env });
      await asked.says('stdout', '"qr"');
      simulator.control.scan({ user });
      expect((await asked.exited).code).toBe(0);
    }
    const users = ['a', 'b', 'c'].map((name) => `${name}@im.wechat`);
    for (const user of users) await login(user);
    const work = () =>
      startWxagent(['run', '--all-accounts', '--exec', 'echo "$PPID $(cat)"', '--pace', '0', '--no-typing'], {
        home: makeFolder(),
        env,
      });
    /** How many accounts each worker has. */
    async function held(): Promise<Map<number, number>> {
      const rows = await administer(
        SERVER as string,
        `SELECT pid, count(account) AS n FROM ${schema}.workers LEFT JOIN ${schema}.leases USING (worker) GROUP BY pid`,
      );
      return new Map(rows.map(({ pid, n }) => [Number(pid), Number(n)]));
    }
    async function until(what: string, isSo: (now: Map<number, number>) => boolean): Promise<void> {
      const giveUpAt = Date.now() + LIMIT_MS;
      for (let now = await held(); !isSo(now); now = await held()) {
        if (Date.now() > giveUpAt) throw new Error(`never happened: ${what}; ${JSON.stringify([...now])}`);
      }
    }

    const first = work();
    await until('one serves all', (now) => now.get(first.pid) === 3);
    const second = work();
    await until('both serve some', (now) => now.get(first.pid) === 2 && now.get(second.pid) === 1);
    for (const user of users) simulator.control.message({ user, text: 'one' });
    await pollUntil('all are answered', () => users.every((user) => answers(simulator, user).length === 1));
    expect(
      new Set(users.flatMap((user) => answers(simulator, user).map((text) => text.split(' ')[0]))).size,
    ).toBe(2);
    const listed = jsonLines((await runHere(['workers', '--json'], { home, env })).stdout);
    expect(listed).toMatchObject([
      { type: 'worker', pid: first.pid, purpose: 'share', state: 'serving', accounts: 2 },
      { type: 'worker', pid: second.pid, purpose: 'share', state: 'serving', accounts: 1 },
    ]);
    expect(Object.keys(listed[0] ?? {}).join()).toBe(
      'v,type,id,name,host,pid,version,purpose,state,accounts,capacity,startedAt,lagMs',
    );
    const { accounts } = jsonLines((await runHere(['status', '--json'], { home, env })).stdout)[0] as {
      accounts: { runner: { pid: number } }[];
    };
    expect(accounts.map(({ runner }) => runner.pid).sort()).toEqual(
      [first.pid, first.pid, second.pid].sort(),
    );
    // A new login is served by one of them.
    await login('d@im.wechat');
    users.push('d@im.wechat');
    await until('there are four', (now) => (now.get(first.pid) ?? 0) + (now.get(second.pid) ?? 0) === 4);
    expect((await first.stop()).code).toBe(0);
    await until('the other serves all', (now) => now.get(second.pid) === 4 && now.size === 1);
    for (const user of users) simulator.control.message({ user, text: 'two' });
    await pollUntil('all are answered', () => users.flatMap((user) => answers(simulator, user)).length >= 7);
    expect(users.map((user) => answers(simulator, user).map((text) => text.split(' ')[1]))).toEqual([
      ['one', 'two'],
      ['one', 'two'],
      ['one', 'two'],
      ['two'],
    ]);
    expect((await second.stop()).code).toBe(0);
    expect((await held()).size).toBe(0);
    // Of who has logged out nothing is shared any more.
    const [one] = await administer(SERVER as string, `SELECT account FROM ${schema}.credentials LIMIT 1`);
    expect((await runHere(['logout', '--account', String(one?.account)], { home, env })).code).toBe(0);
    const shared = await administer(SERVER as string, `SELECT account FROM ${schema}.leases`);
    expect(shared.map(({ account }) => account)).not.toContain(one?.account);
    expect(shared).toHaveLength(3);
  });

  test('serve all but the account whose login was damaged, and that one when it is whole again', async () => {
    const simulator = await simulate({ scan: 'manual' });
    const home = makeFolder();
    const env = {
      WXAGENT_STORE: withParts(SERVER as string, { schema }),
      WXAGENT_STORE_KEY: randomBytes(32).toString('base64'),
    };
    for (const user of ['a@im.wechat', 'b@im.wechat']) {
      const asked = startHere(['login', '--json', '--base-url', simulator.baseUrl], { home, env });
      await asked.says('stdout', '"qr"');
      simulator.control.scan({ user });
      expect((await asked.exited).code).toBe(0);
    }
    const rows = await administer(SERVER as string, `SELECT sealed FROM ${schema}.credentials ORDER BY seq`);
    const store = (sealed: string): Promise<unknown> =>
      administer(
        SERVER as string,
        `UPDATE ${schema}.credentials SET sealed = '${sealed}', changed = nextval('${schema}.credentials_changes')
           WHERE owner = 'a@im.wechat'`,
      );
    // A login of one account is worth nothing for another.
    await store(String(rows[1]?.sealed));
    const work = startHere(['run', '--all-accounts', '--echo', '--pace', '0', '--no-typing'], { home, env });
    await work.says('stderr', 'cannot be decrypted');
    simulator.control.message({ user: 'b@im.wechat', text: 'hello' });
    await pollUntil('the other one is served', () => answers(simulator, 'b@im.wechat').length === 1);
    await store(String(rows[0]?.sealed));
    simulator.control.message({ user: 'a@im.wechat', text: 'at last' });
    await pollUntil('it is served', () => answers(simulator, 'a@im.wechat').length === 1);
    expect((await work.stop()).code).toBe(0);
    expect(work.stderr.match(/cannot be decrypted/g)).toHaveLength(1);
  });

  test('one that takes an account over goes on with the login of by now, and not with that of its own start', async () => {
    const simulator = await simulate();
    const home = makeFolder();
    const env = {
      WXAGENT_STORE: withParts(SERVER as string, { schema }),
      WXAGENT_STORE_KEY: randomBytes(32).toString('base64'),
    };
    const login = ['login', '--force', '--qr', 'none', '--base-url', simulator.baseUrl];
    expect((await runHere(login, { home, env })).code).toBe(0);
    const work = () =>
      startWxagent(['run', '--all-accounts', '--echo', '--pace', '0', '--no-typing'], {
        home: makeFolder(),
        env,
      });
    const first = work();
    await first.says('stderr', 'ready');
    const second = work();
    await pollUntil('the other one has joined', async () => {
      const listed = jsonLines((await runHere(['workers', '--json'], { home, env })).stdout);
      return listed.length === 2;
    });
    expect((await runHere(login, { home, env })).code).toBe(0);
    simulator.control.message({ text: 'one' });
    await answered(simulator, 1);
    expect((await first.stop()).code).toBe(0);
    await second.says('stderr', 'ready');
    expect(await runHere(['send', 'two'], { home, env })).toMatchObject({ code: 0 });
    expect(await answered(simulator, 2)).toEqual(['one', 'two']);
    expect(second.stderr).not.toContain('expired');
    expect((await second.stop()).code).toBe(0);
  });

  test('one that was killed is followed by a new start, which waits for the end of its lease', async () => {
    const simulator = await simulate();
    const { home, token } = loggedIn(simulator);
    const env = {
      WXAGENT_TOKEN: token,
      WXAGENT_BASE_URL: simulator.baseUrl,
      WXAGENT_STORE: withParts(SERVER as string, { schema }),
    };
    const quick = ['--pace', '0', '--no-typing'];
    const first = startWxagent(['run', '--echo', ...quick], { home, env });
    await first.says('stderr', 'ready');
    first.signal('SIGKILL');
    await first.exited;
    simulator.control.message({ text: 'hello' });
    // Waits pass 20 times as fast, except at the server.
    const second = startHere(['run', '--echo', ...quick], { home, env, clock: createQuickClock(20) });
    await second.says('stderr', new RegExp(`process ${first.pid} on .* has the lease on .* for \\d+ s`));
    await administer(
      SERVER as string,
      `UPDATE ${schema}.workers SET expires_at = 1 WHERE pid = ${first.pid}`,
    );
    await second.says('stderr', 'ready');
    expect(await answered(simulator, 1)).toEqual(['hello']);
    expect((await second.stop()).code).toBe(0);
  });

  // Windows has no signal that stops a process.
  test.skipIf(process.platform === 'win32')(
    'one of a single account that stands still past its lease does nothing when it goes on',
    async () => {
      const simulator = await simulate();
      const { home, token } = loggedIn(simulator);
      const env = {
        WXAGENT_TOKEN: token,
        WXAGENT_BASE_URL: simulator.baseUrl,
        WXAGENT_STORE: withParts(SERVER as string, { schema }),
      };
      const quick = ['--pace', '0', '--no-typing'];
      const first = startWxagent(['run', '--exec', 'echo first', ...quick], { home, env });
      await first.says('stderr', 'ready');
      process.kill(first.pid, 'SIGSTOP');
      await administer(SERVER as string, `UPDATE ${schema}.workers SET expires_at = 1`);
      const { stdout } = await runHere(['workers'], { home, env });
      expect(stdout).toMatch(new RegExp(`  ${first.pid}  .*  1 account  renewed \\d+ s ago  expired\\n`));
      // Waits pass 20 times as fast, except at the server.
      const second = startHere(['run', '--exec', 'echo second', ...quick], {
        home: makeFolder(),
        env,
        clock: createQuickClock(20),
      });
      await second.says('stderr', 'has not renewed its lease');
      await second.says('stderr', 'ready');
      simulator.control.message({ text: 'hello' });
      expect(await answered(simulator, 1)).toEqual(['second']);
      process.kill(first.pid, 'SIGCONT');
      const { code } = await first.exited;
      expect([code, first.stderr]).toEqual([75, expect.stringContaining('receives the messages of')]);
      simulator.control.message({ text: 'again' });
      expect(await answered(simulator, 2)).toEqual(['second', 'second']);
      expect((await second.stop()).code).toBe(0);
    },
  );
});
