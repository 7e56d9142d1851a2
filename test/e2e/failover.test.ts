import { randomBytes } from 'node:crypto';
import { existsSync } from 'node:fs';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import { runHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { administer, SERVER, urlOf, withParts } from '../helpers/postgres.ts';
import { type ServerProcess, startServer } from '../helpers/postgres-setup.ts';
import { answered, answers, simulate } from '../helpers/simulated.ts';
import { makeFolder, startWxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];

// There is no `cp` on Windows, with which the standby is made.
describe.skipIf(SERVER === null || process.platform === 'win32')('a standby that is promoted', () => {
  let server: ServerProcess;
  let standby: number;
  let primary: string;
  let both: string;
  const at = (port: number): string => withParts(urlOf(server.address), { host: '127.0.0.1', port });

  beforeAll(async () => {
    server = (await startServer()) as ServerProcess;
    standby = await server.startStandby();
    primary = at(server.address.port);
    both = primary.replace(/(127\.0\.0\.1:\d+)/, `$1,127.0.0.1:${standby}`);
  });
  afterAll(() => server.stop());

  const hasAll = async (): Promise<boolean> => {
    const [row] = await administer(
      primary,
      'SELECT count(*)::int AS n FROM pg_stat_replication WHERE replay_lsn = pg_current_wal_lsn()',
    );
    return row?.n === 1;
  };

  test('is gone on with by workers; what it lacks is received again, where the server has it', async () => {
    const simulator = await simulate({ mode: 'replay' });
    const home = makeFolder();
    const env = { WXAGENT_STORE: both, WXAGENT_STORE_KEY: randomBytes(32).toString('base64') };
    const wx = (...args: string[]) => runHere(args, { home, env });
    expect((await wx('login', '--qr', 'none', '--base-url', simulator.baseUrl)).code).toBe(0);
    // The message that the standby will lack is being answered when the server dies.
    const agent =
      'read -r text; [ "$text" != slow ] || [ -e "$0" ] || { touch "$0"; sleep 600; }; echo "re $text"';
    const marker = `${home}/slow`;
    const work = ['run', '--all-accounts', ...QUICK, '--', 'sh', '-c', agent, marker];
    const workers = [0, 1].map(() => startWxagent(work, { home: makeFolder(), env }));
    await pollUntil('one serves', () => workers.some(({ stderr }) => stderr.includes('ready')));
    simulator.control.message({ text: 'one' });
    expect(await answered(simulator, 1)).toEqual(['re one']);

    await expect.poll(hasAll).toBe(true);
    const { stdout } = await wx('doctor', '--json');
    expect(stdout).toMatch(/"1 standbys, [\d.]+ ms behind, 0 synchronous"/);
    // An ordinary role sees neither the lag nor the connections of others. It is told what is missing.
    await administer(
      primary,
      "CREATE ROLE plain LOGIN PASSWORD 'plain'",
      'GRANT ALL ON SCHEMA wxagent TO plain',
      'GRANT ALL ON ALL TABLES IN SCHEMA wxagent TO plain',
    );
    const plain = withParts(primary, { user: 'plain', password: 'plain' });
    const seen = async (): Promise<string> =>
      (await runHere(['doctor', '--json'], { home, env: { ...env, WXAGENT_STORE: plain } })).stdout;
    const limited = await seen();
    expect(limited).toContain(
      '"1 standbys; how far they are behind shows after GRANT pg_read_all_stats TO \\"plain\\""',
    );
    // The two workers have six at the least.
    expect(Number(/"(\d+) of \d+ connections in use"/.exec(limited)?.[1])).toBeGreaterThan(6);
    await administer(primary, 'GRANT pg_read_all_stats TO plain');
    expect(await seen()).toMatch(/"1 standbys, [\d.]+ ms behind, 0 synchronous"/);
    const alone = await runHere(['doctor'], { home, env: { ...env, WXAGENT_STORE: at(standby) } });
    expect([alone.code, alone.stderr]).toEqual([69, expect.stringContaining('name the primary in the URL')]);
    expect(alone.stdout).toContain('can only be read: it is a standby');
    await administer(at(standby), "ALTER SYSTEM SET primary_conninfo TO ''", 'SELECT pg_reload_conf()');
    await expect.poll(hasAll).toBe(false);
    simulator.control.message({ text: 'slow' });
    const count = 'SELECT count(*)::int AS n FROM wxagent.inbox';
    await expect.poll(async () => (await administer(primary, count))[0]?.n).toBe(2);
    await pollUntil('the agent runs', () => existsSync(marker));
    await server.crash();
    expect((await administer(at(standby), count))[0]?.n).toBe(1);
    await pollUntil('it is said', () => workers.some(({ stderr }) => stderr.includes('receiving is paused')));
    await administer(at(standby), 'SELECT pg_promote()');
    expect(await answered(simulator, 2)).toEqual(['re one', 're slow']);
    simulator.control.message({ text: 'three' });
    expect(await answered(simulator, 3)).toEqual(['re one', 're slow', 're three']);
    for (const worker of workers) expect((await worker.stop()).code).toBe(0);
    expect(answers(simulator)).toHaveLength(3);
  });
});
