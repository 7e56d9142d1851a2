import { existsSync, mkdirSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { join } from 'node:path';
import jsQR from 'jsqr';
import { PNG } from 'pngjs';
import { expect, test } from 'vitest';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { hang, inTurn, startScriptedServer } from '../helpers/scripted-server.ts';
import {
  answers,
  askedForStatus,
  configPath,
  confirmLate,
  loggedIn,
  readAccounts,
  simulate,
} from '../helpers/simulated.ts';
import { smallDisk } from '../helpers/small-disk.ts';
import { BIN, jsonLines, makeFolder, startOnTerminal, wxagent } from '../helpers/wxagent.ts';

test('the official shape: QR and address on stderr, nothing on stdout, the account stored for its owner only', async () => {
  const simulator = await simulate();
  const home = makeFolder();
  const login = await runHere(['--base-url', simulator.baseUrl, 'login', '--name', 'mine'], { home });
  expect(login).toMatchObject({ code: 0, stdout: '' });
  expect(login.stderr).toContain('A WeChat account has one active bot');
  expect(login.stderr).toMatch(/[▀▄█]{8}/);
  expect(login.stderr).toContain('https://liteapp.weixin.qq.com/q/');
  expect(login.stderr).toContain('wxagent run --account mine --exec');

  const [bot] = simulator.control.bots();
  expect(readAccounts(home)).toMatchObject([
    { id: bot?.id, name: 'mine', owner: bot?.user, baseUrl: simulator.baseUrl },
  ]);
  expect(statSync(configPath(home)).mode & 0o777).toBe(0o600);
  expect(statSync(join(home, 'wx')).mode & 0o777).toBe(0o700);
  expect(statSync(join(home, 'wx', 'state')).mode & 0o777).toBe(0o700);
  expect(statSync(join(home, 'wx', 'state', 'wxagent.db')).mode & 0o777).toBe(0o600);
});

test("the public guide's shape", async () => {
  const simulator = await simulate({ loginShape: 'guide' });
  const home = makeFolder();
  const login = await runHere(['login', '--json', '--base-url', simulator.baseUrl], { home });
  expect(login.code).toBe(0);
  expect(jsonLines(login.stdout).map(({ type }) => type)).toEqual(['qr', 'login-status', 'login']);
  const [bot] = simulator.control.bots();
  // The guide names no owner: whoever writes first becomes it.
  expect(readAccounts(home)).toMatchObject([{ id: bot?.id, owner: null }]);

  simulator.control.message({ text: 'hello' });
  const run = await runHere(['run', '--echo', '--once'], { home });
  expect(run).toMatchObject({ code: 0, stdout: '' });
  expect(run.stderr).toContain(`${bot?.user} is the owner of this bot now`);
  expect(simulator.control.phone().shown.map(({ text }) => text)).toEqual(['hello', 'hello']);
  expect(readAccounts(home)).toMatchObject([{ owner: null }]);
  const status = await runHere(['status', '--json'], { home });
  expect(jsonLines(status.stdout)).toMatchObject([{ accounts: [{ owner: bot?.user }] }]);
});

test('--json lines; --qr-file as PNG and SVG; --qr none', async () => {
  const simulator = await simulate();
  const home = makeFolder();
  const png = join(home, 'code.png');
  const login = await runHere(
    ['login', '--base-url', simulator.baseUrl, '--json', '--qr-file', png, '--qr', 'none'],
    { home },
  );
  expect(login.code).toBe(0);
  const [bot] = simulator.control.bots();
  const lines = jsonLines(login.stdout);
  expect(lines).toEqual([
    { v: 1, type: 'qr', url: expect.any(String), expiresAt: expect.stringMatching(/^\d{4}-.*Z$/) },
    { v: 1, type: 'login-status', status: 'scaned' },
    { v: 1, type: 'login-status', status: 'confirmed' },
    { v: 1, type: 'login', account: bot?.id, owner: bot?.user, name: null, baseUrl: simulator.baseUrl },
  ]);
  expect(login.stderr).not.toMatch(/[▀▄█]/);
  const { data, width, height } = PNG.sync.read(readFileSync(png));
  expect(jsQR.default(new Uint8ClampedArray(data), width, height)?.data).toBe(lines[0]?.url);

  const svg = join(home, 'code.svg');
  const again = await runHere(['login', '--base-url', simulator.baseUrl, '--qr-file', svg, '--force'], {
    home,
  });
  expect(again.code).toBe(0);
  expect(readFileSync(svg, 'utf8')).toMatch(/^<svg .*<path /s);
  const wrong = await runHere(['login', '--base-url', simulator.baseUrl, '--qr-file', 'code.gif'], { home });
  expect(wrong).toMatchObject({ code: 64, stdout: '' });
  expect(wrong.stderr).toContain('hint: --qr-file login.png');
});

test('the digits of the phone: 77 without a terminal, asked for on one, wrong ones once more', async () => {
  const simulator = await simulate({ verifyCode: '483920' });
  const home = makeFolder();
  const blind = await runHere(['login', '--base-url', simulator.baseUrl], { home });
  expect(blind.code).toBe(77);
  expect(blind.stderr).toMatch(
    /wxagent: enter the verification code .*\nhint: run wxagent login in a terminal\n$/,
  );

  const stdout = join(home, 'stdout');
  const terminal = startOnTerminal(['login', '--base-url', simulator.baseUrl, '--name', 'typed'], {
    home,
    stdout,
  });
  await terminal.says('stdout', 'Enter the verification code');
  terminal.child.stdin?.write('111111\n');
  await terminal.says('stdout', 'Wrong code');
  // As an input method writes them in full width.
  terminal.child.stdin?.write('４８３９２０\n');
  await terminal.says('stdout', 'send the bot a message');
  simulator.control.message({ text: 'first words' });
  await terminal.says('stdout', 'Your message has arrived');
  expect(await terminal.exited).toMatchObject({ code: 0 });
  expect(readFileSync(stdout, 'utf8')).toBe('');
  expect(readAccounts(home)).toMatchObject([{ name: 'typed' }]);
  const waiting = await runHere(['messages', '--json'], { home });
  expect(jsonLines(waiting.stdout)).toMatchObject([
    { messages: [{ text: 'first words', state: 'received' }] },
  ]);
});

test('an expired code is replaced; nobody scans in time: 77', async () => {
  const simulator = await simulate({ scan: 'manual' });
  const home = makeFolder();
  const login = startHere(['login', '--json', '--base-url', simulator.baseUrl], { home });
  await login.says('stdout', '"qr"');
  simulator.control.expire();
  await pollUntil(
    'a second code',
    () => jsonLines(login.stdout).filter(({ type }) => type === 'qr').length === 2,
  );
  simulator.control.scan();
  const { code, stdout } = await login.exited;
  expect(code).toBe(0);
  expect(jsonLines(stdout).map(({ type, status }) => status ?? type)).toEqual([
    'qr',
    'expired',
    'qr',
    'scaned',
    'confirmed',
    'login',
  ]);

  const late = await runHere(['login', '--force', '--timeout', '300ms', '--base-url', simulator.baseUrl], {
    home,
  });
  expect(late).toMatchObject({ code: 77, stdout: '' });
  expect(late.stderr).toContain('the QR code was not confirmed');
});

test('already bound: nothing to do here; a new code elsewhere, with --force, and after -3', async () => {
  const simulator = await simulate({ rejectUnknownTokens: true });
  const home = makeFolder();
  const login = (...args: string[]) =>
    runHere(['login', '--json', '--base-url', simulator.baseUrl, ...args], { home });
  expect((await login('--name', 'first')).code).toBe(0);
  const bound = await login();
  expect(bound.code).toBe(0);
  expect(jsonLines(bound.stdout).at(-1)).toMatchObject({
    type: 'login',
    account: simulator.control.bots()[0]?.id,
    name: 'first',
  });
  expect(simulator.control.bots()).toHaveLength(1);

  const forced = await login('--force');
  expect(forced.code).toBe(0);
  expect(simulator.control.bots().map(({ live }) => live)).toEqual([false, true]);

  // The stored token dies elsewhere: the server rejects the list, the login goes on without it.
  simulator.control.kill();
  const rejected = await login();
  expect(rejected.code).toBe(0);
  const lists = simulator.control
    .requests({ endpoint: 'get_bot_qrcode' })
    .slice(-2)
    .map(({ body }) => (body as { local_token_list: string[] }).local_token_list.length);
  expect(lists).toEqual([1, 0]);
});

test('the same owner under a new bot id takes the account over; another user is a second account', async () => {
  const simulator = await simulate({ bindedRedirect: false });
  const home = makeFolder();
  const login = (...args: string[]) =>
    runHere(['login', '--json', '--base-url', simulator.baseUrl, ...args], { home });
  await login('--name', 'mine');
  const [old] = readAccounts(home);
  simulator.control.message({ text: 'to the old bot' });
  expect((await runHere(['run', '--echo', '--once'], { home })).code).toBe(0);
  simulator.control.message({ text: 'unread' });
  expect((await runHere(['listen', '--once'], { home })).stdout).toContain('unread');

  await login();
  const [taken, ...more] = readAccounts(home);
  expect(more).toEqual([]);
  expect(taken).toMatchObject({ key: old?.key, name: 'mine', owner: old?.owner, formerIds: [old?.id] });
  expect(taken?.id).not.toBe(old?.id);
  // Inbox and old bot id stay valid.
  const kept = await runHere(['messages', '--json', '--account', old?.id ?? ''], { home });
  expect(jsonLines(kept.stdout)).toMatchObject([{ messages: [{ state: 'done' }, { state: 'done' }] }]);

  simulator.control.changeSettings({ owner: 'o9second@im.wechat' });
  await login('--name', 'hers');
  const listed = await runHere(['accounts', '--json'], { home });
  const second = readAccounts(home)[1];
  expect(jsonLines(listed.stdout)).toEqual([
    {
      v: 1,
      type: 'accounts',
      accounts: [
        {
          id: taken?.id,
          name: 'mine',
          owner: old?.owner,
          baseUrl: simulator.baseUrl,
          loggedInAt: taken?.loggedInAt,
          default: true,
        },
        {
          id: second?.id,
          name: 'hers',
          owner: 'o9second@im.wechat',
          baseUrl: simulator.baseUrl,
          loggedInAt: second?.loggedInAt,
          default: false,
        },
      ],
    },
  ]);
  expect(await runHere(['accounts', 'use', 'hers'], { home })).toMatchObject({ code: 0, stdout: '' });
  const used = jsonLines((await runHere(['accounts', 'list', '--json'], { home })).stdout)[0];
  expect(used?.accounts).toMatchObject([{ default: false }, { default: true }]);
  expect(await runHere(['logout'], { home })).toMatchObject({ code: 0, stdout: '' });
  expect(readAccounts(home).map(({ name }) => name)).toEqual(['mine']);
  expect(await runHere(['accounts', 'use', 'hers'], { home })).toMatchObject({
    code: 66,
    stderr: 'wxagent: there is no account "hers"\nhint: wxagent accounts\n',
  });
});

test('logout names the process that still serves the account with its login', async () => {
  const { home } = loggedIn(await simulate(), { name: 'mine' });
  const run = startHere(['run', '--echo'], { home });
  await run.says('stderr', 'ready');
  const { code, stderr } = await runHere(['logout'], { home });
  expect(code).toBe(0);
  expect(stderr).toContain(`Process ${process.pid} on ${hostname()} serves it`);
  expect((await run.stop()).code).toBe(0);
});

test('Ctrl-C while "confirmed" is on its way: the login is stored, and nothing is waited for any more', async () => {
  const simulator = await simulate({ scan: 'manual', holdMs: 5_000 });
  const home = makeFolder();
  const args = ['login', '--qr', 'none', '--base-url', simulator.baseUrl];
  const login = startOnTerminal(args, { home, stdout: join(home, 'stdout') });
  await askedForStatus(simulator, 1);
  confirmLate(simulator);
  await askedForStatus(simulator, 2);
  login.child.stdin?.write('\u0003');
  const end = await login.exited;
  expect(end.stdout).toContain('Logged in as');
  expect(readAccounts(home)).toHaveLength(1);
  expect(simulator.control.requests({ endpoint: 'getupdates' })).toEqual([]);
});

test('a server that is none: a sentence, a hint, the exit code; nothing stored', async () => {
  const simulator = await simulate();
  const home = makeFolder();
  // An empty body says nothing, which for a status means: not yet (protocol 1.5).
  const faults = {
    get_bot_qrcode: ['html', 'half-json', 'big', 'empty'],
    get_qrcode_status: ['html', 'half-json', 'big'],
  } as const;
  for (const endpoint of ['get_bot_qrcode', 'get_qrcode_status'] as const) {
    for (const garbage of faults[endpoint]) {
      simulator.control.clearFaults();
      simulator.control.addFault({ endpoint, kind: 'garbage', garbage });
      const login = await runHere(['login', '--qr', 'none', '--base-url', simulator.baseUrl], { home });
      expect([login.code, login.stdout], `${endpoint} ${garbage}: ${login.stderr}`).toEqual([76, '']);
      expect(login.stderr).toMatch(
        /wxagent: 127\.0\.0\.1:\d+ does not answer like an iLink server: .*\nhint: .*\n$/,
      );
    }
  }
  // The file is written before a code is asked for, to see that it can be.
  expect(JSON.parse(readFileSync(configPath(home), 'utf8'))).toMatchObject({ accounts: [] });
});

test('a server that refuses, hangs, or is not there', async () => {
  const home = makeFolder();
  const hanging = await startScriptedServer(() => hang);
  const refusing = await startScriptedServer(
    inTurn({ get_bot_qrcode: [{ ret: -7, errmsg: 'no bots today' }] }),
  );
  const gone = await startScriptedServer(() => hang);
  await gone.close();
  const [hung, refused, unreachable] = await Promise.all(
    [hanging, refusing, gone].map(({ url }) => runHere(['login', '--json', '--base-url', url], { home })),
  );
  await Promise.all([hanging.close(), refusing.close()]);
  expect(jsonLines(refused?.stderr.split('\n').slice(-2).join('\n') ?? '')).toEqual([
    {
      v: 1,
      type: 'error',
      kind: 'data',
      message: expect.stringContaining('no bots today'),
      hint: null,
      exit: 65,
    },
  ]);
  expect(refused).toMatchObject({ code: 65, stdout: '' });
  for (const end of [hung, unreachable]) {
    expect(end).toMatchObject({ code: 69, stdout: '' });
    expect(jsonLines(end?.stderr.split('\n').slice(-2).join('\n') ?? '')).toMatchObject([
      { kind: 'network', exit: 69 },
    ]);
  }
  expect(hanging.requests).toHaveLength(3);
});

test('a base URL that is none; a corrupt config.json is named and left alone', async () => {
  const home = makeFolder();
  for (const url of ['nonsense', 'ftp://127.0.0.1', 'http://example.com']) {
    const login = await runHere(['login', '--base-url', url], { home });
    expect([login.code, login.stdout], `${url}: ${login.stderr}`).toEqual([64, '']);
    expect(login.stderr).toMatch(/^wxagent: .*--base-url/);
  }
  mkdirSync(join(home, 'wx'), { recursive: true });
  for (const content of ['{"accounts":', '[]', '{"accounts":[{"id":1}]}']) {
    writeFileSync(configPath(home), content);
    for (const args of [['login'], ['run', '--echo'], ['send', 'x'], ['status'], ['accounts'], []]) {
      const end = await runHere(args, { home });
      expect([end.code, end.stdout], `${args}: ${end.stderr}`).toEqual([78, '']);
      expect(end.stderr).toContain(configPath(home));
      expect(end.stderr).toMatch(/^wxagent: .*\nhint: .*\n$/);
    }
    expect(readFileSync(configPath(home), 'utf8')).toBe(content);
  }
});

test('a home that cannot keep a login: said before a code is asked for', async () => {
  const server = await startScriptedServer(() => hang);
  const full = await smallDisk({ sizeMiB: 1 });
  full.fill();
  const readOnly = await smallDisk({ readOnly: makeFolder() });
  for (const disk of [full, readOnly]) {
    const through = [...disk.through, BIN] as [string, ...string[]];
    const end = await wxagent(['login', '--base-url', server.url], { home: disk.home, through, cwd: '/' });
    expect(end, end.stderr).toMatchObject({ code: 74, stdout: '' });
    expect(end.stderr).toMatch(/^wxagent: .*\nhint: .*\n$/);
  }
  // Only what would keep the login is in the way: the messages are elsewhere.
  const home = makeFolder();
  const away = makeFolder();
  mkdirSync(join(away, '.config', 'wxagent'), { recursive: true });
  writeFileSync(join(away, '.config', 'wxagent', 'config.json'), '{}');
  const disk = await smallDisk({ readOnly: join(away, '.config') });
  const end = await wxagent(['login', '--base-url', server.url], {
    home,
    env: { WXAGENT_HOME: undefined, HOME: away },
    through: [...disk.through, BIN] as [string, ...string[]],
    cwd: '/',
  });
  expect(end, end.stderr).toMatchObject({ code: 73, stdout: '' });
  expect(end.stderr).toContain('.config');
  await server.close();
  expect(server.requests).toEqual([]);
});

test('--owner names the owner where the login does not; it is no bot, and the first who writes is announced', async () => {
  const simulator = await simulate({ strangers: true });
  const home = makeFolder();
  const { id, token, user } = simulator.control.createBot();
  // As a file with quotes and an end of line hands it over.
  const env = { WXAGENT_TOKEN: ` "${token}"\r\n`, WXAGENT_BASE_URL: simulator.baseUrl };
  const run = (...args: string[]) => runHere(['run', '--echo', '--once', ...args], { home, env });
  simulator.control.message({ user: 'early@im.wechat', text: 'me first' });
  simulator.control.message({ user, text: 'hello' });
  const first = await run('--owner', user);
  expect(first, first.stderr).toMatchObject({ code: 0 });
  expect(answers(simulator)).toEqual(['hello']);
  for (const owner of ['张三', 'o9 x@im.wechat', id, 'other@im.bot', ' ']) {
    expect(await run('--owner', owner), owner).toMatchObject({ code: 64, stdout: '' });
  }
  const other = { home: makeFolder(), env };
  const start = await runHere(['run', '--echo', '--once'], other);
  expect(start.stderr).toContain('the first user who writes becomes the owner');
  const named = loggedIn(simulator);
  const refused = await runHere(['run', '--echo', '--once', '--owner', 'x@im.wechat'], { home: named.home });
  expect(refused).toMatchObject({ code: 64, stdout: '' });
  for (const odd of ['a b', 'ключ', 'x\u0007y']) {
    const bad = await runHere(['run', '--echo', '--once'], { home, env: { ...env, WXAGENT_TOKEN: odd } });
    expect(bad, odd).toMatchObject({ code: 78, stdout: '' });
    expect(bad.stderr).toMatch(/^wxagent: WXAGENT_TOKEN .*\nhint: .*\n$/);
  }
});

test('WXAGENT_TOKEN: no login, no trace of it on disk; --account may name another', async () => {
  const simulator = await simulate();
  const home = makeFolder();
  const { id, token, user } = simulator.control.createBot();
  const env = { WXAGENT_TOKEN: token, WXAGENT_BASE_URL: simulator.baseUrl };
  simulator.control.message({ text: 'hello' });
  const run = await runHere(['run', '--exec', 'echo "token:$WXAGENT_TOKEN"', '--once', '--json'], {
    home,
    env,
  });
  expect(run.code).toBe(0);
  expect(jsonLines(run.stdout)[0]).toEqual({ v: 1, type: 'ready', account: id, name: null });
  expect(simulator.control.phone().shown.map(({ text }) => text)).toEqual(['hello', 'token:']);
  const sent = await runHere(['send', 'again'], { home, env });
  expect(sent).toMatchObject({ code: 0, stdout: '', stderr: '' });
  expect(simulator.control.phone({ user }).shown.at(-1)?.text).toBe('again');
  expect(existsSync(configPath(home))).toBe(false);
  const secret = token.slice(token.lastIndexOf(':') + 1);
  for (const file of ['wxagent.db', 'wxagent.db-wal', 'processes/1.lock.db']) {
    const path = join(home, 'wx', 'state', file);
    if (existsSync(path)) expect(readFileSync(path).includes(secret), file).toBe(false);
  }
  const named = await runHere(['send', 'x', '--account', 'other'], { home, env });
  expect(named).toMatchObject({ code: 66, stdout: '' });
});
