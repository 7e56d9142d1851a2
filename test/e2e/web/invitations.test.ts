import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { systemClock } from '../../../src/core/time/clock.ts';
import { ROUTES } from '../../../src/web/routes/routes.ts';
import { runHere, startHere } from '../../helpers/in-this-process.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { simulate } from '../../helpers/simulated.ts';
import { askAt, STORES, startWeb, type TestWeb } from '../../helpers/web.ts';
import { jsonLines, makeFolder } from '../../helpers/wxagent.ts';

const POST = { method: 'POST' };
const DELETE = { method: 'DELETE' };

/** A server whose codes wait until a test scans them. */
async function start(env: Record<string, string> = {}) {
  const home = makeFolder();
  const simulator = await simulate({ scan: 'manual' });
  const web = await startWeb({ home, env }, '--base-url', simulator.baseUrl);
  const wx = (...args: string[]) => runHere(args, { home, env });
  const admin = await web.token('--scope', 'admin');
  return { home, env, simulator, web, wx, admin };
}

/** The token of a new invitation. */
async function invite(web: TestWeb, admin: string, name: string): Promise<string> {
  return (await web.post('/invitations', { name }, { token: admin })).json?.token as string;
}

async function begin(web: TestWeb, token: string): Promise<string> {
  return (await web.ask('/invitation/logins', { ...POST, token })).json?.id as string;
}

const reaches = (web: TestWeb, token: string, id: string, state: string) =>
  pollUntil(state, async () => (await web.ask(`/invitation/logins/${id}`, { token })).json?.state === state);

describe.each(STORES)('an invitation, on $store', ({ environment }) => {
  test('adds one account, which is all that its guest sees, and a runner serves it', async () => {
    const { home, env, simulator, web, wx, admin } = await start(environment());
    simulator.control.changeSettings({ scan: 'auto' });
    await wx('login', '--qr', 'none', '--base-url', simulator.baseUrl, '--name', 'mine');
    simulator.control.changeSettings({ scan: 'manual' });
    const run = startHere(['run', '--echo', '--all-accounts', '--pace', '0'], { home, env });
    const made = await web.post('/invitations', { name: 'mum' }, { token: admin });
    expect(made).toMatchObject({ status: 201, json: { name: 'mum', state: 'open', usedAt: null } });
    const { token, link } = made.json as { token: string; link: string };
    expect(link).toBe(`${web.url}/invite#${token}`);
    expect((await web.ask('/invitation', { token })).json).toMatchObject({ name: 'mum' });

    const id = await begin(web, token);
    await reaches(web, token, id, 'waiting');
    const qr = await web.ask(`/invitation/logins/${id}/qr.svg`, { token });
    expect([qr.status, qr.headers['content-type'], qr.text.slice(0, 4)]).toEqual([
      200,
      'image/svg+xml',
      '<svg',
    ]);
    simulator.control.scan({ user: 'o9mum@im.wechat', verifyCode: '4711' });
    await reaches(web, token, id, 'verify');
    const code = (digits: string) => web.post(`/invitation/logins/${id}/code`, { code: digits }, { token });
    expect((await code('1')).status).toBe(200);
    await pollUntil(
      'another question',
      async () => (await web.ask(`/invitation/logins/${id}`, { token })).json?.isWrongCode === true,
    );
    await code('4711');
    await reaches(web, token, id, 'done');
    expect((await web.ask(`/invitation/logins/${id}`, { token })).json).toMatchObject({
      ...{ state: 'done', isNew: true, account: null, url: null },
    });

    // Nothing comes of it a second time, nor a third.
    for (const _ of [2, 3]) {
      const again = await web.ask('/invitation/logins', { ...POST, token });
      expect(again).toMatchObject({ status: 410, json: { detail: 'this invitation was used already' } });
      expect((await web.ask('/invitation', { token })).status).toBe(410);
    }
    expect((await web.ask('/accounts/mum', { token: admin })).json).toMatchObject({
      ...{ name: 'mum', owner: 'o9mum@im.wechat', login: 'ok' },
    });
    await run.says('stderr', 'has logged in');
    await pollUntil(
      'its runner',
      async () => (await web.ask('/accounts/mum', { token: admin })).json?.runner !== null,
    );
    const { stdout } = await wx('audit', '--json');
    const entries = jsonLines(stdout)[0]?.entries as { who: string; act: string; about: string }[];
    expect(entries.map(({ who, act }) => `${who}: ${act}`).slice(-3)).toEqual([
      expect.stringMatching(/^token t\d+: invitation-add$/),
      'invitation mum: invitation-use',
      'invitation mum: login',
    ]);
    expect(stdout).not.toContain(token.slice(-32));
    expect((await wx('invite')).stdout).toMatch(/^mum +used /);
  });
});

describe('an invitation', () => {
  test('is not used up by a login that nobody scans, is cancelled or fails', async () => {
    const { simulator, web, admin } = await start();
    const token = await invite(web, admin, 'dad');
    const first = await begin(web, token);
    await reaches(web, token, first, 'waiting');
    expect((await web.ask(`/invitation/logins/${first}`, { ...DELETE, token })).json?.state).toBe(
      'cancelled',
    );
    // A code that dies is renewed.
    const second = await begin(web, token);
    expect(second).not.toBe(first);
    await reaches(web, token, second, 'waiting');
    const url = async () => (await web.ask(`/invitation/logins/${second}`, { token })).json?.url;
    const before = await url();
    simulator.control.expire();
    await pollUntil('no dead code', async () => (await url()) !== before);
    await pollUntil('another code', async () => ![null, before].includes((await url()) as string));
    // What a preview of a chat or a scanner of mails does to a link.
    for (const method of ['GET', 'HEAD', 'OPTIONS'])
      for (const path of ['//invite', '/invitation']) await web.ask(path, { method });
    expect((await web.ask('/invitation', { token })).status).toBe(200);
    simulator.control.scan({ user: 'o9dad@im.wechat' });
    await reaches(web, token, second, 'done');
    expect((await web.ask('/invitation', { token })).status).toBe(410);
  });

  test('is one login for two who open it at once; of two servers, one adds an account', async () => {
    const { home, simulator, web, admin } = await start();
    const other = await startWeb({ home }, '--base-url', simulator.baseUrl);
    const token = await invite(web, admin, 'both');
    const ids = await Promise.all([begin(web, token), begin(web, token), begin(web, token)]);
    expect(new Set(ids).size).toBe(1);
    const [mine = ''] = ids;
    await reaches(web, token, mine, 'waiting');
    const theirs = await begin(other, token);
    await reaches(other, token, theirs, 'waiting');
    // Both codes are scanned, by two people.
    simulator.control.scan({ user: 'o9one@im.wechat' });
    simulator.control.scan({ user: 'o9two@im.wechat' });
    const over = async (server: TestWeb, id: string) => {
      let state = '';
      await pollUntil('an end', async () => {
        state = String((await server.ask(`/invitation/logins/${id}`, { token })).json?.state);
        return ['done', 'failed'].includes(state);
      });
      return state;
    };
    expect((await Promise.all([over(web, mine), over(other, theirs)])).sort()).toEqual(['done', 'failed']);
    const { json } = await web.ask('/accounts', { token: admin });
    expect(json?.accounts).toHaveLength(1);
  });

  test('can be used again when its login could not be stored', async () => {
    const { home, simulator, web, admin } = await start();
    const token = await invite(web, admin, 'again');
    const first = await begin(web, token);
    await reaches(web, token, first, 'waiting');
    const config = join(home, 'wx', 'config.json');
    const kept = readFileSync(config);
    writeFileSync(config, '{');
    simulator.control.scan({ user: 'o9again@im.wechat' });
    await reaches(web, token, first, 'failed');
    // A guest is told nothing of the files of the server.
    expect((await web.ask(`/invitation/logins/${first}`, { token })).json?.problem).toEqual({
      ...{ kind: 'config', detail: 'the server cannot log anybody in just now', hint: null },
    });
    writeFileSync(config, kept);
    const second = await begin(web, token);
    await reaches(web, token, second, 'waiting');
    simulator.control.scan({ user: 'o9again@im.wechat' });
    await reaches(web, token, second, 'done');
    const { json } = await web.ask('/audit?limit=5', { token: admin });
    const { entries } = json as { entries: { act: string }[] };
    expect(entries.map(({ act }) => act)).toEqual([
      ...['login', 'invitation-use', 'invitation-return', 'invitation-use', 'invitation-add'],
    ]);
  });

  test('mends an account of whoever scans, which keeps its name', async () => {
    const { simulator, web, admin, wx } = await start();
    simulator.control.changeSettings({ scan: 'auto' });
    await wx('login', '--qr', 'none', '--base-url', simulator.baseUrl, '--name', 'mine');
    simulator.control.changeSettings({ scan: 'manual' });
    const token = await invite(web, admin, 'mum');
    const scanned = async () => {
      const id = await begin(web, token);
      await reaches(web, token, id, 'waiting');
      simulator.control.scan();
      await reaches(web, token, id, 'done');
      return (await web.ask(`/invitation/logins/${id}`, { token })).json;
    };
    // It lives: nothing is added, and nothing used up.
    expect(await scanned()).toMatchObject({ isNew: false, account: null });
    expect((await web.ask('/invitation', { token })).status).toBe(200);
    simulator.control.kill();
    expect(await scanned()).toMatchObject({ isNew: true, account: null });
    expect((await web.ask('/invitation', { token })).status).toBe(410);
    const { accounts } = (await web.ask('/accounts', { token: admin })).json as { accounts: object[] };
    expect(accounts).toMatchObject([{ name: 'mine', login: 'ok' }]);
  });

  test('leads to the proxy in front', async () => {
    const web = await startWeb({ home: makeFolder() }, '--public-url', 'https://bot.example.org');
    const token = await web.token('--scope', 'admin');
    const made = await web.post('/invitations', { name: 'far' }, { token });
    expect(made.json?.link).toMatch(/^https:\/\/bot\.example\.org\/invite#wxi_/);
  });

  test('ends when it is removed, also while its login goes on', async () => {
    const { web, admin, wx } = await start();
    const token = await invite(web, admin, 'gone');
    const id = await begin(web, token);
    await reaches(web, token, id, 'waiting');
    expect((await web.ask('/invitations/gone', { ...DELETE, token: admin })).status).toBe(204);
    expect((await web.ask(`/invitation/logins/${id}`, { token })).status).toBe(401);
    expect((await web.ask(`/logins/${id}`, { token: admin })).json?.state).toBe('cancelled');
    expect((await wx('invite', 'remove', 'gone')).code).toBe(66);
  });

  test('is refused after its time', async () => {
    const clock = { aheadMs: 0 };
    const home = makeFolder();
    const now = () => Date.now() + clock.aheadMs;
    const running = startHere(['web', '--listen', '127.0.0.1:0', '--json'], {
      ...{ home, clock: { ...systemClock, now, monotonic: () => systemClock.monotonic() + clock.aheadMs } },
    });
    await running.says('stdout', '}\n');
    const url = jsonLines(running.stdout)[0]?.url as string;
    const args = ['invite', 'add', 'late', '--expires', '1h', '--public-url', url, '--json'];
    const { link, token } = jsonLines((await runHere(args, { home })).stdout)[0] as Record<string, string>;
    expect(link).toBe(`${url}/invite#${token}`);
    const asked = async () => askAt(`${url}/api/v1/invitation`, { token: token as string });
    expect((await asked()).status).toBe(200);
    clock.aheadMs = 3_601_000;
    expect(await asked()).toMatchObject({ status: 410, json: { detail: 'this invitation has expired' } });
  });

  test('leads to the server that runs here, and says where none does', async () => {
    const { web, wx, home } = await start();
    const added = async (name: string, ...options: string[]) => {
      const { stdout, stderr } = await wx('invite', 'add', name, ...options);
      return { origin: new URL(stdout.trim()).origin, stderr };
    };
    const here = await added('mum');
    expect(here.origin).toBe(web.url);
    expect(here.stderr).toContain(`Only this machine reaches ${web.url}.`);
    expect(here.stderr).not.toContain('No wxagent web runs here');
    expect((await added('dad', '--listen', '127.0.0.1:9')).origin).toBe('http://127.0.0.1:9');
    // On all addresses: one of them, which others reach, is in the link.
    expect((await added('aunt', '--listen', '0.0.0.0:9')).origin).toMatch(/^http:\/\/\d+\.\d+\.\d+\.\d+:9$/);
    expect((await added('sis', '--listen', '0.0.0.0:9')).origin).not.toContain('0.0.0.0');
    await web.stop();
    const alone = await added('bro');
    expect(alone.origin).toBe('http://127.0.0.1:7788');
    expect(alone.stderr).toContain('No wxagent web runs here now');
    // What a killed process has left counts no more; a file that is none of ours is left.
    const folder = join(home, 'wx', 'state', 'web');
    const dead = { claimant: `${hostname()}/4194304/never`, url: 'http://127.0.0.1:5', publicOrigin: null };
    writeFileSync(join(folder, '4194304.json'), JSON.stringify(dead));
    writeFileSync(join(folder, 'README'), 'x');
    expect((await added('gran')).origin).toBe('http://127.0.0.1:7788');
    expect(readdirSync(folder)).toEqual(['README']);
  });

  test('of a server behind a proxy, leads to the proxy', async () => {
    const home = makeFolder();
    await startWeb({ home, env: {} }, '--public-url', 'https://bot.example.org');
    const { stdout, stderr } = await runHere(['invite', 'add', 'mum'], { home });
    expect(stdout).toMatch(/^https:\/\/bot\.example\.org\/invite#wxi_/);
    expect(stderr).not.toContain('Only this machine');
  });

  test('opens no other route, whatever it is shown beside', async () => {
    const { web, admin } = await start();
    const token = await invite(web, admin, 'nosy');
    const cookie = await web.cookie();
    for (const { method, path, scopes } of ROUTES) {
      if (scopes === null || scopes.includes('guest')) continue;
      const how = {
        method: method.toUpperCase(),
        headers: { 'content-type': 'application/json', cookie },
        ...(method === 'post' ? { body: '{}' } : {}),
      };
      const answer = await web.ask(path.replaceAll(/\{\w+\}/g, 'x'), { ...how, token });
      expect([answer.status, answer.json?.kind], `${method} ${path}`).toEqual([403, 'not-logged-in']);
    }
    expect((await web.ask('//metrics', { token })).status).toBe(403);
    // Nor the login of somebody else.
    const mine = (await web.post('/logins', {}, { token: admin })).json?.id as string;
    const other = await invite(web, admin, 'other');
    const theirs = await begin(web, other);
    for (const id of [mine, theirs])
      for (const [path, how] of [
        ['', {}],
        ['/qr.svg', {}],
        ['', DELETE],
      ] as const)
        expect((await web.ask(`/invitation/logins/${id}${path}`, { ...how, token })).status).toBe(404);
    expect((await web.ask(`/logins/${theirs}`, { token: admin })).json?.state).not.toBe('cancelled');
    // And in no other way.
    expect((await web.ask(`/invitation?token=${token}`)).status).toBe(401);
    expect(
      (await web.ask('/invitation', { headers: { cookie: `${cookie.split('=')[0]}=${token}` } })).status,
    ).toBe(401);
    expect((await web.post('/session', { code: token.slice(-32) })).status).toBe(401);
    for (const wrong of [
      `${token}x`,
      token.replace('wxi_', 'wxa_a'),
      token.slice(0, -1),
      token.toUpperCase(),
    ])
      expect((await web.ask('/invitation', { token: wrong })).status, wrong).toBe(401);
    expect((await web.ask('/invitation', { token: admin })).status).toBe(403);
  });

  test('does not ask WeChat for codes without end', async () => {
    const { web, admin } = await start();
    const token = await invite(web, admin, 'eager');
    const statuses = [];
    for (let n = 0; n < 21; n++) {
      const begun = await web.ask('/invitation/logins', { ...POST, token });
      statuses.push(begun.status);
      await web.ask(`/invitation/logins/${begun.json?.id}`, { ...DELETE, token });
    }
    expect(statuses.filter((status) => status === 201)).toHaveLength(20);
    expect(statuses.at(-1)).toBe(409);
  });

  test('is guessed no more often than a token', async () => {
    const { web, admin } = await start();
    const token = await invite(web, admin, 'right');
    const statuses = [];
    for (let n = 0; n < 12; n++)
      statuses.push(
        (await web.ask('/invitation', { token: `wxi_0000000${n % 10}_${'x'.repeat(32)}` })).status,
      );
    expect(statuses.slice(-2)).toEqual([429, 429]);
    expect((await web.ask('/invitation', { token })).status).toBe(200);
  });

  test('does not take the name of an account, nor one of another invitation', async () => {
    const { simulator, web, admin, wx, home } = await start();
    await invite(web, admin, 'mum');
    expect((await web.post('/invitations', { name: 'mum' }, { token: admin })).status).toBe(409);
    expect((await wx('invite', 'add', 'mum')).stderr).toContain('there is an invitation "mum" already');
    simulator.control.changeSettings({ scan: 'auto' });
    await wx('login', '--qr', 'none', '--base-url', simulator.baseUrl, '--name', 'mine');
    expect(await wx('invite', 'add', 'mine')).toMatchObject({
      code: 75,
      stderr: expect.stringContaining('there is an account "mine" already'),
    });
    expect((await web.post('/invitations', { name: 'mine' }, { token: admin })).status).toBe(409);
    for (const wrong of [{ name: 'a b' }, {}, { name: 'x', expiresAt: '2020-01-01T00:00:00Z' }, { name: '' }])
      expect((await web.post('/invitations', wrong, { token: admin })).status).toBe(422);
    for (const args of [['a b'], ['x', '--expires', '0'], ['x', '--listen', '?']])
      expect((await runHere(['invite', 'add', ...args], { home })).code, String(args)).toBe(64);
  });
});

describe('the audit', () => {
  test('has what commands do, as it has what the API does', async () => {
    const { simulator, wx } = await start();
    simulator.control.changeSettings({ scan: 'auto' });
    await wx('login', '--qr', 'none', '--base-url', simulator.baseUrl, '--name', 'mine');
    await wx('allow', 'add', 'friend@im.wechat');
    await wx('allow', 'remove', 'friend@im.wechat');
    await wx('send', '--to', 'friend@im.wechat', 'waits');
    const [outbox] = jsonLines((await wx('outbox', '--json')).stdout) as { parts: { id: string }[] }[];
    await wx('outbox', 'drop', outbox?.parts[0]?.id as string);
    // Nothing is sent again.
    await wx('retry', '--expired');
    await wx('token', 'code');
    await wx('logout');
    const rows = async (...args: string[]) =>
      (await wx('audit', ...args)).stdout
        .trim()
        .split('\n')
        .map((row) => row.split(/\s{2,}/).slice(1, 3));
    const did = ['Account logged in', 'User allowed', 'User no longer allowed', 'Taken out of the outbox'];
    expect((await rows()).slice(1)).toEqual(
      [...did, 'One-time code made', 'Account logged out'].map((act) => ['terminal', act]),
    );
    expect((await rows('--lang', 'zh'))[1]).toEqual(['终端', '账号登录']);
    expect((await wx('audit', '--since', '1ms')).stdout).toBe('');
  });
});
