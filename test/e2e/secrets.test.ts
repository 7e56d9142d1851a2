import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, readAccounts, simulate } from '../helpers/simulated.ts';
import { jsonLines, makeFolder } from '../helpers/wxagent.ts';

test('a debug log of a whole session names no token, ticket, code or key', async () => {
  const simulator = await simulate({ strangers: true, requestLimit: 2_000, verifyCode: null });
  const home = makeFolder();
  const logs: string[] = [];
  const debug = ['--verbose', '--log-format', 'json'];
  const note = (end: { stdout: string; stderr: string }): void => void logs.push(end.stdout, end.stderr);

  simulator.control.addFault({ endpoint: 'get_qrcode_status', kind: 'status', status: 502, count: 1 });
  note(await runHere([...debug, 'login', '--json', '--base-url', simulator.baseUrl], { home }));
  for (const fault of [
    { endpoint: 'getupdates', kind: 'status', status: 500, count: 1, skip: 1 },
    { endpoint: 'sendmessage', kind: 'reset', processed: true, count: 1 },
    { endpoint: 'sendmessage', kind: 'garbage', garbage: 'html', skip: 1, count: 1 },
    { endpoint: 'getconfig', kind: 'garbage', garbage: 'half-json', count: 1 },
    { endpoint: 'sendtyping', kind: 'answer', body: { ret: -2, errmsg: 'invalid arguments' }, count: 1 },
  ] as const)
    simulator.control.addFault(fault);
  const run = startHere(
    [...debug, 'run', '--json', '--pace', '0', '--exec', 'sleep 0.2; cat; exit $(($(wc -c </dev/null)))'],
    { home },
  );
  await run.says('stdout', '"ready"');
  simulator.control.messages([
    { text: 'one' },
    { text: 'two' },
    { image: { sizeBytes: 100 } },
    { file: { sizeBytes: 100, name: 'a.txt' } },
  ]);
  simulator.control.message({ user: 'o9stranger@im.wechat', text: 'psst' });
  await answered(simulator, 4);
  await pollUntil(
    'typing has been tried',
    () => simulator.control.requests({ endpoint: 'sendtyping' }).length > 0,
  );
  note(await runHere([...debug, 'send', '--json', 'three'], { home }));
  simulator.control.kill();
  note(await run.exited);
  note(await runHere([...debug, 'send', '--json', 'four'], { home }));
  for (const command of ['status', 'messages', 'accounts', 'config'])
    note(await runHere([...debug, command, '--json'], { home }));
  const told = logs.join('\n');
  expect(jsonLines(run.stderr).length).toBeGreaterThan(5);
  expect(told).toContain('"level":"debug"');

  const secrets = new Set<string>();
  for (const { token } of readAccounts(home)) secrets.add(token).add(token.slice(token.lastIndexOf(':') + 1));
  const wire = JSON.stringify([simulator.control.requests().map(({ search, body }) => [search, body])]);
  for (const name of ['context_token', 'typing_ticket', 'aeskey', 'aes_key', 'encrypt_query_param']) {
    for (const [, value] of wire.matchAll(new RegExp(`"${name}":"([^"]+)"`, 'g')))
      secrets.add(value as string);
  }
  // What came in lies in the database as it came.
  const database = ['wxagent.db', 'wxagent.db-wal']
    .map((file) => read(join(home, 'wx', 'state', file)))
    .join('');
  for (const [, value] of database.matchAll(
    /"(?:context_token|aeskey|aes_key|encrypt_query_param)":"([^"]+)"/g,
  ))
    secrets.add(value as string);
  expect(secrets.size).toBeGreaterThan(6);
  for (const secret of secrets) expect(told.includes(secret), secret).toBe(false);
  // The code is what the QR shows, and nothing else but its own line may say it.
  const [code] = /q_[0-9a-f]+/.exec(told) ?? [];
  const lines = told.split('\n').filter((line) => code !== undefined && line.includes(code));
  expect(lines.every((line) => line.includes('https://liteapp.weixin.qq.com/'))).toBe(true);
  expect(lines).toHaveLength(2);
});

function read(path: string): string {
  try {
    return readFileSync(path, 'latin1');
  } catch {
    return '';
  }
}
