import { readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, configPath, loggedIn, readAccounts, simulate } from '../helpers/simulated.ts';
import { BIN, jsonLines, wxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];

/** A shell agent that waits until a file is there. */
const waitFor = (file: string): string => `while [ ! -e ${file} ]; do sleep 0.02; done`;

test('in order for each user, several users at once, never more than --concurrency', async () => {
  const simulator = await simulate({ strangers: true });
  const { home } = loggedIn(simulator);
  const users = ['o9a@im.wechat', 'o9b@im.wechat', 'o9c@im.wechat'];
  const texts = ['1', '2', '3', '4'];
  for (const text of texts) for (const user of users) simulator.control.message({ user, text });
  // Every first message waits for the first message of another user: alone it would wait for ever.
  const agent = `text=$(cat); : >"started-$WXAGENT_USER"; if [ "$text" = 1 ]; then while [ $(ls started-* | wc -l) -lt 2 ]; do sleep 0.02; done; fi; printf %s "$text"`;
  const run = await runHere(
    ['run', '--json', '--allow-all', '--once', ...QUICK, '--concurrency', '2', '--exec', agent],
    { home },
  );
  expect(run.code, run.stderr).toBe(0);
  for (const user of users) expect(answers(simulator, user)).toEqual(texts);
  let atWork = 0;
  let most = 0;
  for (const { type } of jsonLines(run.stdout)) {
    if (type === 'message') atWork++;
    if (type === 'outcome') atWork--;
    most = Math.max(most, atWork);
  }
  expect([atWork, most]).toEqual([0, 2]);
});

test('the poll does not wait for an agent; typing shows while it works', async () => {
  const simulator = await simulate();
  const { home, user } = loggedIn(simulator);
  simulator.control.message({ text: 'slow' });
  const run = startHere(['run', '--pace', '0', '--exec', `cat; ${waitFor('go')}`], { home });
  await pollUntil('typing', () => simulator.control.phone().typing.some((one) => one.user === user));
  simulator.control.messages([{ text: 'second' }, { text: 'third' }]);
  await pollUntil('all are fetched', () => simulator.control.bots()[0]?.waiting === 0);
  await pollUntil('a poll waits', () => simulator.control.bots()[0]?.polls === 1);
  const listed = await runHere(['messages', '--json'], { home });
  expect(jsonLines(listed.stdout)).toMatchObject([
    {
      messages: [
        { text: 'slow', state: 'running' },
        { text: 'second', state: 'received' },
        { text: 'third', state: 'received' },
      ],
    },
  ]);
  expect(answers(simulator)).toEqual([]);
  writeFileSync(join(home, 'go'), '');
  expect(await answered(simulator, 3)).toEqual(['slow', 'second', 'third']);
  await pollUntil('typing ends', () => simulator.control.phone().typing.length === 0);
  const end = await run.stop();
  expect(end).toMatchObject({ code: 0, stdout: '' });
  expect(end.stderr).toContain('ready:');
  expect(end.stderr).toContain('<- text, 4 characters');
  expect(end.stderr).toMatch(/-> 1 part confirmed, \d+\.\d s, 9 of 10 left until the user writes/);
  expect(end.stderr).not.toContain('slow');
});

test('a long answer arrives in parts of at most 4,000 characters, in order, nothing missing', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const words = Array.from({ length: 1_250 }, (_, n) => String(n).padStart(7, '0')).join(' ');
  writeFileSync(join(home, 'long'), words);
  simulator.control.messages([{ text: 'long' }, { text: 'fine?' }]);
  const run = await runHere(
    ['run', '--once', ...QUICK, '--exec', 'if [ "$(cat)" = long ]; then cat long; else echo fine; fi'],
    { home },
  );
  expect(run.code).toBe(0);
  const parts = answers(simulator);
  expect(parts.at(-1)).toBe('fine');
  const long = parts.slice(0, -1);
  expect(long).toHaveLength(3);
  for (const part of long) expect(part.length).toBeLessThanOrEqual(4_000);
  expect(long.join(' ').split(/\s+/)).toEqual(words.split(' '));
  const runIds = simulator.control
    .phone()
    .shown.filter(({ from }) => from === 'bot')
    .map(({ runId }) => runId);
  expect(new Set(runIds.slice(0, 3)).size).toBe(1);
  expect(runIds[3]).not.toBe(runIds[0]);

  simulator.control.message({ text: 'long' });
  const shorter = await runHere(['run', '--once', ...QUICK, '--max-chars', '2500', '--exec', 'cat long'], {
    home,
  });
  expect(shorter.code).toBe(0);
  const smaller = answers(simulator).slice(4);
  for (const part of smaller) expect(part.length).toBeLessThanOrEqual(2_500);
  expect(smaller.join(' ').split(/\s+/)).toEqual(words.split(' '));
});

test('only the owner is answered, unless --allow or --allow-all; what is not handled is stored and said', async () => {
  const simulator = await simulate({ strangers: true });
  const { home, user } = loggedIn(simulator);
  const [friend, stranger] = ['o9friend@im.wechat', 'o9stranger@im.wechat'];
  const everybody = () =>
    [user, friend, stranger].map((one) => simulator.control.message({ user: one, text: 'hi' }));
  everybody();
  const first = await runHere(['run', '--echo', '--once', ...QUICK], { home });
  expect(first.code).toBe(0);
  expect(first.stderr.match(/not given to the agent: stranger/g)).toHaveLength(2);
  everybody();
  const second = await runHere(['run', '--echo', '--once', ...QUICK, '--allow', friend], { home });
  expect(second.stderr.match(/not given to the agent: stranger/g)).toHaveLength(1);
  expect([user, friend, stranger].map((one) => answers(simulator, one).length)).toEqual([2, 1, 0]);
  everybody();
  await runHere(['run', '--echo', '--once', ...QUICK, '--allow-all'], { home });
  expect([user, friend, stranger].map((one) => answers(simulator, one).length)).toEqual([3, 2, 1]);

  simulator.control.messages([
    { voice: { sizeBytes: 100, transcript: 'remind me tomorrow' } },
    { items: [{ type: 99 }] },
  ]);
  const kinds = await runHere(
    ['run', '--json', '--once', ...QUICK, '--exec', 'printf "%s: " "$WXAGENT_KIND"; cat'],
    { home },
  );
  expect(kinds.code).toBe(0);
  expect(answers(simulator, user).at(-1)).toBe('voice: remind me tomorrow');
  expect(kinds.stderr.match(/not given to the agent: /g)).toHaveLength(1);
  const listed = jsonLines((await runHere(['messages', '--json'], { home })).stdout)[0] as {
    messages: { kind: string; state: string; reason: string | null }[];
  };
  expect(listed.messages.slice(-2).map(({ kind, state, reason }) => [kind, state, reason !== null])).toEqual([
    ['voice', 'done', false],
    ['unknown', 'ignored', true],
  ]);
});

test('--max-messages leaves the rest to the next run; --exit-idle ends when there is nothing to do', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.messages([{ text: 'one' }, { text: 'two' }, { text: 'three' }]);
  const some = await runHere(['run', '--echo', ...QUICK, '--max-messages', '2'], { home });
  expect(some).toMatchObject({ code: 0, stdout: '' });
  expect(answers(simulator)).toEqual(['one', 'two']);
  simulator.control.message({ text: 'four' });
  const rest = await runHere(['run', '--echo', ...QUICK, '--exit-idle', '2s'], { home });
  expect(rest.code).toBe(0);
  expect(answers(simulator)).toEqual(['one', 'two', 'three', 'four']);
  expect(simulator.control.bots()[0]?.announced).toBe(false);
});

test('--json: a line for everything that happens, and nothing else on stdout', async () => {
  const simulator = await simulate();
  const { home, user, id } = loggedIn(simulator, { name: 'mine' });
  const [hello, silent, bad] = ['hello', 'silent', 'bad'].map(
    (text) => simulator.control.message({ text }).messageId,
  );
  const run = await runHere(
    ['run', '--json', '--once', ...QUICK, '--exec', 'case "$(cat)" in hello) echo hi;; bad) exit 1;; esac'],
    { home },
  );
  expect(run.code).toBe(0);
  const lines = jsonLines(run.stdout);
  const of = (type: string) => lines.filter((line) => line.type === type);
  expect(lines.every((line) => line.v === 1 && line.account === id)).toBe(true);
  expect(lines[0]).toEqual({ v: 1, type: 'ready', account: id, name: 'mine' });
  expect(lines.at(-1)).toEqual({ v: 1, type: 'stopped', account: id, unread: 0 });
  expect(of('message')[0]).toEqual({
    v: 1,
    type: 'message',
    id: hello,
    account: id,
    user,
    sessionId: expect.stringMatching(/^[0-9a-f-]{36}$/),
    turn: 1,
    time: expect.any(String),
    kind: 'text',
    text: 'hello',
    attachments: [],
    quote: null,
    attempt: 1,
  });
  expect(of('message').map((line) => [line.turn, line.sessionId])).toEqual(
    [1, 2, 3].map((turn) => [turn, of('message')[0]?.sessionId]),
  );
  const outcome = { v: 1, type: 'outcome', account: id, user, attempt: 1, durationMs: expect.any(Number) };
  expect(of('outcome')).toMatchObject([
    { ...outcome, id: hello, outcome: 'reply', reason: null },
    { ...outcome, id: silent, outcome: 'silent', reason: null },
    { ...outcome, id: bad, outcome: 'failed', reason: 'exit' },
  ]);
  const shown = simulator.control.phone().shown.filter(({ from }) => from === 'bot');
  expect(of('part')).toMatchObject(
    [hello, bad].map((message, index) => ({
      v: 1,
      account: id,
      message,
      user,
      kind: 'text',
      verdict: 'confirmed',
      reason: null,
      clientId: shown[index]?.clientId,
      messageId: shown[index]?.messageId,
    })),
  );
  expect(new Set(lines.map(({ type }) => type))).toEqual(
    new Set(['ready', 'message', 'outcome', 'part', 'stopped']),
  );
});

test('--on commands hear of ready and failed', async () => {
  const simulator = await simulate();
  const { home, id } = loggedIn(simulator);
  const { messageId } = simulator.control.message({ text: 'x' });
  const run = await runHere(
    [
      'run',
      '--once',
      ...QUICK,
      '--exec',
      'exit 1',
      '--on',
      'ready=cat >ready.json',
      '--on',
      'failed=cat >failed.json; exit 3',
    ],
    { home },
  );
  expect(run).toMatchObject({ code: 0, stdout: '' });
  expect(run.stderr).toContain('--on failed failed');
  const heard = (file: string): unknown => jsonLines(readFileSync(join(home, file), 'utf8'))[0];
  expect(heard('ready.json')).toMatchObject({ v: 1, type: 'ready', account: id });
  expect(heard('failed.json')).toMatchObject({
    v: 1,
    type: 'outcome',
    id: messageId,
    outcome: 'failed',
    reason: 'exit',
  });
});

test('--all-accounts serves every account, and picks up one that logs in meanwhile', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator, { user: 'o9one@im.wechat', name: 'one' });
  loggedIn(simulator, { home, user: 'o9two@im.wechat', name: 'two' });
  const write = (user: string): void => void simulator.control.message({ user, text: user });
  write('o9one@im.wechat');
  write('o9two@im.wechat');
  const run = startHere(
    ['run', '--all-accounts', '--exec', 'printf "%s " "$WXAGENT_ACCOUNT_NAME"; cat', ...QUICK],
    { home },
  );
  await answered(simulator, 2);
  simulator.control.changeSettings({ owner: 'o9three@im.wechat' });
  expect((await runHere(['login', '--name', 'three', '--base-url', simulator.baseUrl], { home })).code).toBe(
    0,
  );
  write('o9three@im.wechat');
  await answered(simulator, 3);
  for (const name of ['one', 'two', 'three']) {
    expect(answers(simulator, `o9${name}@im.wechat`)).toEqual([`${name} o9${name}@im.wechat`]);
  }
  expect(await run.stop()).toMatchObject({ code: 0, stdout: '' });

  // Two named accounts, and nobody else.
  for (const name of ['one', 'two', 'three']) write(`o9${name}@im.wechat`);
  await runHere(['run', '--echo', '--once', ...QUICK, '--account', 'three', '--account', 'one'], { home });
  expect(['one', 'two', 'three'].map((name) => answers(simulator, `o9${name}@im.wechat`).length)).toEqual([
    2, 1, 2,
  ]);
});

test('more accounts than files may be open: said before anything starts, and by doctor', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const [account] = readAccounts(home);
  const accounts = Array.from({ length: 200 }, (_, n) => ({
    ...account,
    key: `${n}@im.bot`,
    id: `${n}@im.bot`,
  }));
  writeFileSync(configPath(home), JSON.stringify({ accounts }), { mode: 0o600 });
  const limited = (...args: string[]) =>
    wxagent(args, {
      home,
      through: ['/bin/sh', '-c', 'ulimit -n 150; exec "$@"', 'sh', process.execPath, BIN],
    });
  const run = await limited('run', '--echo', '--all-accounts');
  expect(run).toMatchObject({ code: 78, stdout: '' });
  expect(run.stderr).toContain('200 accounts need 264 open files, and this process may have 150');
  expect(run.stderr).toContain('hint: ulimit -n 1024, or LimitNOFILE= of systemd');
  expect(simulator.control.requests()).toEqual([]);
  const doctor = await limited('doctor', '--json');
  const checks = jsonLines(doctor.stdout)[0]?.checks as { name: string; ok: boolean }[];
  expect(checks.find(({ name }) => name === 'files')).toMatchObject({ ok: false });
  // One alone, or a few, are no matter.
  expect((await limited('run', '--echo', '--once', '--account', '0@im.bot')).code).toBe(0);
});
