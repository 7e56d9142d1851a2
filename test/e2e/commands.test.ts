import { existsSync, readFileSync, statSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { COMMANDS } from '../../src/cli/commands.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, configPath, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines, makeFolder, startWxagent, wxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];
const { version } = JSON.parse(readFileSync(new URL('../../package.json', import.meta.url), 'utf8')) as {
  version: string;
};

test('bare wxagent: four lines with the next step of this machine', async () => {
  const home = makeFolder();
  const fresh = await runHere([], { home });
  expect(fresh).toMatchObject({ code: 0, stderr: '' });
  const lines = fresh.stdout.trimEnd().split('\n');
  expect(lines).toHaveLength(4);
  expect(lines[1]).toMatch(/wxagent login.*wxagent demo/);
  expect(lines[3]).toContain('中文文档');
  expect(existsSync(join(home, 'wx'))).toBe(false);
  loggedIn(await simulate(), { home });
  expect((await runHere([], { home })).stdout.split('\n')[1]).toContain('wxagent run');
  const chinese = await runHere(['--lang', 'zh'], { home });
  expect(chinese.stdout).toContain('下一步：wxagent run');
  expect((await runHere([], { home, env: { LANG: 'zh_CN.UTF-8' } })).stdout).toBe(chinese.stdout);
});

test('--help and --version in both places, on stdout', async () => {
  const home = makeFolder();
  for (const args of [['--version'], ['run', '--version'], ['--json', 'send', '--version']]) {
    expect(await runHere(args, { home }), args.join(' ')).toMatchObject({
      code: 0,
      stdout: `${version}\n`,
      stderr: '',
    });
  }
  const help = await wxagent(['--help'], { home });
  expect(help).toMatchObject({ code: 0, stderr: '' });
  for (const { name: command } of COMMANDS) {
    expect(help.stdout).toMatch(new RegExp(`^  ${command} `, 'm'));
    const own = await runHere([command, '--help'], { home });
    expect(own, command).toMatchObject({ code: 0, stderr: '' });
    expect(own.stdout).toContain(`Usage: wxagent ${command} `);
    expect(own.stdout).toContain('--account <id|name>');
  }
  expect(help.stdout).toMatch(/Exit codes:\n {2}0 +done\n {2}64 +usage +flags or arguments are wrong/);
});

test('global flags before and after the command: the later wins, repeatable ones add up', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator, { user: 'o9one@im.wechat', name: 'one' });
  loggedIn(simulator, { home, user: 'o9two@im.wechat', name: 'two' });
  for (const user of ['o9one@im.wechat', 'o9two@im.wechat']) simulator.control.message({ user, text: 'hi' });
  const both = await runHere(
    ['--account', 'one', '--json', 'run', '--echo', '--once', '--account', 'two', ...QUICK],
    { home },
  );
  expect(both.code, both.stderr).toBe(0);
  expect(answers(simulator)).toHaveLength(2);
  expect(new Set(jsonLines(both.stdout).map(({ account }) => account)).size).toBe(2);

  const elsewhere = makeFolder();
  const status = (...args: string[]) => runHere(args, { home: elsewhere, env: { WXAGENT_HOME: undefined } });
  const wx = join(home, 'wx');
  expect((await status('--home', wx, 'status', '--json')).code).toBe(0);
  expect((await status('status', '--home', wx, '--json')).code).toBe(0);
  expect((await status('--home', '/nowhere', 'status', '--home', wx)).code).toBe(0);
  expect((await status('--home', wx, 'status', '--home', elsewhere)).code).toBe(77);
});

test('listen: a line for every message, escaped; done when it is written', async () => {
  const simulator = await simulate();
  const { home, user, id } = loggedIn(simulator);
  simulator.control.message({ text: 'one\ttwo\\three\nfour' });
  simulator.control.message({ voice: { sizeBytes: 100, transcript: 'spoken' } });
  const plain = await runHere(['listen', '--once'], { home });
  expect(plain.code, plain.stderr).toBe(0);
  const [first, second, ...rest] = plain.stdout.split('\n');
  expect(first?.split('\t').slice(1)).toEqual([user, 'text', 'one\\ttwo\\\\three\\nfour']);
  expect(new Date(first?.split('\t')[0] ?? '').toISOString()).toBe(first?.split('\t')[0]);
  expect(second?.split('\t').slice(1)).toEqual([user, 'voice', 'spoken']);
  expect(rest).toEqual(['']);

  const written = ['a', 'b', 'c'].map((text) => simulator.control.message({ text }).messageId);
  const two = await runHere(['listen', '--json', '--max-messages', '2'], { home });
  expect(two.code).toBe(0);
  expect(jsonLines(two.stdout)).toEqual(
    ['a', 'b'].map((text, index) => ({
      v: 1,
      type: 'message',
      id: written[index],
      account: id,
      user,
      sessionId: expect.any(String),
      turn: index + 3,
      time: expect.any(String),
      kind: 'text',
      text,
      attachments: [],
      quote: null,
      attempt: 1,
    })),
  );
  const idle = await runHere(['listen', '--exit-idle', '2s'], { home });
  expect(idle.stdout).toMatch(/\tc\n$/);
  expect(answers(simulator)).toEqual([]);
});

test('a reader that goes away ends it quietly with 0, and what it has not read is not done', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const listen = startWxagent(['listen'], { home });
  await listen.says('stderr', 'ready');
  simulator.control.message({ text: 'read' });
  await listen.says('stdout', '\tread\n');
  listen.child.stdout?.destroy();
  simulator.control.message({ text: 'unread' });
  const end = await listen.exited;
  expect(end, end.stderr).toMatchObject({ code: 0 });
  expect(end.stderr).not.toMatch(/EPIPE|unexpected/);
  const left = jsonLines((await runHere(['messages', '--json'], { home })).stdout)[0] as {
    messages: { text: string; state: string }[];
  };
  expect(left.messages.map(({ text, state }) => [text, state === 'done'])).toEqual([
    ['read', true],
    ['unread', false],
  ]);
});

test('messages and retry: failed ones run again, also beside a live runner', async () => {
  const simulator = await simulate();
  const { home, user } = loggedIn(simulator);
  const agent = ['--exec', 'text=$(cat); [ -e fixed ] || exit 1; echo "$text"', '--on-error', 'silent'];
  const ids = ['one', 'two', 'three'].map((text) => simulator.control.message({ text }).messageId);
  await runHere(['run', '--once', ...QUICK, ...agent], { home });
  const listed = jsonLines((await runHere(['messages', '--json'], { home })).stdout);
  expect(listed).toEqual([
    {
      v: 1,
      type: 'messages',
      messages: ['one', 'two', 'three'].map((text, index) => ({
        id: ids[index],
        user,
        state: 'failed',
        reason: 'exit',
        detail: 'exit code 1',
        kind: 'text',
        text,
        time: expect.stringMatching(/Z$/),
        attempt: 1,
        unknownItems: [],
      })),
    },
  ]);
  const table = await runHere(['messages', '--user', user, '--since', '1h'], { home });
  expect(table).toMatchObject({ code: 0, stderr: '' });
  expect(table.stdout.trimEnd().split('\n')).toHaveLength(3);
  expect(table.stdout).toMatch(/failed \(exit\)\s+text\s+one\n/);
  const none = await runHere(['messages', '--user', 'o9nobody@im.wechat'], { home });
  expect(none).toMatchObject({ code: 0, stdout: '' });

  writeFileSync(join(home, 'fixed'), '');
  const run = startHere(['run', ...QUICK, ...agent], { home });
  await run.says('stderr', 'ready');
  expect(await runHere(['retry', ids[1] ?? ''], { home })).toMatchObject({ code: 0, stdout: '' });
  expect(await answered(simulator, 1)).toEqual(['two']);
  const rest = await runHere(['retry', '--failed', '--json'], { home });
  expect(jsonLines(rest.stdout)).toMatchObject([{ v: 1, type: 'retry', count: 2 }]);
  expect(await answered(simulator, 3)).toEqual(['two', 'one', 'three']);
  await run.stop();
  const after = jsonLines((await runHere(['messages', '--json'], { home })).stdout)[0] as {
    messages: object[];
  };
  expect(after.messages).toMatchObject([1, 2, 3].map(() => ({ state: 'done', reason: null, attempt: 2 })));
});

test('status: its JSON, from before the first message to a hold', async () => {
  const simulator = await simulate();
  const { home, user, id } = loggedIn(simulator, { name: 'mine' });
  const report = async () =>
    jsonLines((await runHere(['status', '--json'], { home })).stdout)[0] as {
      accounts: Record<string, unknown>[];
    };
  expect(await report()).toEqual({
    v: 1,
    type: 'status',
    accounts: [
      {
        id,
        name: 'mine',
        owner: user,
        login: 'ok',
        runner: null,
        lastPollAt: null,
        inbox: { received: 0, running: 0, failed: 0, ignored: 0, unknown: 0 },
        outbox: { queued: 0, sending: 0, held: 0, delayed: 0, scheduled: 0 },
        deaf: null,
        keepWindow: null,
        users: [],
      },
    ],
  });
  expect(existsSync(join(home, 'wx', 'state'))).toBe(false);

  simulator.control.message({ text: 'hi' });
  const run = startWxagent(['run', '--echo', ...QUICK], { home });
  await answered(simulator, 1);
  await pollUntil('the answer is settled', () => run.stderr.includes('confirmed'));
  const busy = (await report()).accounts[0];
  expect(busy).toMatchObject({
    runner: { pid: run.pid, host: expect.any(String) },
    lastPollAt: expect.stringMatching(/Z$/),
  });
  expect(busy?.users).toEqual([
    {
      id: user,
      lastMessageAt: expect.stringMatching(/Z$/),
      tokenAgeMs: expect.any(Number),
      sentSinceMessage: 1,
      budgetLeft: 9,
      windowEndsAt: expect.stringMatching(/Z$/),
      hold: null,
      asksAt: null,
    },
  ]);
  await run.stop();
  await runHere(['send', '--to', 'o9else@im.wechat', 'x'], { home });
  const held = (await report()).accounts[0];
  expect(held).toMatchObject({ runner: null, outbox: { queued: 0, sending: 0, held: 1 } });
  expect(held?.users).toContainEqual(
    expect.objectContaining({
      id: 'o9else@im.wechat',
      hold: { reason: 'first-contact', parts: 1, since: expect.stringMatching(/Z$/) },
    }),
  );
  const text = await runHere(['status'], { home });
  expect(text).toMatchObject({ code: 0, stderr: '' });
  expect(text.stdout).toContain(`mine (${id}): login ok, not running`);
});

test('config: values with their origin; flags > environment > --config > stored > default', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const config = async (...args: string[]) => {
    const { code, stdout, stderr } = await runHere(['config', ...args], { home });
    return [code, stdout, stderr];
  };
  expect(await config('get', 'pace')).toEqual([0, '1500ms\n', '']);
  expect(await config('set', 'pace', '2s')).toEqual([0, '', '']);
  expect(await config('set', 'baseUrl', 'http://127.0.0.1:9')).toEqual([0, '', '']);
  expect(await config('get', 'pace')).toEqual([0, '2s\n', '']);
  expect(statSync(configPath(home)).mode & 0o777).toBe(0o600);
  const file = join(home, 'settings.json');
  writeFileSync(file, '{"pace":"3s","maxChars":100}');

  const origins = async (args: string[], env: Record<string, string>): Promise<Record<string, unknown[]>> => {
    const { stdout } = await runHere(['config', 'list', '--json', ...args], { home, env });
    const [line] = jsonLines(stdout) as { settings: { name: string; value: unknown; origin: string }[] }[];
    return Object.fromEntries(
      (line?.settings ?? []).map(({ name, value, origin }) => [name, [value, origin]]),
    );
  };
  expect(await origins([], {})).toMatchObject({
    pace: ['2s', 'stored'],
    baseUrl: ['http://127.0.0.1:9', 'stored'],
    maxChars: ['4000', 'default'],
  });
  expect(await origins(['--config', file], { WXAGENT_BASE_URL: simulator.baseUrl })).toMatchObject({
    pace: ['3s', 'config file'],
    baseUrl: [simulator.baseUrl, 'environment'],
    maxChars: ['100', 'config file'],
  });
  expect(
    await origins(['--base-url', 'http://127.0.0.1:8'], { WXAGENT_BASE_URL: simulator.baseUrl }),
  ).toMatchObject({
    baseUrl: ['http://127.0.0.1:8', 'flag'],
  });
  // They are not only shown: the stored base URL leads nowhere, the one of the environment to the simulator.
  simulator.control.message({ text: 'hi' });
  const env = { WXAGENT_BASE_URL: simulator.baseUrl };
  expect((await runHere(['run', '--echo', '--once', '--no-typing'], { home, env })).code).toBe(0);
  expect(answers(simulator)).toEqual(['hi']);
  expect(await config('unset', 'pace')).toEqual([0, '', '']);
  expect(await config('get', 'pace')).toEqual([0, '1500ms\n', '']);
  expect(JSON.parse(readFileSync(configPath(home), 'utf8'))).toMatchObject({
    settings: { baseUrl: 'http://127.0.0.1:9' },
  });
});

test('simulate: one line on stdout, a server until it is told to stop', async () => {
  const home = makeFolder();
  const simulator = startWxagent(['simulate', '--seed', '3', '--scan', 'manual'], { home });
  await simulator.says('stdout', '\n');
  const [line] = jsonLines(simulator.stdout) as Record<string, string>[];
  expect(line).toEqual({
    v: 1,
    type: 'simulate',
    baseUrl: expect.stringMatching(/^http:\/\/127\.0\.0\.1:\d+$/),
    cdnUrl: `${line?.baseUrl}/c2c`,
    controlUrl: `${line?.baseUrl}/_sim`,
    pid: simulator.pid,
  });
  const bot = (await (await fetch(`${line?.controlUrl}/bots`, { method: 'POST', body: '{}' })).json()) as {
    token: string;
  };
  const run = startWxagent(['run', '--json', '--echo', '--once'], {
    home,
    env: { WXAGENT_TOKEN: bot.token, WXAGENT_BASE_URL: line?.baseUrl },
  });
  await fetch(`${line?.controlUrl}/settings`, { method: 'POST', body: '{"holdMs":100}' });
  await fetch(`${line?.controlUrl}/message`, { method: 'POST', body: '{"text":"by hand"}' });
  expect((await run.exited).code).toBe(0);
  const phone = (await (await fetch(`${line?.controlUrl}/phone`)).json()) as { shown: { text: string }[] };
  expect(phone.shown.map(({ text }) => text)).toEqual(['by hand', 'by hand']);
  expect(await simulator.stop()).toMatchObject({ code: 0, stderr: '' });
});

test('demo: login, answers, a long one and a hung agent, the phone on stdout, exit 0', async () => {
  const demo = await wxagent(['demo'], { home: makeFolder() });
  expect(demo.code, demo.stderr).toBe(0);
  expect(demo.stdout).toContain('YOU SAID: HELLO');
  expect(demo.stdout).toContain('你好，微信');
  expect(demo.stdout).toMatch(/Line 001 .*\(\d,\d{3}|\(3\d{3} characters\)/);
  expect(demo.stdout).toContain('could not be answered');
  expect(demo.stderr).toMatch(/[▀▄█]{8}/);
});

test('demo --interactive: what is piped in is answered before it ends', async () => {
  const demo = await wxagent(['demo', '--interactive'], { home: makeFolder(), input: 'hello\n\nlast' });
  expect(demo.code, demo.stderr).toBe(0);
  expect(demo.stdout).toContain('YOU SAID: HELLO');
  expect(demo.stdout).toContain('YOU SAID: LAST');
  expect(demo.stderr).toMatch(/open http:\/\/127\.0\.0\.1:\d+ in a browser/);
});

test('a demo that is killed leaves no runner behind', async () => {
  const demo = startWxagent(['demo', '--interactive'], { home: makeFolder(), input: 'open' });
  await demo.says('stderr', 'ready:');
  demo.child.kill('SIGKILL');
  await demo.says('stderr', 'stopped');
});
