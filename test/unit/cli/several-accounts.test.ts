import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { acquirePollerLock } from '../../../src/cli/account/poller-lock.ts';
import { openHomeStore } from '../../../src/cli/account/store.ts';
import { systemClock } from '../../../src/core/time/clock.ts';
import { createSteadyClock } from '../../../src/core/time/steady-clock.ts';
import { createPaths } from '../../../src/home/paths.ts';
import { runHere, startHere } from '../../helpers/in-this-process.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { answered, configPath, loggedIn, simulate } from '../../helpers/simulated.ts';
import { createLogBook } from '../runner/support.ts';

test('of several accounts each line names its own, and a busy one waits without ending the others', async () => {
  const simulator = await simulate();
  const wife = loggedIn(simulator, { name: 'wife', user: 'her@im.wechat' });
  const mine = loggedIn(simulator, { home: wife.home, user: 'me@im.wechat' });
  const paths = createPaths(join(wife.home, 'wx'));
  const other = { paths, clock: createSteadyClock(systemClock), log: createLogBook() };
  const store = await openHomeStore(other);
  const taken = await acquirePollerLock(other, { key: wife.id }, store, { purpose: 'serve', onLost() {} });
  if (!('lock' in taken)) throw new Error('nobody else has it');
  const stop = new AbortController();
  let said = '';
  const io = {
    errSoon(text: string) {
      said += text;
    },
  };
  const ran = runHere(['run', '--all-accounts', '--echo', '--log-text'], {
    home: wife.home,
    stop: stop.signal,
    io,
  });
  simulator.control.message({ bot: mine.id, user: mine.user, text: 'hello' });
  await answered(simulator, 1, mine.user);
  expect(said).toMatch(/ \[wife\] process \d+ on .* receives the messages of .* already; trying again/);
  await taken.lock.release();
  await store.close();
  simulator.control.message({ bot: wife.id, user: wife.user, text: 'hi' });
  await answered(simulator, 1, wife.user);
  await pollUntil('its line', () => said.includes('[wife her@im.wechat] -> 1 part confirmed'));
  stop.abort('SIGTERM');
  expect((await ran).code).toBe(0);
  expect(said).toContain(` [wife her@im.wechat] <- "hi"\n`);
  expect(said).toContain(` [${mine.id} me@im.wechat] <- "hello"\n`);
  expect(
    said.split('\n').filter((line) => line !== '' && !/^[\d:]{8} \[(wife|.*@im\.bot)/.test(line)),
  ).toEqual([]);
});

test('login asks the server of the account that is named, and names it where it is not the default', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator, { user: 'me@im.wechat' });
  const wife = loggedIn(simulator, { home, name: 'wife', user: 'her@im.wechat' });
  const ran = await runHere(['login', '--account', 'wife', '--force', '--qr', 'none'], { home });
  expect(ran.code, ran.stderr).toBe(0);
  expect(simulator.control.requests().some(({ endpoint }) => endpoint === 'get_bot_qrcode')).toBe(true);
  const added = await runHere(['login', '--account', wife.id, '--force', '--name', 'third', '--qr', 'none'], {
    home,
  });
  expect(added.stderr).toContain("--account third --exec './agent.sh'\n");
});

test('of several accounts, who has to log in again is named by send, status and the end of a run', async () => {
  const simulator = await simulate();
  const { home, user } = loggedIn(simulator, { name: 'wife', user: 'her@im.wechat' });
  const mine = loggedIn(simulator, { home, user: 'me@im.wechat' });
  simulator.control.kill({ user });
  simulator.control.kill({ user: mine.user });
  const hints = ['hint: wxagent login --account wife\n', `hint: wxagent login --account ${mine.id}\n`];
  const run = await runHere(['run', '--all-accounts', '--echo'], { home });
  expect(run.code).toBe(77);
  for (const hint of hints) expect(run.stderr).toContain(hint);
  expect(run.stderr).not.toContain('hint: wxagent login\n');
  const sent = await runHere(['send', '--account', 'wife', 'x'], { home });
  expect(sent).toMatchObject({ code: 77, stderr: expect.stringContaining(hints[0] as string) });
  const { stdout } = await runHere(['status'], { home });
  for (const hint of hints) expect(stdout).toContain(hint);
});

test('who logs out is served no longer, a running turn is answered, and who logs in again is served again', async () => {
  const simulator = await simulate();
  const { home, user, id } = loggedIn(simulator, { name: 'wife', user: 'her@im.wechat' });
  loggedIn(simulator, { home, name: 'me', user: 'me@im.wechat' });
  const exec = 'cat; while [ -e busy ]; do sleep 0.05; done';
  const run = startHere(['run', '--all-accounts', '--exec', exec], { home });
  writeFileSync(join(home, 'busy'), '');
  simulator.control.message({ user, text: 'at work' });
  await run.says('stderr', '<- ');
  const config = readFileSync(configPath(home), 'utf8');
  expect((await runHere(['logout', '--account', 'wife'], { home })).code).toBe(0);
  await run.says('stderr', 'wife has logged out and is served no longer');
  rmSync(join(home, 'busy'));
  expect(await answered(simulator, 1, user)).toEqual(['at work']);
  await run.says('stderr', '[wife] stopped; all received messages are stored');
  const bot = () => simulator.control.bots().find((one) => one.id === id);
  await pollUntil('it polls no more', () => bot()?.polls === 0);
  simulator.control.message({ user, text: 'anybody?' });
  simulator.control.message({ user: 'me@im.wechat', text: 'still there?' });
  await answered(simulator, 1, 'me@im.wechat');
  expect(bot()?.waiting).toBe(1);

  writeFileSync(configPath(home), config);
  await run.says('stderr', `${id} has logged in`);
  expect(await answered(simulator, 2, user)).toEqual(['at work', 'anybody?']);
  for (const name of ['me', 'wife']) await runHere(['logout', '--account', name], { home });
  const end = await run.exited;
  expect(end.code).toBe(77);
  expect(end.stderr).toContain('no account is logged in under');
});

test.each([
  ['half written', (path: string, whole: string) => writeFileSync(path, whole.slice(0, whole.length / 2))],
  ['emptied', (path: string) => writeFileSync(path, '')],
  ['deleted', (path: string) => rmSync(path)],
  ['of another form', (path: string) => writeFileSync(path, '{"accounts":{}}')],
])('a file of accounts that is %s for a moment ends nobody', async (_, harm) => {
  const simulator = await simulate();
  const { home, user } = loggedIn(simulator, { user: 'her@im.wechat' });
  const run = startHere(['run', '--all-accounts', '--echo'], { home });
  await run.says('stderr', 'ready');
  const whole = readFileSync(configPath(home), 'utf8');
  harm(configPath(home), whole);
  await run.says('stderr', 'going on with what was read before');
  simulator.control.message({ user, text: 'still there?' });
  await answered(simulator, 1, user);
  writeFileSync(configPath(home), whole);
  await run.says('stderr', 'can be read again');
  expect(run.stderr).not.toMatch(/logged (in|out)/);
  expect(await run.stop()).toMatchObject({ code: 0 });
});

test('an account that the file names twice is served once', async () => {
  const simulator = await simulate();
  const { home, user, id } = loggedIn(simulator, { user: 'her@im.wechat' });
  const file = JSON.parse(readFileSync(configPath(home), 'utf8'));
  const [account] = file.accounts;
  file.accounts.push({ ...account, token: 'another' }, { ...account, key: 'other@im.bot' });
  writeFileSync(configPath(home), JSON.stringify(file));
  const run = startHere(['run', '--all-accounts', '--echo'], { home });
  await run.says('stderr', 'names an account twice: the first one counts');
  simulator.control.message({ user, text: 'hello' });
  expect(await answered(simulator, 1, user)).toEqual(['hello']);
  expect(await run.stop()).toMatchObject({ code: 0 });
  expect(run.stderr).not.toContain('already');
  const polls = simulator.control.requests({ endpoint: 'notifystart' });
  expect([polls.length, simulator.control.bots().filter((bot) => bot.id === id).length]).toEqual([1, 1]);
});
