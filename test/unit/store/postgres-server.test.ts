import { randomBytes } from 'node:crypto';
import { afterEach, beforeEach, describe, expect, it, onTestFinished } from 'vitest';
import { systemClock } from '../../../src/core/time/clock.ts';
import type { NewLogin } from '../../../src/home/credentials.ts';
import { openServer, type StoreServer } from '../../../src/store/postgres-server.ts';
import { startCuttingProxy } from '../../helpers/cutting-proxy.ts';
import { administer, SERVER, uniqueName, upstreamOf, withParts } from '../../helpers/postgres.ts';

const [ONE, TWO] = [randomBytes(32).toString('base64'), randomBytes(32).toString('base64')];

const login = (over: Partial<NewLogin> = {}): NewLogin => ({
  id: 'one@im.bot',
  owner: 'owner@im.wechat',
  name: null,
  token: 'one@im.bot:SECRET',
  baseUrl: 'https://ilinkai.weixin.qq.com',
  namedUrl: null,
  cdnUrl: null,
  loggedInAt: '2026-11-22T12:00:00.000Z',
  ...over,
});

describe.skipIf(SERVER === null)('a server', () => {
  let schema: string;
  const opened: StoreServer[] = [];

  async function open(
    keys?: string,
    isPlaintext = false,
    oldKeys?: string,
    at: Parameters<typeof withParts>[1] = {},
  ): Promise<StoreServer> {
    const url = withParts(SERVER as string, { schema, ...at });
    const sealing = { keys, oldKeys, isPlaintext };
    const server = await openServer({ url, sealing, clock: systemClock });
    opened.push(server);
    return server;
  }
  const sealed = async (): Promise<unknown[]> =>
    (await administer(SERVER as string, `SELECT sealed FROM ${schema}.credentials ORDER BY seq`)).map(
      (row) => row.sealed,
    );
  const tables = () =>
    administer(SERVER as string, `SELECT nspname FROM pg_namespace WHERE nspname = '${schema}'`);

  beforeEach(() => {
    schema = uniqueName();
  });
  afterEach(async () => {
    for (const server of opened.splice(0)) await server.close();
    await administer(SERVER as string, `DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  });

  it('is looked at without making anything, and a login without a key makes nothing either', async () => {
    const server = await open();
    expect([server.exists, await server.logins.list()]).toEqual([
      false,
      { accounts: [], defaultAccount: null },
    ]);
    await expect(server.logins.prepare()).rejects.toMatchObject({ kind: 'config' });
    expect(await tables()).toEqual([]);
  });

  it('reads of its logins only what has changed since, and knows all of them', async () => {
    const [{ logins }, others] = [await open(ONE), await open(ONE)];
    for (const name of ['a', 'b', 'c'])
      await others.logins.saveLogin(login({ id: `${name}@im.bot`, owner: name }));
    const before = await logins.list();
    // It would be noticed by whoever reads it again.
    await administer(
      SERVER as string,
      `UPDATE ${schema}.credentials SET sealed = 'v1.x.x' WHERE account = 'a@im.bot'`,
    );
    await administer(
      SERVER as string,
      `UPDATE ${schema}.credentials SET is_default = 1, changed = nextval('${schema}.credentials_changes') WHERE account = 'b@im.bot'`,
    );
    const after = await logins.list();
    expect(after).toEqual({ ...before, defaultAccount: 'b@im.bot' });
    expect(await logins.list()).toBe(after);
    await administer(SERVER as string, `DELETE FROM ${schema}.credentials WHERE account = 'a@im.bot'`);
    const keys = async (): Promise<string[]> => (await logins.list()).accounts.map(({ key }) => key);
    expect(await keys()).toEqual(['b@im.bot', 'c@im.bot']);
    // One leaves and another comes between two looks; then all are those of a backup.
    await others.logins.remove('b@im.bot');
    await others.logins.saveLogin(login({ id: 'e@im.bot', owner: 'e' }));
    expect([await keys(), (await logins.list()).defaultAccount]).toEqual([['c@im.bot', 'e@im.bot'], null]);
    await administer(
      SERVER as string,
      `UPDATE ${schema}.credentials SET changed = 1, name = 'old' WHERE account = 'e@im.bot'`,
    );
    await administer(
      SERVER as string,
      `UPDATE ${schema}.credentials SET changed = 0 WHERE account = 'c@im.bot'`,
    );
    expect((await logins.list()).accounts.map(({ name }) => name)).toEqual([null, 'old']);
  });

  it('does not encrypt logins against another process, whose keys are in another order', async () => {
    const [one, two] = [await open(`${ONE},${TWO}`), await open(`${TWO},${ONE}`)];
    await one.logins.saveLogin(login());
    await one.logins.list();
    const before = await sealed();
    await two.logins.list();
    const after = await sealed();
    expect(after).not.toEqual(before);
    for (const { logins } of [one, two, one, two])
      expect((await logins.list()).accounts).toMatchObject([{ token: 'one@im.bot:SECRET' }]);
    expect(await sealed()).toEqual(after);
  });

  it('keeps logins as a home does: one that takes another over, the default one, one that leaves', async () => {
    const { logins } = await open(ONE);
    const first = await logins.saveLogin(login({ name: 'mine' }));
    await logins.saveLogin(login({ id: 'else@im.bot', owner: 'else', namedUrl: 'https://x.example' }));
    await logins.use('else@im.bot');
    expect(await logins.list()).toMatchObject({
      accounts: [first, { id: 'else@im.bot' }],
      defaultAccount: 'else@im.bot',
    });
    await logins.saveLogin(login({ id: 'two@im.bot', token: 'two@im.bot:SECRET' }));
    const { accounts } = await (await open(ONE)).logins.list();
    expect(accounts.map(({ key, id, name, formerIds }) => [key, id, name, formerIds])).toEqual([
      ['one@im.bot', 'two@im.bot', 'mine', ['one@im.bot']],
      ['else@im.bot', 'else@im.bot', null, []],
    ]);
    await logins.remove('else@im.bot');
    expect(await logins.list()).toMatchObject({ accounts: [{ id: 'two@im.bot' }], defaultAccount: null });
    const [row] = await administer(
      SERVER as string,
      `SELECT CAST(credentials AS TEXT) AS row FROM ${schema}.credentials`,
    );
    expect(row?.row).not.toMatch(/SECRET|weixin/);
  });

  it('shows changes that another process makes, removals and additions alike', async () => {
    const [here, there] = [(await open(ONE)).logins, (await open(ONE)).logins];
    await there.saveLogin(login());
    expect((await here.list()).accounts).toHaveLength(1);
    await there.remove('one@im.bot');
    await there.saveLogin(login({ id: 'new@im.bot', owner: 'new' }));
    expect((await here.list()).accounts.map(({ id }) => id)).toEqual(['new@im.bot']);
  });

  it('writes logins anew under the first of two keys, and nothing under a wrong one', async () => {
    await (await open(ONE)).logins.saveLogin(login());
    const before = await sealed();
    await expect((await open(TWO)).logins.list()).rejects.toMatchObject({ kind: 'config' });
    expect(await sealed()).toEqual(before);
    expect((await (await open(`${TWO},${ONE}`)).logins.list()).accounts[0]?.token).toBe('one@im.bot:SECRET');
    expect(await sealed()).not.toEqual(before);
    expect((await (await open(TWO)).logins.list()).accounts[0]?.token).toBe('one@im.bot:SECRET');
    await expect((await open(ONE)).logins.list()).rejects.toMatchObject({ kind: 'config' });
  });

  it('encrypts what was plain once there is a key, and the other way round when that is said', async () => {
    await (await open(undefined, true)).logins.saveLogin(login());
    expect(String(await sealed())).toContain('SECRET');
    await (await open(ONE)).logins.list();
    expect(String(await sealed())).not.toContain('SECRET');
    await (await open(undefined, true, ONE)).logins.list();
    expect(String(await sealed())).toContain('SECRET');
  });

  it('names accounts without the key, and tells who wants a token what is missing', async () => {
    await (await open(ONE)).logins.saveLogin(login({ name: 'mine' }));
    const [account] = (await (await open()).logins.list()).accounts;
    expect([account?.id, account?.name]).toEqual(['one@im.bot', 'mine']);
    expect(() => account?.token).toThrow('WXAGENT_STORE_KEY is not set');
  });

  it('does not take a login of one account for that of another, nor a changed one', async () => {
    const { logins } = await open(ONE);
    await logins.saveLogin(login());
    await logins.saveLogin(login({ id: 'else@im.bot', owner: 'else' }));
    const url = SERVER as string;
    await administer(
      url,
      `UPDATE ${schema}.credentials SET sealed = (SELECT sealed FROM ${schema}.credentials WHERE account = 'else@im.bot')`,
    );
    // Each is opened when it is used: one that was changed is no matter of the others.
    const [one, other] = (await (await open(ONE)).logins.list()).accounts;
    expect(() => one?.token).toThrow('the login of one@im.bot cannot be decrypted');
    expect(other?.token).toBe('one@im.bot:SECRET');
    // Nor when all are to be sealed with another key, or nothing of it is left.
    const isWhole = async (keys: string): Promise<unknown[]> =>
      (await (await open(keys)).logins.list()).accounts.map((account) => {
        try {
          return account.token;
        } catch {
          return account.key;
        }
      });
    expect(await isWhole(`${TWO},${ONE}`)).toEqual(['one@im.bot', 'one@im.bot:SECRET']);
    await administer(url, `UPDATE ${schema}.credentials SET sealed = 'v1' WHERE account = 'one@im.bot'`);
    expect(await isWhole(TWO)).toEqual(['one@im.bot', 'one@im.bot:SECRET']);
  });

  it('makes tables without a limit of time: an index of very many rows takes its own', async () => {
    const name = uniqueName();
    const url = withParts(SERVER, { database: name });
    await administer(SERVER as string, `CREATE DATABASE ${name}`);
    try {
      await administer(
        url,
        'CREATE TABLE public.limits (ms TEXT)',
        `CREATE FUNCTION public.note() RETURNS event_trigger LANGUAGE plpgsql AS
           $$ BEGIN INSERT INTO public.limits VALUES (current_setting('statement_timeout')); END $$`,
        `CREATE EVENT TRIGGER noted ON ddl_command_end WHEN TAG IN ('CREATE INDEX') EXECUTE FUNCTION public.note()`,
      );
      const server = await open(ONE, false, undefined, { database: name });
      const wait = { signal: new AbortController().signal, report() {} };
      await (await server.open(wait)).close();
      await server.close();
      expect(await administer(url, 'SELECT DISTINCT ms FROM public.limits')).toEqual([{ ms: '0' }]);
    } finally {
      await administer(SERVER as string, `DROP DATABASE ${name} WITH (FORCE)`);
    }
  });

  it('takes a worker off the list again whose store cannot be opened', async () => {
    await (await open(ONE)).logins.prepare();
    const proxy = await startCuttingProxy(upstreamOf(SERVER as string));
    onTestFinished(() => proxy.close());
    // One connection to look, and one to register: more are not to be had.
    proxy.rule = (_from, _bytes, connection) => (connection > 2 ? 'cut' : 'pass');
    const at = { host: '127.0.0.1', port: proxy.port, sslmode: 'disable' };
    const server = await open(ONE, false, undefined, at);
    const working = server.work({
      card: { name: 'a', host: 'here', pid: 7, version: '1', purpose: 'serve', capacity: null },
      service: { start() {}, rest: async () => true, async drain() {}, async drop() {} },
      wait: null,
      report() {},
    });
    await expect(working).rejects.toMatchObject({ kind: 'network' });
    expect(await administer(SERVER as string, `SELECT pid FROM ${schema}.workers`)).toEqual([]);
  });
});
