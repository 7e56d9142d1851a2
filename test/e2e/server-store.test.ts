import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { existsSync, mkdirSync, readdirSync, readFileSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { type AddressInfo, createServer as createTcpServer } from 'node:net';
import { basename, join } from 'node:path';
import { PNG } from 'pngjs';
import { afterEach, beforeEach, describe, expect, onTestFinished, test } from 'vitest';
import { startCuttingProxy } from '../helpers/cutting-proxy.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { administer, SERVER, uniqueName, upstreamOf, withParts } from '../helpers/postgres.ts';
import { createQuickClock } from '../helpers/quick-clock.ts';
import { answered, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines, makeFolder, startWxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];
const KEY = randomBytes(32).toString('base64');
/** Where none of it may be. */
const PASSWORD = 'p@ss:w/o?r#d %25&=';

/** The document that a command prints. */
const documentOf = (stdout: string): Record<string, unknown> => jsonLines(stdout)[0] ?? {};

/** The bytes of the newest file on the phone. */
function newestFile(simulator: Awaited<ReturnType<typeof simulate>>): Buffer | null {
  return simulator.control.file(simulator.control.phone().shown.at(-1)?.messageId ?? '');
}

/** A picture whose content says so, longer than a chunk of the database. */
function picture(): Buffer {
  return Buffer.concat([PNG.sync.write(new PNG({ width: 2, height: 2 })), Buffer.alloc(300_000, 7)]);
}

describe.skipIf(SERVER === null)('a store on a server', () => {
  let schema: string;
  let url: string;
  beforeEach(() => {
    schema = uniqueName();
    url = withParts(SERVER as string, { schema });
  });
  afterEach(() => administer(SERVER as string, `DROP SCHEMA IF EXISTS ${schema} CASCADE`));

  test('a message from login to answer, with every command, from two homes', async () => {
    const simulator = await simulate();
    const [home, other] = [makeFolder(), makeFolder()];
    const env = { WXAGENT_STORE: url, WXAGENT_STORE_KEY: KEY };
    const wx = (...args: string[]) => runHere(args, { home, env });
    const json = async (...args: string[]) => documentOf((await wx(...args, '--json')).stdout);

    expect((await wx('login', '--qr', 'none', '--base-url', simulator.baseUrl, '--name', 'mine')).code).toBe(
      0,
    );
    expect(await json('accounts')).toMatchObject({ accounts: [{ name: 'mine', default: true }] });

    // What an agent runs has neither the password nor the key, and answers all the same.
    const agent = 'env | grep WXAGENT_STORE >&2; "$WXAGENT_BIN" send from inside >&2; echo hello yourself';
    const run = startWxagent(['run', '--exec', agent, ...QUICK], { home, env });
    await run.says('stderr', 'ready');
    const second = await runHere(['run', '--echo'], { home: other, env });
    expect([second.code, second.stderr]).toEqual([75, expect.stringContaining('receives the messages of')]);
    simulator.control.message({ text: 'hello' });
    expect((await answered(simulator, 2)).sort()).toEqual(['from inside', 'hello yourself']);
    expect(run.stderr).toMatch(/agent: WXAGENT_STORE=@\S+\n/);
    expect(run.stderr).not.toMatch(/WXAGENT_STORE_KEY=|postgres:\/\//);

    const fromThere = await runHere(['send', 'from there', '--json'], { home: other, env });
    expect([fromThere.code, documentOf(fromThere.stdout).parts]).toMatchObject([
      0,
      [{ verdict: 'confirmed' }],
    ]);
    for (const since of [[], ['--since', '1h']])
      expect(await json('messages', ...since)).toMatchObject({
        messages: [{ text: 'hello', state: 'done' }],
      });
    expect(await json('status')).toMatchObject({ accounts: [{ name: 'mine', runner: { pid: run.pid } }] });
    expect((await wx('allow', 'add', 'friend@im.wechat')).code).toBe(0);
    expect(await json('allow')).toMatchObject({ users: [{ id: 'friend@im.wechat' }] });
    expect((await wx('send', 'held', '--to', 'friend@im.wechat', '--wait', '1s')).code).toBe(75);
    const { parts } = (await json('outbox')) as { parts: { id: string; text: string }[] };
    expect(parts.map(({ text }) => text)).toEqual(['held']);
    expect((await wx('outbox', 'drop', parts[0]?.id ?? '')).code).toBe(0);
    expect(await json('retry', '--failed')).toMatchObject({ count: 0 });
    const { checks } = (await json('doctor')) as { checks: { name: string; ok: boolean; detail: string }[] };
    const ofDatabase = checks.filter(({ name }) => name.startsWith('database'));
    expect(ofDatabase.map(({ name }) => name.replace('database', ''))).toEqual([
      '',
      '-rights',
      '-clock',
      '-connections',
      '-safety',
      '-standbys',
      '-encryption',
    ]);
    expect(ofDatabase.at(-1)?.detail).toContain('logins: AES-256-GCM');
    const withoutKey = await runHere(['doctor', '--json'], { home: other, env: { WXAGENT_STORE: url } });
    expect(documentOf(withoutKey.stdout).checks).toContainEqual(
      expect.objectContaining({
        name: 'database-encryption',
        detail: expect.stringContaining('logins: AES-256-GCM'),
      }),
    );
    // Who is logged in, a store that cannot be used does not tell.
    const nowhere = withParts(url, { host: '127.0.0.1', port: 1 });
    const without = await runHere(['doctor'], { home: other, env: { WXAGENT_STORE: nowhere } });
    expect([without.code, without.stdout]).toEqual([69, expect.stringMatching(/FAIL +database /)]);
    expect(without.stdout + without.stderr).not.toMatch(/token|logged in/);
    expect((await run.stop()).code).toBe(0);
    expect(await json('status')).toMatchObject({ accounts: [{ runner: null }] });
    const listened = await runHere(['listen', '--once'], { home: other, env });
    expect(listened.code).toBe(0);

    const rows = await administer(
      SERVER as string,
      `SELECT CAST(c AS TEXT) AS row FROM ${schema}.credentials c`,
    );
    expect(rows).toHaveLength(1);
    expect(String(rows[0]?.row)).not.toContain(simulator.baseUrl);
    expect((await wx('logout')).code).toBe(0);
    expect((await wx('status')).code).toBe(77);
    // Nothing of it is in a home, but what agents are told of the store.
    expect([existsSync(join(home, 'wx', 'config.json')), readdirSync(join(home, 'wx', 'state'))]).toEqual([
      false,
      ['stores'],
    ]);
    const [file = ''] = readdirSync(join(home, 'wx', 'state', 'stores'));
    expect(statSync(join(home, 'wx', 'state', 'stores', file)).mode & 0o777).toBe(0o600);
  });

  test('a file goes whole from another home, when the worker that took the answer was killed in its upload', async () => {
    const simulator = await simulate();
    const { home, id, token } = loggedIn(simulator);
    const other = makeFolder();
    const env = { WXAGENT_TOKEN: token, WXAGENT_BASE_URL: simulator.baseUrl, WXAGENT_STORE: url };
    const bytes = randomBytes(3 * 256 * 1024 + 17);
    writeFileSync(join(home, 'source.bin'), bytes);
    simulator.control.addFault({ endpoint: 'upload', kind: 'hang', count: 1 });
    const agent = `cp '${join(home, 'source.bin')}' "$WXAGENT_REPLY_DIR/film.bin"`;
    const first = startWxagent(['run', '--exec', agent, ...QUICK], { home, env });
    await first.says('stderr', 'ready');
    simulator.control.message({ text: 'hello' });
    await pollUntil(
      'the upload has begun',
      () => simulator.control.requests({ endpoint: 'upload' }).length === 1,
    );
    first.signal('SIGKILL');
    await first.exited;
    // Neither the copies of that home nor what the agent had are needed, and its leases run out.
    expect(existsSync(join(home, 'wx', 'media', 'out', id))).toBe(false);
    rmSync(join(home, 'wx', 'media'), { recursive: true });
    await administer(
      SERVER as string,
      `SET search_path TO ${schema}; UPDATE leases SET last_worker = worker, worker = NULL; UPDATE users SET lease_until = 1`,
    );
    const second = startHere(['run', '--exec', 'echo again', ...QUICK], { home: other, env });
    await second.says('stderr', 'ready');
    await pollUntil('the file is shown', () => newestFile(simulator) !== null);
    expect(newestFile(simulator)?.equals(bytes)).toBe(true);
    expect(simulator.control.phone().shown.at(-1)).toMatchObject({ kind: 'file', fileName: 'film.bin' });

    // From a home without a runner: `send` queues, and the run of another home delivers, from stdin too.
    await second.stop();
    simulator.control.addFault({ endpoint: 'getuploadurl', kind: 'hang', count: 1 });
    const piped = runHere(['send', '--file', '-', '--name', 'piped.png', '--wait', '1s'], {
      ...{ home, env },
      input: picture(),
    });
    expect((await piped).code).toBe(75);
    rmSync(join(home, 'wx'), { recursive: true });
    await administer(SERVER as string, `UPDATE ${schema}.users SET lease_until = 1`);
    const third = startHere(['run', '--echo', ...QUICK], { home: other, env });
    await pollUntil('the picture is shown', () => simulator.control.phone().shown.at(-1)?.kind === 'image');
    expect(newestFile(simulator)?.equals(picture())).toBe(true);
    expect((await third.stop()).code).toBe(0);
    const left = `SELECT blob FROM ${schema}.blobs UNION SELECT blob FROM ${schema}.blob_chunks`;
    expect(await administer(SERVER as string, left)).toEqual([]);
  });

  test('what cannot be used is a sentence without a password, and nothing is written', async () => {
    const http = createServer((_, response) => response.end('hello')).listen(0, '127.0.0.1');
    onTestFinished(() => void http.close());
    const home = makeFolder();
    mkdirSync(join(home, 'folder'));
    const at = (parts: Parameters<typeof withParts>[1]) => withParts(SERVER as string, { schema, ...parts });
    const [reader, password] = [uniqueName(), 'SECRET'];
    await administer(SERVER as string, `CREATE ROLE ${reader} LOGIN PASSWORD '${password}'`);
    onTestFinished(() => administer(SERVER as string, `DROP ROLE ${reader}`).then(() => {}));
    const { port } = http.address() as AddressInfo;
    const cases: [string, number, string][] = [
      ['http://u:SECRET@h/db', 64, 'takes postgres://... or the path'],
      ['mysql://u:SECRET@h/db', 64, 'takes postgres://... or the path'],
      ["'postgres://u:SECRET@h/db'", 64, 'takes postgres://... or the path'],
      ['u:SECRET@h/db', 64, 'takes postgres://... or the path'],
      ['postgres', 64, 'takes postgres://... or the path'],
      ['postgres:/u:SECRET@h', 64, 'not a URL of PostgreSQL'],
      ['postgres://u:SEC#RET@h/db', 64, 'must be encoded'],
      ['folder', 78, 'is a folder'],
      [join(home, 'none', 'x.db'), 78, 'there is no folder'],
      ['@none', 78, 'cannot read'],
      ['postgres://u:SECRET@127.0.0.1:1/db', 69, 'ECONNREFUSED'],
      ['postgres://u:SECRET@none.invalid/db', 69, 'cannot use postgres://u@none.invalid'],
      [`postgres://u:SECRET@127.0.0.1:${port}/db`, 69, 'is not PostgreSQL'],
      [at({ password: 'SECRET' }), 77, 'refuses the login'],
      [at({ database: 'none' }), 78, 'there is no database none'],
      [at({ user: reader, password }), 77, 'lacks a right'],
    ];
    for (const [store, code, sentence] of cases) {
      const env = { WXAGENT_STORE_KEY: KEY, WXAGENT_TOKEN: 'x@im.bot:token' };
      const args = ['messages', '--store', store, '--verbose'];
      const flagged = await runHere(args, { home, env });
      expect([flagged.code, flagged.stderr], store).toEqual([code, expect.stringContaining(sentence)]);
      expect(flagged.stderr).toContain('hint: ');
      const named = await runHere(['messages'], { home, env: { ...env, WXAGENT_STORE: store } });
      expect(named.code, store).toBe(code === 64 ? 78 : code);
      for (const said of [flagged.stderr, named.stderr])
        for (const secret of ['SECRET', 'SEC', PASSWORD, encodeURIComponent(PASSWORD)])
          expect(said, store).not.toContain(secret);
    }
    // Doctor tells it as one of its checks, and goes on.
    const env = { WXAGENT_STORE: at({ password: 'SECRET' }), WXAGENT_BASE_URL: 'http://127.0.0.1:1' };
    const checked = await runHere(['doctor', '--json'], { home, env });
    expect([checked.code, checked.stdout]).toEqual([
      77,
      expect.stringContaining('"name":"database","ok":false'),
    ]);
    expect(checked.stdout).toContain('"name":"tcp"');
    expect(checked.stdout).not.toContain('SECRET');
    expect(existsSync(join(home, 'wx'))).toBe(false);
    const made = `SELECT nspname FROM pg_namespace WHERE nspname = '${schema}'`;
    expect(await administer(SERVER as string, made)).toEqual([]);
  });

  test('a key that is missing, short or wrong, and a schema of a newer version', async () => {
    const simulator = await simulate();
    const home = makeFolder();
    const wx = (args: string[], env: Record<string, string>) =>
      runHere(args, { home, env: { WXAGENT_STORE: url, ...env } });
    const login = ['login', '--qr', 'none', '--base-url', simulator.baseUrl];
    const refused = await wx(login, {});
    expect([refused.code, refused.stderr]).toEqual([78, expect.stringContaining('--store-plaintext')]);
    expect(refused.stderr).toContain('openssl rand -base64 32');
    expect(simulator.control.requests({ endpoint: 'get_bot_qrcode' })).toEqual([]);
    expect((await wx(login, { WXAGENT_STORE_KEY: KEY })).code).toBe(0);
    const wrong = { WXAGENT_STORE_KEY: randomBytes(32).toString('base64') };
    for (const [env, sentence] of [
      [{ WXAGENT_STORE_KEY: 'c2hvcnQ=' }, 'and has 5 bytes'],
      [wrong, 'it is another key'],
      [{}, 'WXAGENT_STORE_KEY is not set'],
    ] as const) {
      const { code, stderr } = await wx(['run', '--echo'], env);
      expect([code, stderr]).toEqual([78, expect.stringContaining(sentence)]);
    }
    // What needs no login needs no key.
    expect((await wx(['status'], {})).code).toBe(0);
    writeFileSync(join(home, 'key'), `${KEY}\n`);
    expect((await wx(['run', '--echo', '--once'], { WXAGENT_STORE_KEY: '@key' })).code).toBe(0);
    // A worker that runs goes on beside a newer version; no other one starts.
    const all = ['run', '--echo', '--all-accounts', '--pace', '0'];
    const env = { WXAGENT_STORE: url, WXAGENT_STORE_KEY: KEY };
    const worker = startHere(all, { home, env });
    await worker.says('stderr', 'ready');
    await administer(SERVER as string, `UPDATE ${schema}.schema_version SET version = 99`);
    for (const args of [['status'], all]) {
      const { code, stderr } = await wx(args, env);
      expect([code, stderr], args[0]).toEqual([
        78,
        expect.stringContaining('was written by a newer wxagent (schema 99)'),
      ]);
    }
    const workers = await administer(SERVER as string, `SELECT count(*)::int AS n FROM ${schema}.workers`);
    expect(workers).toEqual([{ n: 1 }]);
    simulator.control.message({ text: 'still there' });
    await answered(simulator, 1);
    expect((await worker.stop()).code).toBe(0);
  });

  test('an account whose lease has run out while the server was lost is served again', async () => {
    const simulator = await simulate();
    const { home, token } = loggedIn(simulator);
    const proxy = await startCuttingProxy(upstreamOf(SERVER as string));
    onTestFinished(() => proxy.close());
    const env = {
      WXAGENT_TOKEN: token,
      WXAGENT_BASE_URL: simulator.baseUrl,
      WXAGENT_STORE: withParts(url, { host: '127.0.0.1', port: proxy.port }),
    };
    // Waits and leases pass 20 times as fast, except at the server.
    const clock = createQuickClock(20);
    const run = startHere(['run', '--echo', ...QUICK], { home, env, clock });
    await run.says('stderr', 'ready');
    await proxy.refuse();
    await run.says('stderr', 'receiving is paused');
    await administer(SERVER as string, `UPDATE ${schema}.workers SET expires_at = 1`);
    await proxy.accept();
    await run.says('stderr', 'trying again until the server answers');
    simulator.control.message({ text: 'hello' });
    expect(await answered(simulator, 1)).toEqual(['hello']);
    expect((await run.stop()).code).toBe(0);
  });

  test('while the disk of the server is full nothing is polled, and afterwards nothing is lost', async () => {
    const simulator = await simulate();
    const { home, token } = loggedIn(simulator);
    const env = { WXAGENT_TOKEN: token, WXAGENT_BASE_URL: simulator.baseUrl, WXAGENT_STORE: url };
    // Waits pass 20 times as fast, except at the server.
    const run = startHere(['run', '--echo', ...QUICK], { home, env, clock: createQuickClock(20) });
    await run.says('stderr', 'ready');
    await administer(
      SERVER as string,
      `CREATE FUNCTION ${schema}.fail() RETURNS trigger LANGUAGE plpgsql AS
         'BEGIN RAISE EXCEPTION ''could not extend file: No space left'' USING ERRCODE = ''53100''; END'`,
      `CREATE TRIGGER disk BEFORE INSERT ON ${schema}.inbox FOR EACH ROW EXECUTE FUNCTION ${schema}.fail()`,
    );
    const texts = ['one', 'two', 'three'];
    for (const text of texts) simulator.control.message({ text });
    await run.says('stderr', 'the disk of the server is full');
    const polls = (): number => simulator.control.requests({ endpoint: 'getupdates' }).length;
    const before = polls();
    // Once, and at intervals.
    await run.says('stderr', /disk of the server is full.*\n(.*\n)*.*disk of the server is full/);
    expect(polls()).toBe(before);
    await administer(SERVER as string, `DROP TRIGGER disk ON ${schema}.inbox`);
    expect((await answered(simulator, 3)).slice(0, 3)).toEqual(texts);
    expect((await run.stop()).code).toBe(0);
  });

  test('the password is in no list of processes, no settings that are shown, and no log', async () => {
    const simulator = await simulate();
    const { home, token } = loggedIn(simulator);
    const env = { WXAGENT_TOKEN: token, WXAGENT_BASE_URL: simulator.baseUrl };
    const run = startWxagent(['run', '--echo', '--verbose', '--store', url], { home, env });
    await run.says('stderr', 'ready');
    const arguments_ = readFileSync(`/proc/${run.pid}/cmdline`, 'utf8');
    expect(arguments_).toContain('run --echo');
    await run.stop();
    expect((await runHere(['config', 'set', 'store', url], { home })).code).toBe(0);
    const shown = await runHere(['config', 'get', 'store'], { home });
    const listed = await runHere(['config', 'list', '--json'], { home });
    expect(shown.stdout).toContain('postgres://postgres:***@');
    const all = [arguments_, run.stderr, run.stdout, shown.stdout, listed.stdout].join('\n');
    expect(all).not.toContain(encodeURIComponent(PASSWORD));
    expect(all).not.toContain(PASSWORD);
  });
});

test.runIf(existsSync('/proc/self/cmdline'))(
  'the password of a store is in no list of processes, whichever option it stands behind',
  async () => {
    // It takes connections, and never answers.
    const silent = createTcpServer().listen(0, '127.0.0.1');
    onTestFinished(() => void silent.close());
    await once(silent, 'listening');
    const url = `postgres://user:hush@127.0.0.1:${(silent.address() as AddressInfo).port}/db`;
    for (const args of [
      ['status', `--store=${url}`],
      ['store', 'migrate', `--from=${url}`, '--to', url],
    ]) {
      const { pid } = startWxagent(args, { home: makeFolder() });
      const shown = (): string => readFileSync(`/proc/${pid}/cmdline`, 'utf8');
      await pollUntil('a password is hidden', () => shown().includes('***'));
      expect(shown()).not.toContain('hush');
    }
  },
);

test('a store at a path has its locks beside it, whatever home uses it', async () => {
  const simulator = await simulate();
  const { home, id } = loggedIn(simulator);
  const other = makeFolder();
  mkdirSync(join(other, 'wx'));
  writeFileSync(join(other, 'wx', 'config.json'), readFileSync(join(home, 'wx', 'config.json')), {
    mode: 0o600,
  });
  const store = join(home, 'shared.db');
  const run = startHere(['run', '--echo', '--store', store, ...QUICK], { home });
  await run.says('stderr', 'ready');
  const second = startWxagent(['run', '--echo', '--store', join('..', basename(home), 'shared.db')], {
    home: other,
  });
  expect((await second.exited).code).toBe(75);
  const status = await runHere(['status', '--json'], { home: other, env: { WXAGENT_STORE: store } });
  expect(documentOf(status.stdout)).toMatchObject({ accounts: [{ id, runner: { pid: process.pid } }] });
  await run.stop();
  expect(existsSync(join(home, 'wx', 'state', 'wxagent.db'))).toBe(false);
});
