import { existsSync, readdirSync, readlinkSync, writeFileSync } from 'node:fs';
import { resolve } from 'node:path';
import { expect, test } from 'vitest';
import { pollUntil } from '../helpers/poll-until.ts';
import { answers, configPath, loggedIn, readAccounts, simulate } from '../helpers/simulated.ts';
import { startWxagent } from '../helpers/wxagent.ts';

const ACCOUNTS = 200;

test.skipIf(!existsSync('/proc/self/fd'))(
  'two hundred accounts in one process: a connection and a timer each, one lock for all, every message answered by its own bot',
  async () => {
    const simulator = await simulate({ holdMs: 35_000 });
    const { home } = loggedIn(simulator);
    const [first] = readAccounts(home);
    const bots = Array.from({ length: ACCOUNTS }, (_, n) => simulator.control.createBot(`o${n}@im.wechat`));
    const accounts = bots.map(({ id, user, token }) => ({ ...first, key: id, id, owner: user, token }));
    writeFileSync(configPath(home), JSON.stringify({ accounts }), { mode: 0o600 });
    const env = { NODE_OPTIONS: `--require ${resolve('test/fixtures/count-timers.cjs')}` };
    const run = startWxagent(['run', '--echo', '--all-accounts', '--pace', '0'], { home, env });
    const served = new Set(bots.map(({ id }) => id));
    const polling = () => simulator.control.bots().filter(({ id, polls }) => served.has(id) && polls > 0);
    await pollUntil('all of them poll', () => polling().length === ACCOUNTS);
    await pollUntil('all are ready', () => run.stderr.split(' ready: ').length > ACCOUNTS);

    const open = readdirSync(`/proc/${run.pid}/fd`).map((name) => {
      try {
        return readlinkSync(`/proc/${run.pid}/fd/${name}`);
      } catch {
        return 'closed meanwhile';
      }
    });
    const locks = open
      .filter((path) => path.includes('.lock.db'))
      .map((path) => path.replace(/.*\/wx\//, ''));
    expect(locks.sort()).toEqual(['', '-shm', '-wal'].map((suffix) => `state/processes/1.lock.db${suffix}`));
    // Beside the polls some connections of the start may still be kept.
    expect(open.filter((path) => !path.startsWith('socket:')).length).toBeLessThan(60);
    // A poll has a timer of its own, and a kept connection; whatever else there is, there is for all of them.
    await pollUntil('the connections of the start are closed', () => {
      const sockets = readdirSync(`/proc/${run.pid}/fd`).length;
      return sockets < ACCOUNTS + 60;
    });
    run.signal('SIGUSR2');
    await run.says('stderr', /\d+ timers/);
    expect(Number(/(\d+) timers/.exec(run.stderr)?.[1])).toBeLessThan(ACCOUNTS + 30);

    for (const { id, user } of bots) simulator.control.message({ bot: id, user, text: `to ${id}` });
    await pollUntil('all are answered', () => bots.every(({ user }) => answers(simulator, user).length > 0));
    for (const { id, user } of bots) expect(answers(simulator, user)).toEqual([`to ${id}`]);
    expect(await run.stop()).toMatchObject({ code: 0 });
    expect(run.stderr).not.toMatch(/Warning|EMFILE/);
  },
);
