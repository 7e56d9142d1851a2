import { join } from 'node:path';
import { expect, test } from 'vitest';
import { acquirePollerLock } from '../../../src/cli/account/poller-lock.ts';
import { openHomeStore } from '../../../src/cli/account/store.ts';
import { systemClock } from '../../../src/core/time/clock.ts';
import { createSteadyClock } from '../../../src/core/time/steady-clock.ts';
import { createPaths } from '../../../src/home/paths.ts';
import { runHere } from '../../helpers/in-this-process.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { answered, loggedIn, simulate } from '../../helpers/simulated.ts';
import { createLogBook } from '../runner/support.ts';

test('of several accounts each line names its own, and a busy one waits without ending the others', async () => {
  const simulator = await simulate();
  const wife = loggedIn(simulator, { name: 'wife', user: 'her@im.wechat' });
  const mine = loggedIn(simulator, { home: wife.home, user: 'me@im.wechat' });
  const paths = createPaths(join(wife.home, 'wx'));
  const other = { paths, clock: createSteadyClock(systemClock), log: createLogBook() };
  const store = openHomeStore(other);
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
