import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { expect, test } from 'vitest';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import {
  answered,
  answers,
  askedForStatus,
  configPath,
  confirmLate,
  loggedIn,
  readAccounts,
  simulate,
} from '../helpers/simulated.ts';
import { askAt, startWeb } from '../helpers/web.ts';
import { jsonLines, makeFolder, startOnTerminal, startWxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];

/** Begins a login as a page does. */
async function logInAt(url: string, home: string) {
  const added = await runHere(['token', 'add', 'x', '--scope', 'admin', '--json'], { home });
  return askAt(`${url}/api/v1/logins`, {
    method: 'POST',
    token: String(jsonLines(added.stdout)[0]?.token),
    body: '{}',
    headers: { 'content-type': 'application/json' },
  });
}

test('--web: its page stays when the login has expired, and mends it', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startHere(
    ['run', '--echo', '--web', '127.0.0.1:0', '--base-url', simulator.baseUrl, ...QUICK],
    { home },
  );
  await run.says('stderr', 'ready');
  await run.says('stderr', 'the API are at ');
  const url = /the API are at (\S+)/.exec(run.stderr)?.[1] as string;
  simulator.control.kill();
  await run.says('stderr', 'is waiting for a new login');
  expect((await logInAt(url, home)).status).toBe(201);
  await pollUntil('it polls as the new bot', () => simulator.control.bots().at(-1)?.polls === 1);
  simulator.control.message({ text: 'two' });
  expect(await answered(simulator, 1)).toEqual(['two']);
  expect((await run.stop()).code).toBe(0);
});

test('--web: the first login can be made on its page', async () => {
  const simulator = await simulate();
  const home = makeFolder();
  const run = startHere(
    ['run', '--echo', '--web', '127.0.0.1:0', '--base-url', simulator.baseUrl, ...QUICK],
    { home },
  );
  await run.says('stderr', 'waiting for a login');
  await run.says('stderr', 'the API are at ');
  const url = /the API are at (\S+)/.exec(run.stderr)?.[1] as string;
  expect((await logInAt(url, home)).status).toBe(201);
  await run.says('stderr', 'ready');
  simulator.control.message({ text: 'one' });
  expect(await answered(simulator, 1)).toEqual(['one']);
  expect((await run.stop()).code).toBe(0);
});

test('--wait-login: a run that nobody has logged in for can be stopped', async () => {
  const run = startHere(['run', '--echo', '--wait-login'], { home: makeFolder() });
  await run.says('stderr', 'waiting for a login');
  expect((await run.stop()).code).toBe(0);
});

test('--wait-login: stays, keeps everything, and goes on when another process has logged the owner in', async () => {
  const simulator = await simulate();
  const { home, id } = loggedIn(simulator);
  simulator.control.message({ text: 'one' });
  const run = startHere(['run', '--json', '--wait-login', '--exec', 'cat', ...QUICK], { home });
  await answered(simulator, 1);
  simulator.control.kill();
  await run.says('stderr', 'is waiting for a new login');
  const sent = await runHere(['send', 'meanwhile'], { home });
  expect(sent).toMatchObject({ code: 77, stdout: '' });

  expect((await runHere(['login', '--force', '--base-url', simulator.baseUrl], { home })).code).toBe(0);
  await pollUntil('it polls as the new bot', () => simulator.control.bots().at(-1)?.polls === 1);
  const [listed] = jsonLines((await runHere(['outbox', '--json'], { home })).stdout);
  expect(listed?.parts).toMatchObject([{ text: 'meanwhile', verdict: 'held', reason: 'context' }]);
  simulator.control.message({ text: 'two' });
  const shown = await answered(simulator, 3);
  expect(shown[1]).toMatch(/\nmeanwhile$/);
  expect(shown[2]).toBe('two');

  const end = await run.stop();
  expect(end.code, end.stderr).toBe(0);
  const bots = simulator.control.bots().map((bot) => bot.id);
  expect(bots).toHaveLength(2);
  expect(
    jsonLines(end.stdout)
      .filter(({ type }) => type === 'ready' || type === 'expired' || type === 'stopped')
      .map(({ type, account }) => [type, account]),
  ).toEqual([
    ['ready', id],
    ['expired', id],
    ['stopped', id],
    ['ready', bots[1]],
    ['stopped', bots[1]],
  ]);
  // One account still, under its former name as well.
  const [accounts] = jsonLines((await runHere(['accounts', '--json'], { home })).stdout);
  expect(accounts?.accounts).toMatchObject([{ id: bots[1] }]);
  expect((await runHere(['run', '--echo', '--once', '--account', id], { home })).code).toBe(0);
});

/** A run whose login has died, and which waits for another one. */
async function waitingForLogin() {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startHere(['run', '--echo', '--wait-login'], { home });
  await run.says('stderr', 'ready');
  simulator.control.kill();
  await run.says('stderr', 'is waiting for a new login');
  return { simulator, home, run };
}

test('--wait-login ends when it is told to stop', async () => {
  const { run } = await waitingForLogin();
  expect((await run.stop()).code).toBe(0);
});

test('a config.json that is half-written for a moment: said, and looked at again', async () => {
  const { home, run } = await waitingForLogin();
  const whole = readFileSync(configPath(home), 'utf8');
  for (const half of [whole.slice(0, whole.length / 2), '', '{"accounts":[{}]}']) {
    writeFileSync(configPath(home), half);
    await run.says('stderr', 'going on with what was read before');
  }
  writeFileSync(configPath(home), whole);
  await run.says('stderr', 'can be read again');
  expect((await run.stop()).code).toBe(0);
});

test('told to stop in the moment in which another process logs in, it does not serve that login', async () => {
  const { simulator, home, run } = await waitingForLogin();
  expect((await runHere(['login', '--force', '--base-url', simulator.baseUrl], { home })).code).toBe(0);
  expect((await run.stop()).code).toBe(0);
});

test('on a terminal: Ctrl-C while the new login is on its way stores it, and does not serve it', async () => {
  const simulator = await simulate({ scan: 'manual' });
  const { home } = loggedIn(simulator);
  const run = startOnTerminal(['run', '--echo', ...QUICK], { home, stdout: join(home, 'stdout') });
  simulator.control.message({ text: 'one' });
  await answered(simulator, 1);
  simulator.control.changeSettings({ holdMs: 5_000 });
  simulator.control.kill();
  await askedForStatus(simulator, 1);
  confirmLate(simulator);
  await askedForStatus(simulator, 2);
  run.child.stdin?.write('\u0003');
  await run.exited;
  expect(readAccounts(home)[0]?.id).toBe(simulator.control.bots()[1]?.id);
});

test('on a terminal: a new QR code is shown, and the run goes on with the login it brings', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startOnTerminal(['run', '--echo', ...QUICK], { home, stdout: join(home, 'stdout') });
  simulator.control.message({ text: 'one' });
  await answered(simulator, 1);
  simulator.control.kill();
  await run.says('stdout', /[▀▄█]{10}/);
  await pollUntil('it polls as the new bot', () => simulator.control.bots().at(-1)?.polls === 1);
  expect(simulator.control.bots()).toMatchObject([{ live: false }, { live: true }]);
  simulator.control.message({ text: 'two' });
  expect(await answered(simulator, 2)).toEqual(['one', 'two']);
  run.child.stdin?.write('\u0003');
  await run.says('stdout', 'stopped; all received messages are stored');
  await run.exited;
});

test('--all-accounts: one login dies, the others go on, and it is served again when it is there again', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator, { user: 'o9one@im.wechat', name: 'one' });
  loggedIn(simulator, { home, user: 'o9two@im.wechat', name: 'two' });
  const run = startHere(['run', '--all-accounts', '--echo', ...QUICK], { home });
  await run.says('stderr', /ready: (one|two)[\s\S]*ready: (one|two)/);
  simulator.control.kill({ user: 'o9two@im.wechat' });
  await run.says('stderr', 'is waiting for a new login');
  simulator.control.message({ user: 'o9one@im.wechat', text: 'still there?' });
  expect(await answered(simulator, 1, 'o9one@im.wechat')).toEqual(['still there?']);
  const whole = readFileSync(configPath(home), 'utf8');
  writeFileSync(configPath(home), whole.slice(0, whole.length / 2));
  await run.says('stderr', 'going on with what was read before');
  simulator.control.message({ user: 'o9one@im.wechat', text: 'and now?' });
  await answered(simulator, 2, 'o9one@im.wechat');
  writeFileSync(configPath(home), whole);
  await run.says('stderr', 'can be read again');

  simulator.control.changeSettings({ owner: 'o9two@im.wechat' });
  expect((await runHere(['login', '--force', '--base-url', simulator.baseUrl], { home })).code).toBe(0);
  simulator.control.message({ user: 'o9two@im.wechat', text: 'back' });
  expect(await answered(simulator, 1, 'o9two@im.wechat')).toEqual(['back']);
  simulator.control.message({ user: 'o9one@im.wechat', text: 'both?' });
  await answered(simulator, 3, 'o9one@im.wechat');
  expect((await run.stop()).code).toBe(0);
  expect(answers(simulator)).toHaveLength(4);
});

test('a runner that stops late does not undo a login made meanwhile', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'one' });
  const run = startHere(['run', ...QUICK, '--exec', 'cat; [ ! -e slow ] || sleep 600'], { home });
  await answered(simulator, 1);
  // Logged in anew by hand, while the runner of the old bot is still at work.
  expect((await runHere(['login', '--force', '--base-url', simulator.baseUrl], { home })).code).toBe(0);
  await run.says('stderr', 'the login of this bot has expired');
  // It ends by itself, or goes on with the login it finds.
  const end = await run.stop();
  expect([0, 77], end.stderr).toContain(end.code);
  const [status] = jsonLines((await runHere(['status', '--json'], { home })).stdout);
  expect(status?.accounts).toMatchObject([{ login: 'ok', id: simulator.control.bots().at(-1)?.id }]);
  simulator.control.message({ text: 'two' });
  expect((await runHere(['run', '--echo', '--once', ...QUICK], { home })).code).toBe(0);
  expect(answers(simulator)).toEqual(['one', 'two']);
});

test('a run that waits for an account until another one has ended goes on with the login of by then', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator, { name: 'one' });
  loggedIn(simulator, { home, user: 'other@im.wechat', name: 'two' });
  const first = startWxagent(['run', '--account', 'one', '--wait-login', '--echo', ...QUICK], { home });
  await first.says('stderr', 'ready: one');
  const second = startWxagent(['run', '--all-accounts', '--echo', ...QUICK], { home });
  await second.says('stderr', 'trying again until it is free');
  const login = ['login', '--force', '--qr', 'none', '--base-url', simulator.baseUrl];
  expect((await runHere(login, { home })).code).toBe(0);
  simulator.control.message({ text: 'one' });
  await answered(simulator, 1);
  expect((await first.stop()).code).toBe(0);
  await second.says('stderr', 'ready: one');
  expect((await runHere(['send', '--account', 'one', 'two'], { home })).code).toBe(0);
  expect(await answered(simulator, 2)).toEqual(['one', 'two']);
  expect(second.stderr).not.toContain('expired');
  expect((await second.stop()).code).toBe(0);
});

test.each([
  ['send --stdin, whose text comes late,', ['send', '--stdin']],
  ['exec, whose command takes its time,', ['exec', '--', 'cat']],
])('%s sends with the login of by then, and undoes nothing of it', async (_, args) => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startHere(['run', '--wait-login', '--echo', ...QUICK], { home });
  await run.says('stderr', 'ready');
  const late = startWxagent(args, { home, input: 'open' });
  // It knows who is logged in.
  await delay(1_000);
  expect(
    (await runHere(['login', '--force', '--qr', 'none', '--base-url', simulator.baseUrl], { home })).code,
  ).toBe(0);
  simulator.control.message({ text: 'one' });
  await answered(simulator, 1);
  late.child.stdin?.end('two');
  expect((await late.exited).code).toBe(0);
  const texts = await answered(simulator, 2);
  expect(texts[1]).toContain('two');
  expect((await runHere(['send', 'three'], { home })).code).toBe(0);
  expect((await run.stop()).code).toBe(0);
});

test('a push that has waited goes with the login of by then, also where only the page runs', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const added = await runHere(['source', 'add', 'nas', '--digest', '5s', '--json'], { home });
  const web = await startWeb({ home });
  const path = `//push/${jsonLines(added.stdout)[0]?.token}`;
  expect((await web.ask(path, { method: 'POST', body: 'alert' })).status).toBe(200);
  const login = ['login', '--force', '--qr', 'none', '--base-url', simulator.baseUrl];
  expect((await runHere(login, { home })).code).toBe(0);
  simulator.control.message({ text: 'one' });
  expect(await answered(simulator, 1)).toEqual(['alert']);
});

test('a question that outlives its login and a run is answered by the login of by then', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startHere(['run', '--wait-login', '--echo', ...QUICK], { home });
  simulator.control.message({ text: 'one' });
  await answered(simulator, 1);
  const asking = startWxagent(['ask', 'deploy?', '--timeout', '5m'], { home });
  expect((await answered(simulator, 2))[1]).toContain('deploy?');
  const login = ['login', '--force', '--qr', 'none', '--base-url', simulator.baseUrl];
  expect((await runHere(login, { home })).code).toBe(0);
  await pollUntil('the run goes on with it', () => simulator.control.bots().at(-1)?.polls === 1);
  expect((await run.stop()).code).toBe(0);
  simulator.control.message({ text: 'yes' });
  expect(await asking.exited).toMatchObject({ code: 0, stdout: 'yes\n' });
});
