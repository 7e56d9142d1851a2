import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];

/** Ways a server goes wrong for a while, with how often: two failures in a row cost 4 s, a third 30 s. */
const TROUBLE = [
  { kind: 'garbage', garbage: 'html', count: 1 },
  { kind: 'garbage', garbage: 'half-json', count: 1 },
  { kind: 'garbage', garbage: 'big', count: 1 },
  { kind: 'garbage', garbage: 'empty', count: 3 },
  { kind: 'reset', count: 1 },
  { kind: 'status', status: 500, count: 1 },
  { kind: 'status', status: 502, count: 3 },
  { kind: 'status', status: 524, count: 2 },
  { kind: 'answer', body: { ret: -1, errmsg: 'system busy' }, count: 1 },
  { kind: 'answer', body: { msgs: 'none' }, count: 1 },
  // Given up 10 s after the hold, which is short here; the first poll does not know that yet.
  { kind: 'hang', skip: 1, count: 1 },
] as const;

test('a server that talks nonsense to polls and recovers: nothing lost, no crash', async () => {
  const homes = await Promise.all(
    TROUBLE.map(async (fault) => {
      const simulator = await simulate();
      const { home } = loggedIn(simulator);
      simulator.control.addFault({ endpoint: 'getupdates', ...fault });
      if (fault.kind !== 'hang') simulator.control.message({ text: 'hello' });
      return { fault, simulator, home };
    }),
  );
  const one = async ({ fault, simulator, home }: (typeof homes)[number]): Promise<void> => {
    const run = startHere(['run', '--echo', ...QUICK], { home });
    await pollUntil('the trouble', () => simulator.control.faults()[0]?.struck === fault.count);
    if (fault.kind === 'hang') simulator.control.message({ text: 'hello' });
    await answered(simulator, 1);
    const end = await run.stop();
    expect([end.code, end.stdout, answers(simulator)], JSON.stringify(fault)).toEqual([0, '', ['hello']]);
    expect(end.stderr).not.toContain('unexpected failure');
    // What came and cannot be read may have been messages: then not all is said to be kept.
    const isNonsense = fault.kind === 'garbage' && fault.garbage !== 'empty';
    const isUnread = isNonsense || (fault.kind === 'answer' && 'msgs' in fault.body);
    expect(end.stderr, JSON.stringify(fault)).toContain(
      isUnread
        ? 'stopped; 1 response of the server could not be read'
        : 'stopped; all received messages are stored',
    );
    expect(existsSync(join(home, 'wx', 'state', 'unread'))).toBe(isUnread);
    expect(simulator.control.lost().filter(({ reason }) => reason !== 'unfollowed')).toEqual([]);
  };
  await Promise.all(homes.map(one));
});

test('a server that is gone and comes back', async () => {
  const first = await simulate();
  const { home, id } = loggedIn(first);
  const run = startHere(['run', '--echo', ...QUICK], { home });
  await run.says('stderr', 'ready');
  await first.close();
  await run.says('stderr', /polling failed: .*; next try in [\d.]+ s/);
  const port = Number(new URL(first.baseUrl).port);
  // The same seed makes the same bot.
  const second = await simulate({ port });
  expect(second.control.createBot().id).toBe(id);
  second.control.message({ text: 'hello' });
  expect(await answered(second, 1)).toEqual(['hello']);
  const end = await run.stop();
  expect(end).toMatchObject({ code: 0, stdout: '' });
  expect(end.stderr).toContain('polling works again');
});

test('answers whose sending goes wrong: repeated as they were, shown once', async () => {
  const faults = [
    { kind: 'reset', processed: true, count: 2 },
    { kind: 'status', status: 503, processed: true, count: 1 },
    { kind: 'garbage', garbage: 'html', processed: true, count: 1 },
    { kind: 'garbage', garbage: 'half-json', processed: true, count: 1 },
    { kind: 'cut', count: 1 },
    { kind: 'status', status: 429, count: 1 },
  ] as const;
  const one = async (fault: (typeof faults)[number]): Promise<void> => {
    const simulator = await simulate();
    const { home } = loggedIn(simulator);
    simulator.control.addFault({ endpoint: 'sendmessage', ...fault });
    simulator.control.message({ text: 'hello' });
    const run = await runHere(['run', '--json', '--echo', '--once', ...QUICK], { home });
    expect(run.code, run.stderr).toBe(0);
    const bodies = simulator.control.requests({ endpoint: 'sendmessage' }).map(({ body }) => body);
    expect(bodies, JSON.stringify(fault)).toEqual(Array(fault.count + 1).fill(bodies[0]));
    expect(
      jsonLines(run.stdout)
        .filter(({ type }) => type === 'part')
        .at(-1),
    ).toMatchObject({ verdict: 'confirmed' });
    expect(answers(simulator)).toEqual(['hello']);
  };
  await Promise.all(faults.map(one));
});

test('refused answers are not called delivered; held ones go out when the user writes again', async () => {
  const simulator = await simulate({ quota: 1 });
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'go' });
  const lines = ['first part of it', 'second part of it', 'third part of it'];
  const run = await runHere(
    [
      'run',
      '--json',
      '--once',
      ...QUICK,
      '--max-chars',
      '20',
      '--on',
      'held=cat >>held.json',
      '--exec',
      `printf '%s\\n' ${lines.map((line) => `'${line}'`).join(' ')}`,
    ],
    { home },
  );
  expect(run.code, run.stderr).toBe(0);
  const verdicts = jsonLines(run.stdout)
    .filter(({ type }) => type === 'part')
    .map(({ verdict, reason }) => [verdict, reason]);
  expect(verdicts).toEqual([
    ['confirmed', null],
    ['held', 'context'],
    ['held', 'context'],
  ]);
  expect(run.stderr).toContain('1 part confirmed, 2 held (context)');
  expect(jsonLines(readFileSync(join(home, 'held.json'), 'utf8'))).toMatchObject([
    { verdict: 'held' },
    { verdict: 'held' },
  ]);
  expect(answers(simulator)).toEqual(lines.slice(0, 1));
  const status = jsonLines((await runHere(['status', '--json'], { home })).stdout)[0];
  expect(status?.accounts).toMatchObject([
    { outbox: { held: 2 }, users: [{ hold: { reason: 'context', parts: 2 } }] },
  ]);

  simulator.control.changeSettings({ quota: 10 });
  simulator.control.message({ text: 'and now?' });
  const released = await runHere(['run', '--once', ...QUICK, '--exec', 'echo now'], { home });
  expect(released, released.stderr).toMatchObject({ code: 0, stdout: '' });
  const rest = answers(simulator).slice(1);
  expect(rest.at(-1)).toBe('now');
  for (const line of lines.slice(1)) expect(rest.slice(0, -1).join('\n')).toContain(line);

  // A definite refusal of the text itself is final.
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'status', status: 400, count: 1 });
  simulator.control.message({ text: 'x' });
  const refused = await runHere(['run', '--json', '--once', ...QUICK, '--exec', 'echo no'], { home });
  expect(refused.code).toBe(0);
  expect(jsonLines(refused.stdout).filter(({ type }) => type === 'part')).toMatchObject([
    { verdict: 'refused' },
  ]);
  expect(refused.stderr).toContain('1 refused');
  expect(answers(simulator).at(-1)).toBe('now');
});

test('messages that come twice are answered once; the same words written twice are two messages', async () => {
  for (const duplicate of ['same-id', 'new-id', 'no-id'] as const) {
    const simulator = await simulate({ duplicate });
    const { home } = loggedIn(simulator);
    simulator.control.messages([
      { text: 'ok' },
      { text: 'ok', message: { create_time_ms: 1_795_000_000_123 } },
    ]);
    const run = await runHere(['run', '--echo', '--once', ...QUICK, '--max-age', '0'], { home });
    expect(run.code).toBe(0);
    expect(answers(simulator), duplicate).toEqual(['ok', 'ok']);
  }
});

test('messages older than --max-age are kept and not answered', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const old = Date.now() - 25 * 3_600_000;
  simulator.control.messages([{ text: 'old', message: { create_time_ms: old } }, { text: 'new' }]);
  const run = await runHere(['run', '--echo', '--once', ...QUICK], { home });
  expect(run.code).toBe(0);
  expect(run.stderr).toContain('not given to the agent');
  expect(answers(simulator)).toEqual(['new']);
  const [listed] = jsonLines((await runHere(['messages', '--json'], { home })).stdout) as {
    messages: { id: string; state: string }[];
  }[];
  expect(listed?.messages.map(({ state }) => state)).toEqual(['ignored', 'done']);
  expect((await runHere(['retry', listed?.messages[0]?.id ?? ''], { home })).code).toBe(0);
  await runHere(['run', '--echo', '--once', ...QUICK], { home });
  expect(answers(simulator)).toEqual(['new', 'old']);
});
