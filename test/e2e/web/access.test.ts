import { execFileSync } from 'node:child_process';
import { existsSync, readFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { request as requestTls } from 'node:https';
import { type AddressInfo, connect } from 'node:net';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { SCOPES } from '../../../src/store/port/port.ts';
import { ROUTES } from '../../../src/web/routes/routes.ts';
import { runHere, startHere } from '../../helpers/in-this-process.ts';
import { answers, loggedIn, simulate } from '../../helpers/simulated.ts';
import { type Ask, askAt, STORES, startWeb } from '../../helpers/web.ts';
import { jsonLines, makeFolder } from '../../helpers/wxagent.ts';

const ADMIN = ['--scope', 'admin'];
const READ = ['--scope', 'read'];
/** As it is before a server has started. */
const RESPONSE = globalThis.Response;

describe.each(STORES)('access, on $store', ({ environment }) => {
  async function start(...options: string[]) {
    const [home, env] = [makeFolder(), environment()];
    return { home, env, web: await startWeb({ home, env }, ...options) };
  }

  test('a token may do what its scope says, until it is removed or expired', async () => {
    const { home, env, web } = await start();
    const [admin, read, short] = [
      await web.token(...ADMIN),
      await web.token(...READ),
      await web.token(...READ, '--expires', '1ms'),
    ];
    expect((await web.ask('/accounts')).status).toBe(401);
    expect((await web.ask('/accounts', { token: `${read}x` })).status).toBe(401);
    expect((await web.ask('/accounts', { token: short })).status).toBe(401);
    expect(await web.ask('/accounts', { token: read })).toMatchObject({
      status: 200,
      json: { accounts: [] },
    });
    expect(await web.ask('/tokens', { token: read })).toMatchObject({
      status: 403,
      json: { kind: 'not-logged-in', detail: expect.stringContaining('this needs the scope admin') },
    });
    const { json } = await web.ask('/tokens', { token: admin });
    const tokens = json?.tokens as { name: string; lastUsedAt: string | null }[];
    expect(tokens.map(({ lastUsedAt }) => lastUsedAt !== null)).toEqual([true, true, false]);
    expect(JSON.stringify(json)).not.toContain(admin.slice(-32));

    const name = tokens[1]?.name as string;
    expect((await runHere(['token', 'remove', name], { home, env })).code).toBe(0);
    expect((await web.ask('/accounts', { token: read })).status).toBe(401);
  });

  test('the API makes and removes tokens, and the audit tells who did', async () => {
    const { web } = await start();
    const token = await web.token(...ADMIN);
    const made = await web.post('/tokens', { name: 'cron', scope: 'read' }, { token });
    expect(made).toMatchObject({ status: 201, json: { name: 'cron', scope: 'read', lastUsedAt: null } });
    expect((await web.ask('/session', { token: made.json?.token as string })).json).toMatchObject({
      name: 'token cron',
      scope: 'read',
    });
    expect(await web.post('/tokens', { name: 'cron', scope: 'read' }, { token })).toMatchObject({
      status: 409,
      json: { kind: 'busy' },
    });
    for (const wrong of [
      { name: 'a b', scope: 'read' },
      { name: 'x', scope: 'root' },
      { name: 'x' },
      { name: 'x', scope: 'read', expiresAt: '2020-01-01T00:00:00Z' },
      { name: 'x', scope: 'read', more: 1 },
    ])
      expect((await web.post('/tokens', wrong, { token })).status, JSON.stringify(wrong)).toBe(422);
    expect(
      (await web.post('/tokens', { name: 'x', scope: 'read', account: 'nobody' }, { token })).status,
    ).toBe(404);
    // Nobody can write under such a name, to whatever account.
    expect(await web.post('/tokens', { name: 'x', scope: 'read', to: 'nonsense' }, { token })).toMatchObject({
      status: 404,
      json: { detail: expect.stringContaining('there is no user "nonsense"') },
    });
    expect((await web.ask('/tokens/cron', { method: 'DELETE', token })).status).toBe(204);
    expect((await web.ask('/tokens/cron', { method: 'DELETE', token })).status).toBe(404);
    const { json } = await web.ask('/audit?limit=2', { token });
    const who = ((await web.ask('/session', { token })).json?.name as string) ?? '';
    expect(json?.entries).toMatchObject([
      { who, act: 'token-remove', about: 'cron' },
      { who, act: 'token-add', about: 'cron' },
    ]);
    const next = await web.ask(`/audit?before=${json?.before}`, { token });
    expect(next.json).toMatchObject({ entries: [{ who: 'terminal', act: 'token-add' }], before: null });
  });

  test('a browser comes in by a code, once, and goes', async () => {
    const { web } = await start();
    const code = await web.code();
    expect((await web.post('/session', { code: 'AAAAA-AAAAA' })).status).toBe(401);
    // However it was typed: also as an input method writes it in full width.
    const wide = [...code.toLowerCase().replace('-', '')].map((one) =>
      String.fromCharCode(one.charCodeAt(0) + 0xfee0),
    );
    const came = await web.post(
      '/session',
      { code: ` ${wide.slice(0, 5).join('')} — ${wide.slice(5).join('')}` },
      { headers: { 'user-agent': 'a browser' } },
    );
    expect(came.status).toBe(201);
    expect(came.headers['set-cookie']).toMatch(
      /^wxagent-[0-9a-f]{8}=[\w-]{43}; Path=\/; Max-Age=604800; HttpOnly; SameSite=Strict$/,
    );
    expect((await web.post('/session', { code })).status).toBe(401);
    const cookie = (came.headers['set-cookie'] as string).split(';')[0] as string;
    const headers = { cookie };
    expect((await web.ask('/session', { headers })).json).toMatchObject({ scope: 'admin', account: null });
    // A browser sends what other programs of this machine have set, too.
    const many = { cookie: `theirs=${'x'.repeat(40_000)}; ${cookie}` };
    expect((await web.ask('/session', { headers: many })).status).toBe(200);
    const other = await web.cookie();
    expect((await web.ask('/sessions', { headers })).json?.sessions).toMatchObject([
      { isThisOne: false },
      { userAgent: 'a browser', isThisOne: true },
    ]);
    expect(await web.ask('/session', { method: 'DELETE', headers })).toMatchObject({
      status: 204,
      headers: { 'set-cookie': expect.stringContaining('Max-Age=0') },
    });
    expect((await web.ask('/session', { headers })).status).toBe(401);
    const token = await web.token(...ADMIN);
    expect((await web.ask('/sessions', { method: 'DELETE', token })).json).toEqual({ count: 1 });
    expect((await web.ask('/session', { headers: { cookie: other } })).status).toBe(401);
    expect((await web.ask('/session', { method: 'DELETE', token })).status).toBe(422);
  });

  test('a token for one account sees no other', async () => {
    const env = environment();
    const home = makeFolder();
    for (const [seed, name] of ['one', 'two'].entries()) {
      const { baseUrl } = await simulate({ seed });
      await runHere(['login', '--qr', 'none', '--base-url', baseUrl, '--name', name], { home, env });
    }
    const web = await startWeb({ home, env });
    const [all, one] = [await web.token(...READ), await web.token(...READ, '--account', 'one')];
    const named = async (token: string) => {
      const { json } = await web.ask('/accounts', { token });
      const accounts = json?.accounts as { name: string }[];
      return accounts.map(({ name }) => name);
    };
    expect((await named(all)).sort()).toEqual(['one', 'two']);
    expect(await named(one)).toEqual(['one']);
    expect((await web.ask('/accounts/one', { token: one })).status).toBe(200);
    // It is not there, as one that does not exist is not.
    const [foreign, none] = [
      await web.ask('/accounts/two', { token: one }),
      await web.ask('/accounts/xyz', { token: one }),
    ];
    expect([foreign.status, foreign.text.replace('two', 'xyz')]).toEqual([404, none.text]);
    // Whatever its scope, and whatever is asked.
    for (const scope of SCOPES) {
      const token = await web.token('--scope', scope, '--account', 'one');
      for (const { method, path, body } of ROUTES.filter(({ path: one }) => one.includes('{account}'))) {
        const how = {
          method: method.toUpperCase(),
          headers: { 'content-type': 'application/json' },
          ...(body ? { body: '{}' } : {}),
        };
        const { status } = await web.ask(path.replace('{account}', 'two').replaceAll(/\{\w+\}/g, '1'), {
          ...{ ...how, token },
        });
        // A body that is wrong is told before anything is looked up.
        expect([403, 404, ...(body ? [422] : [])], `${scope}: ${method} ${path}`).toContain(status);
      }
    }
    expect(await named(all)).toHaveLength(2);
  });

  test('a scope is what its token was made with, whatever is shown beside', async () => {
    const { web } = await start();
    const read = await web.token(...READ);
    const wanted = { name: 'more', scope: 'admin' };
    for (const how of [
      { token: read.replace('wxa_r', 'wxa_a') },
      { token: `${read} ${read.replace('wxa_r', 'wxa_a')}` },
      { headers: { authorization: `Basic ${Buffer.from(`admin:${read}`).toString('base64')}` } },
    ])
      expect((await web.post('/tokens', wanted, how)).status).toBe(401);
    for (const [path, how] of [
      ['/tokens', {}],
      ['/tokens/', {}],
      ['/tokens?scope=admin', {}],
      ['/TOKENS', {}],
      ['/accounts/../tokens', {}],
      ['/%74okens', {}],
      ['/accounts', { headers: { 'x-http-method-override': 'DELETE', 'x-original-url': '/api/v1/tokens' } }],
      ['/tokens', { headers: { 'x-scope': 'admin', 'x-forwarded-for': '127.0.0.1', cookie: 'scope=admin' } }],
    ] as const)
      expect([403, 404, 405], path).toContain((await web.post(path, wanted, { ...how, token: read })).status);
    const admin = await web.token(...ADMIN);
    const { tokens } = (await web.ask('/tokens', { token: admin })).json as { tokens: { name: string }[] };
    expect(tokens.map(({ name }) => name)).not.toContain('more');
  });
});

describe('who may ask', () => {
  const start = async (...options: string[]) => startWeb({ home: makeFolder() }, ...options);

  test('ten thousand wrong tokens get in nobody, and keep out nobody', async () => {
    const web = await start();
    const token = await web.token(...READ);
    const counts = new Map<number, number>();
    const wrong = (n: number) => `wxa_r${String(n).padStart(8, '0')}_${'x'.repeat(32)}`;
    for (let n = 0; n < 10_000; n += 100) {
      const answers = await Promise.all(
        Array.from({ length: 100 }, (_, at) => web.ask('/accounts', { token: wrong(n + at) })),
      );
      for (const { status } of answers) counts.set(status, (counts.get(status) ?? 0) + 1);
    }
    expect([...counts.keys()].sort()).toEqual([401, 429]);
    const refused = await web.ask('/accounts', { token: 'x' });
    expect([refused.status, Number(refused.headers['retry-after']) > 0]).toEqual([429, true]);
    expect((await web.ask('/accounts', { token })).status).toBe(200);
    // A program that was left with an old token keeps nobody out who has a code.
    expect((await web.post('/session', { code: await web.code() })).status).toBe(201);
  });

  test('after ten wrong codes the right one has to wait as well, and tokens do not', async () => {
    const web = await start();
    const guess = async (code: string) => (await web.post('/session', { code })).status;
    const statuses = [];
    for (let n = 0; n < 11; n++) statuses.push(await guess(`AAAAA-AAAA${n}`));
    expect(statuses).toEqual([...Array(10).fill(401), 429]);
    // It could be guessed sooner than a token.
    expect(await guess(await web.code())).toBe(429);
    expect((await web.ask('/accounts', { token: 'x' })).status).toBe(401);
  });

  test('browsers whose sessions were ended keep out nobody who has a code', async () => {
    const web = await start();
    const cookie = await web.cookie();
    const own = { cookie, origin: `http://${new URL(web.url).host}`, 'sec-fetch-site': 'same-origin' };
    expect((await web.ask('/sessions', { method: 'DELETE', headers: own })).status).toBe(200);
    for (let n = 0; n < 30; n++)
      expect((await web.ask('/session', { headers: { cookie } })).status).toBe(401);
    expect((await web.post('/session', { code: await web.code() }, { headers: { cookie } })).status).toBe(
      201,
    );
  });

  const CROSS: [name: string, headers: Record<string, string>][] = [
    ['another site', { origin: 'https://evil.example' }],
    ['no site', { origin: 'null' }],
    ['another port of this machine', { origin: 'http://127.0.0.1:1' }],
    ['another scheme', { origin: 'https://HOST' }],
    ['a name that begins alike', { origin: 'http://HOST.evil.example' }],
    ['a browser that says so', { 'sec-fetch-site': 'cross-site' }],
    ['a neighbour', { 'sec-fetch-site': 'same-site' }],
    ['its own words beside', { origin: 'https://evil.example', 'sec-fetch-site': 'same-origin' }],
  ];
  const TYPES = [
    ...['application/json', 'text/plain', 'application/x-www-form-urlencoded', 'multipart/form-data'],
    ...['application/octet-stream', 'application/json; charset=utf-8', 'text/html', ''],
  ];

  test.each(CROSS)('a page of %s gets nothing with the cookie, whatever it sends', async (_, foreign) => {
    const web = await start();
    const cookie = await web.cookie();
    const host = new URL(web.url).host;
    const headers: Record<string, string> = { cookie, ...foreign };
    if (headers.origin) headers.origin = headers.origin.replace('HOST', host);
    for (const type of TYPES) {
      const ask: Ask = {
        method: 'POST',
        headers: { ...headers, ...(type ? { 'content-type': type } : {}) },
        body: JSON.stringify({ name: 'x', scope: 'admin' }),
      };
      for (const path of ['/tokens', '/invitations', '/logins', '/accounts/mine/send'])
        expect((await web.ask(path, ask)).status, `${path} ${type}`).toBe(403);
      expect((await web.ask('/session', { ...ask, body: '{"code":"x"}' })).status, type).toBe(403);
    }
    for (const path of ['/accounts', '/tokens', '/audit'])
      expect((await web.ask(path, { headers })).status, path).toBe(403);
    expect((await web.ask('/session', { method: 'DELETE', headers })).status).toBe(403);
    // Its own page may, and a cookie alone is enough to look.
    const own = { cookie, origin: `http://${host}`, 'sec-fetch-site': 'same-origin' };
    expect((await web.post('/tokens', { name: 'x', scope: 'read' }, { headers: own })).status).toBe(201);
    expect((await web.ask('/accounts', { headers: { cookie } })).status).toBe(200);
  });

  test('no name leads to it but its own', async () => {
    const web = await start('--public-url', 'https://bot.example.org');
    const token = await web.token(...READ);
    const { port } = new URL(web.url);
    const at = async (host: string, path = '/accounts') =>
      (await web.ask(path, { token, headers: { host } })).status;
    for (const host of [`localhost:${port}`, `127.0.0.1:${port}`, `[::1]:${port}`, 'bot.example.org'])
      expect(await at(host), host).toBe(200);
    for (const host of [
      'evil.example',
      `evil.example:${port}`,
      '192.168.1.9',
      'bot.example.org.evil.example',
      '0.0.0.0',
    ])
      for (const path of ['/accounts', '//', '//api/v1/openapi.json', '//nothing'])
        expect(await at(host, path), `${host} ${path}`).toBe(421);
  });

  test('the page of the proxy in front is its own, and the cookie is for https only', async () => {
    const web = await start('--public-url', 'https://bot.example.org', '--trust-proxy', '127.0.0.1');
    const headers = {
      host: 'bot.example.org',
      origin: 'https://bot.example.org',
      'x-forwarded-proto': 'https',
    };
    const came = await web.post('/session', { code: await web.code() }, { headers });
    expect([came.status, came.headers['set-cookie']]).toEqual([201, expect.stringMatching(/; Secure$/)]);
    const evil = { ...headers, origin: 'https://evil.example' };
    expect((await web.post('/session', { code: await web.code() }, { headers: evil })).status).toBe(403);
  });

  test('a trusted proxy says who failed; others cannot', async () => {
    const fail = (web: Awaited<ReturnType<typeof start>>, address: string) =>
      web.ask('/accounts', { token: 'x', headers: { 'x-forwarded-for': address } });
    const [trusting, plain] = [await start('--trust-proxy', '127.0.0.1'), await start()];
    for (let n = 0; n < 10; n++) {
      await fail(trusting, '1.2.3.4');
      await fail(plain, `1.2.3.${n}`);
    }
    expect((await fail(trusting, '1.2.3.4')).status).toBe(429);
    expect((await fail(trusting, '1.2.3.5')).status).toBe(401);
    expect((await fail(plain, '9.9.9.9')).status).toBe(429);
  });

  test('every answer forbids frames, scripts, guesses and copies', async () => {
    const web = await start();
    const token = await web.token(...ADMIN);
    const answers = [
      await web.ask('//'),
      await web.ask('//api/v1/openapi.json'),
      await web.ask('/accounts', { token }),
      await web.ask('/accounts'),
      await web.ask('//nowhere'),
      await web.ask('/accounts', { token, headers: { host: 'evil.example' } }),
      await web.ask('/tokens/none', { method: 'DELETE', token }),
    ];
    for (const { headers } of answers)
      expect(headers).toMatchObject({
        'content-security-policy': expect.stringMatching(/^default-src 'none'.*frame-ancestors 'none'/),
        'x-content-type-options': 'nosniff',
        'x-frame-options': 'DENY',
        'referrer-policy': 'no-referrer',
        'cross-origin-resource-policy': 'same-origin',
        'cache-control': expect.stringMatching(/^no-(store|cache)$/),
      });
    expect(
      answers.every(({ headers }) => !Object.keys(headers).some((name) => /^access-control/.test(name))),
    ).toBe(true);
    expect((await web.ask('/accounts', { method: 'OPTIONS' })).status).toBe(405);
  });

  test('a browser may let others in only soon after it came', async () => {
    const clock = { aheadMs: 0 };
    const home = makeFolder();
    const now = () => Date.now() + clock.aheadMs;
    const { systemClock } = await import('../../../src/core/time/clock.ts');
    const running = startHere(['web', '--listen', '127.0.0.1:0', '--json'], {
      home,
      clock: { ...systemClock, now, monotonic: () => systemClock.monotonic() + clock.aheadMs },
    });
    await running.says('stdout', '}\n');
    const url = jsonLines(running.stdout)[0]?.url as string;
    const atThatTime = { ...systemClock, now };
    const newCode = async () =>
      jsonLines((await runHere(['token', 'code', '--json'], { home, clock: atThatTime })).stdout)[0]
        ?.code as string;
    const code = await newCode();
    const type = { 'content-type': 'application/json' };
    const confirm = (cookie: string, given: string) =>
      askAt(`${url}/api/v1/session`, {
        ...{ method: 'POST', headers: { ...type, cookie }, body: JSON.stringify({ code: given }) },
      });
    const came = await confirm('', code);
    const cookie = came.headers['set-cookie']?.split(';')[0] as string;
    const make = (name: string) =>
      askAt(`${url}/api/v1/tokens`, {
        method: 'POST',
        headers: { ...type, cookie },
        body: JSON.stringify({ name, scope: 'read' }),
      });
    expect((await make('one')).status).toBe(201);
    clock.aheadMs = 11 * 60_000;
    for (const [method, path] of [
      ['POST', '/tokens'],
      ['DELETE', '/tokens/one'],
      ['POST', '/invitations'],
      ['DELETE', '/invitations/x'],
      ['DELETE', '/accounts/x'],
      ['DELETE', '/sessions'],
    ] as const)
      expect(
        await askAt(`${url}/api/v1${path}`, {
          ...{ method, headers: { ...type, cookie } },
          ...(method === 'POST' ? { body: JSON.stringify({ name: 'two', scope: 'read' }) } : {}),
        }),
        path,
      ).toMatchObject({ status: 403, json: { kind: 'code-needed', hint: 'wxagent token code' } });
    // What was good before is good no more, and a wrong code is none.
    for (const again of [code, 'AAAAA-AAAAA'])
      expect(await confirm(cookie, again as string)).toMatchObject({ status: 401 });
    const looked = () => askAt(`${url}/api/v1/tokens`, { headers: { cookie } });
    // Its cookie lasts as long as it is used.
    const set = [await looked(), await looked()].map(({ headers }) => headers['set-cookie'] ?? null);
    expect(set).toEqual([null, null]);
    clock.aheadMs += 5 * 60_000;
    expect((await looked()).headers['set-cookie']).toContain(`${cookie}; Path=/; Max-Age=604800`);
    // To be used is not to be confirmed.
    expect((await make('two')).status).toBe(403);

    // A new code lets it go on, with another cookie; the old one counts no longer.
    const confirmed = await confirm(cookie, await newCode());
    const next = confirmed.headers['set-cookie']?.split(';')[0] as string;
    expect([confirmed.status, next === cookie]).toEqual([201, false]);
    expect((await looked()).status).toBe(401);
    const { status } = await askAt(`${url}/api/v1/tokens/one`, {
      ...{ method: 'DELETE', headers: { cookie: next } },
    });
    expect(status).toBe(204);
    const { json } = await askAt(`${url}/api/v1/sessions`, { headers: { cookie: next } });
    expect(json?.sessions).toMatchObject([{ isThisOne: true }]);
  });

  test('a token is in no log, and no path of the API takes one', async () => {
    const home = makeFolder();
    const running = startHere(['web', '--listen', '127.0.0.1:0', '--json', '--verbose'], { home });
    await running.says('stdout', '}\n');
    const url = jsonLines(running.stdout)[0]?.url as string;
    const token = jsonLines((await runHere(['token', 'add', 'x', ...READ, '--json'], { home })).stdout)[0]
      ?.token as string;
    expect((await askAt(`${url}/api/v1/accounts?token=${token}`)).status).toBe(401);
    await askAt(`${url}/api/v1/accounts`, { token });
    await askAt(`${url}/api/v1/accounts`, { token: `${token}y` });
    const invited = jsonLines((await runHere(['invite', 'add', 'x', '--json'], { home })).stdout)[0]
      ?.token as string;
    expect((await askAt(`${url}/api/v1/invitation?token=${invited}`)).status).toBe(401);
    expect((await askAt(`${url}/api/v1/invitation`, { token: invited })).status).toBe(200);
    await askAt(`${url}/api/v1/invitation`, { token: `${invited}y` });
    expect(running.stdout + running.stderr).not.toMatch(/wx[ai]_\w{20}/);
  });
});

describe('the server', () => {
  test('says what it is, and what it has', async () => {
    const web = await startWeb({ home: makeFolder() });
    expect((await web.ask('//')).text).toContain('<title>wxagent</title>');
    expect((await web.ask('//api/v1/openapi.json')).json).toMatchObject({ openapi: '3.1.0' });
    expect(await web.ask('//favicon.ico')).toMatchObject({ status: 404, json: { kind: 'not-found' } });
    expect(await web.ask('/session', { method: 'PUT' })).toMatchObject({
      status: 405,
      headers: { allow: 'POST, GET, DELETE' },
    });
    expect((await web.ask('/accounts', { method: 'HEAD', token: await web.token(...READ) })).text).toBe('');
  });

  test('runs in the process of a runner, and ends with it', async () => {
    const simulator = await simulate();
    const { home } = loggedIn(simulator);
    const run = startHere(['run', '--echo', '--web', '127.0.0.1:0'], { home });
    await run.says('stderr', /the API are at (http:\S+)/);
    await run.says('stderr', 'ready');
    const url = /the API are at (\S+)/.exec(run.stderr)?.[1] as string;
    const token = jsonLines((await runHere(['token', 'add', 'x', ...READ, '--json'], { home })).stdout)[0]
      ?.token as string;
    const { json } = await askAt(`${url}/api/v1/accounts`, { token });
    expect(json?.accounts).toMatchObject([{ login: 'ok', runner: { pid: process.pid } }]);
    expect(globalThis.Response).toBe(RESPONSE);
    expect((await run.stop()).code).toBe(0);
    await expect(askAt(`${url}/`)).rejects.toThrow('ECONNREFUSED');
  });

  test('says what is wrong with where it is to listen', async () => {
    const port = await portInUse();
    const home = makeFolder();
    const tried = async (...args: string[]) => {
      const { code, stderr } = await runHere(args, { home, stop: AbortSignal.abort('SIGTERM') });
      return [code, stderr.split('\n')[0]];
    };
    expect(await tried('web', '--listen', `127.0.0.1:${port}`)).toEqual([
      73,
      expect.stringContaining(`cannot listen on 127.0.0.1:${port}`),
    ]);
    // It is refused before anything is made.
    expect(existsSync(join(home, 'wx'))).toBe(false);
    expect(await tried('web', '--listen', '192.0.2.1:0')).toEqual([
      64,
      'wxagent: 192.0.2.1 is not an address of this machine',
    ]);
    expect(await tried('web', '--listen', 'x y')).toEqual([64, expect.stringContaining('takes an address')]);
    expect(await tried('web', '--tls-cert', 'a.pem')).toEqual([
      64,
      expect.stringContaining('the other half'),
    ]);
    expect(await tried('web', '--tls-cert', 'a.pem', '--tls-key', 'b.pem')).toEqual([
      66,
      expect.stringContaining('the certificate a.pem cannot be read'),
    ]);
    expect(await tried('run', '--echo', '--tls-key', 'b.pem')).toEqual([
      expect.any(Number),
      expect.stringMatching(/goes with --web|no account/),
    ]);
  });

  test('a runner whose port is in use ends, and what came with its first poll is answered once', async () => {
    const simulator = await simulate();
    const { home } = loggedIn(simulator);
    const port = await portInUse();
    simulator.control.message({ text: 'hello' });
    const echo = ['run', '--echo', '--pace', '0', '--no-typing'];
    const run = await runHere([...echo, '--web', `127.0.0.1:${port}`], { home });
    expect(run).toMatchObject({
      code: 73,
      stderr: expect.stringContaining(`cannot listen on 127.0.0.1:${port}: another program listens there`),
    });
    expect((await runHere([...echo, '--exit-idle', '100ms'], { home })).code).toBe(0);
    expect(answers(simulator)).toEqual(['hello']);
  });

  test('cuts off who sends no headers, and ends although somebody stays', async () => {
    const web = await startWeb({ home: makeFolder() });
    const { port } = new URL(web.url);
    const slow = connect(Number(port), '127.0.0.1');
    slow.on('error', () => {});
    slow.write('GET / HTTP/1.1\r\nHost: localhost\r\n');
    await new Promise((connected) => slow.once('connect', connected));
    const closed = new Promise((done) => slow.once('close', done));
    await web.stop();
    await closed;
  });
});

/** A port of this machine where another program listens until the end of the test. */
async function portInUse(): Promise<number> {
  const busy = createServer().listen(0, '127.0.0.1');
  onTestFinished(() => void busy.close());
  await new Promise((listening) => busy.once('listening', listening));
  return (busy.address() as AddressInfo).port;
}

describe('over https', () => {
  test('with a certificate of its own, under its names', async () => {
    const folder = makeFolder();
    const [cert, key, other] = ['cert.pem', 'key.pem', 'other.pem'].map((name) => join(folder, name)) as [
      string,
      string,
      string,
    ];
    const subject = ['-subj', '/CN=nas.local', '-addext', 'subjectAltName=DNS:nas.local,IP:127.0.0.1'];
    const make = [
      'req',
      '-x509',
      '-newkey',
      'ec',
      '-pkeyopt',
      'ec_paramgen_curve:P-256',
      '-nodes',
      '-days',
      '2',
    ];
    execFileSync('openssl', [...make, ...subject, '-keyout', key, '-out', cert], { stdio: 'ignore' });
    execFileSync('openssl', ['genpkey', '-algorithm', 'RSA', '-out', other], { stdio: 'ignore' });
    const tls = ['--tls-cert', cert, '--tls-key'];
    const wrong = await runHere(['web', '--listen', '127.0.0.1:0', ...tls, other], { home: folder });
    expect([wrong.code, wrong.stderr]).toEqual([
      64,
      expect.stringContaining('are not a certificate and its key'),
    ]);

    const web = startHere(['web', '--listen', '0.0.0.0:0', '--json', ...tls, key], { home: folder });
    await web.says('stdout', '}\n');
    // Nobody in between reads anything: there is nothing to warn of.
    expect(web.stderr).not.toContain('without encryption');
    const { port } = new URL(jsonLines(web.stdout)[0]?.url as string);
    const code = jsonLines((await runHere(['token', 'code', '--json'], { home: folder })).stdout)[0]?.code;
    const asked = (host: string) =>
      new Promise<{ status: number; cookie: string }>((resolve, reject) => {
        const sent = requestTls(
          {
            ...{ host: '127.0.0.1', port, method: 'POST', path: '/api/v1/session' },
            ca: readFileSync(cert),
            servername: 'nas.local',
            checkServerIdentity: () => undefined,
            headers: { host: `${host}:${port}`, 'content-type': 'application/json' },
          },
          (response) => {
            response.resume();
            const [cookie = ''] = response.headers['set-cookie'] ?? [];
            resolve({ status: response.statusCode ?? 0, cookie });
          },
        );
        sent.on('error', reject);
        sent.end(JSON.stringify({ code }));
      });
    expect((await asked('evil.example')).status).toBe(421);
    const came = await asked('nas.local');
    expect([came.status, came.cookie]).toEqual([201, expect.stringMatching(/; Secure$/)]);
  });

  test('without it, another address is a warning', async () => {
    const web = startHere(['web', '--listen', '0.0.0.0:0'], { home: makeFolder() });
    await web.says('stderr', /0\.0\.0\.0:\d+ is open to the network without encryption/);
  });
});
