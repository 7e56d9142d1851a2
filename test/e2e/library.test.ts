import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { describe, expect, onTestFinished, test } from 'vitest';
import type { Answer, CreateRunnerOptions, LibraryRunner, RunnerDocument } from '../../src/index.ts';
import { runHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { makeFolder } from '../helpers/wxagent.ts';

/** The library as it is published. */
const { createRunner } = (await import(
  '../../dist/index.js' as string
)) as typeof import('../../src/index.ts');

/** A runner of the built library with a login of its own, stopped after the test. */
async function running(options: Omit<CreateRunnerOptions, 'token'>) {
  const simulator = await simulate();
  const { home, user } = loggedIn(simulator);
  const events: RunnerDocument[] = [];
  const lines: string[] = [];
  const runner = await createRunner({
    onEvent: (event) => events.push(event),
    onLog: (line) => lines.push(line),
    ...options,
    settings: { home: join(home, 'wx'), typing: false, pace: '0', ...options.settings },
  });
  stopAfterwards(runner);
  return { simulator, home, user, runner, events, lines };
}

function stopAfterwards(runner: LibraryRunner): void {
  onTestFinished(() => runner.stop().catch(() => {}));
}

test('a function answers: with a text, with files, at once and later, or not at all', async () => {
  const folder = makeFolder();
  const file = join(folder, 'chart.txt');
  writeFileSync(file, 'a file');
  const said: Record<string, Answer> = {
    text: 'hello',
    object: { text: 'with a file', files: [{ path: file, name: 'named.txt' }] },
    nothing: undefined,
    null: null,
  };
  const { simulator, runner, events } = await running({
    agent: async (message, { emit, stateFolder }) => {
      if (message.text === 'twice') {
        await emit('first');
        return `second, of ${message.user}, in ${stateFolder().length > 0}`;
      }
      return said[message.text];
    },
  });
  const { user } = simulator.control.bots()[0] as { user: string };
  for (const text of ['text', 'object', 'nothing', 'null', 'twice']) simulator.control.message({ text });
  await answered(simulator, 5);
  expect(answers(simulator)).toEqual([
    'hello',
    'with a file',
    expect.anything(),
    'first',
    `second, of ${user}, in true`,
  ]);
  await runner.stop();
  expect(
    events.filter(({ type }) => type === 'outcome').map((event) => 'outcome' in event && event.outcome),
  ).toEqual(['reply', 'reply', 'silent', 'silent', 'reply']);
  expect(events[0]).toMatchObject({ v: 1, type: 'ready' });
  expect(events.at(-1)).toMatchObject({ v: 1, type: 'stopped' });
  expect(events.find(({ type }) => type === 'message')).toMatchObject({
    text: 'text',
    time: expect.any(String),
  });
});

test('what it keeps is there after a restart', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  for (const text of ['one', 'two']) {
    simulator.control.message({ text });
    const runner = await createRunner({
      agent: async (_, { memory }) => {
        const count = Number((await memory.get('count')) ?? 0) + 1;
        await memory.set('count', String(count));
        return `${count}`;
      },
      settings: { home: join(home, 'wx'), once: true },
    });
    await runner.done;
  }
  expect(answers(simulator)).toEqual(['1', '2']);
});

test('what it throws is a failure with its stack, its time runs out, and it may be asked again', async () => {
  let asked = 0;
  const signals: AbortSignal[] = [];
  const { simulator, home, runner, events, lines } = await running({
    agent: async ({ text }, { signal }) => {
      if (text === 'throw') throw new Error('out of ideas');
      if (text === 'again') return asked++ === 0 ? { retryAfterMs: 10 } : 'at last';
      if (text === 'nonsense') return 42 as unknown as string;
      signals.push(signal);
      return new Promise(() => {});
    },
    settings: { timeout: '300ms' },
  });
  for (const text of ['throw', 'again', 'nonsense', 'hang']) simulator.control.message({ text });
  await answered(simulator, 4);
  expect(answers(simulator)[1]).toBe('at last');
  await runner.stop();
  const failed = events.flatMap((event) =>
    event.type === 'outcome' && event.outcome === 'failed' ? [event.reason] : [],
  );
  expect(failed).toEqual(['exit', 'bad-output', 'timeout']);
  expect(signals[0]?.aborted).toBe(true);
  expect(lines.join('\n')).toContain('out of ideas');
  const { stdout } = await runHere(['messages', '--json'], { home });
  expect(stdout).toContain('library.test');
});

test('it asks the user, and a stop while it works leaves the message to the next runner', async () => {
  const begun: number[] = [];
  const { simulator, home, runner, events } = await running({
    agent: async ({ text, attempt }, { ask, signal }) => {
      if (text !== 'work') return `so it is ${await ask('which one?', 10_000)}`;
      begun.push(attempt);
      return new Promise((_, reject) => signal.addEventListener('abort', () => reject(new Error('aborted'))));
    },
  });
  simulator.control.message({ text: 'choose' });
  expect(await answered(simulator, 1)).toEqual(['which one?']);
  simulator.control.message({ text: 'the left' });
  expect((await answered(simulator, 2))[1]).toBe('so it is the left');
  simulator.control.message({ text: 'work' });
  await pollUntil('it works', () => begun.length === 1);
  await runner.stop();
  expect(events.at(-1)).toMatchObject({ type: 'stopped' });

  const settings = { home: join(home, 'wx'), once: true, typing: false };
  const next = await createRunner({ agent: ({ attempt }) => `at attempt ${attempt}`, settings });
  await next.done;
  expect(answers(simulator).slice(2)).toEqual(['at attempt 2']);
});

test('two runners in one process serve two accounts, each its own', async () => {
  const simulator = await simulate();
  const { home, user: ann } = loggedIn(simulator, { name: 'one' });
  const { user: bob } = loggedIn(simulator, { name: 'two', home, user: 'o9bob@im.wechat' });
  const start = (name: string) =>
    createRunner({
      agent: ({ text }) => `${name}: ${text}`,
      settings: { home: join(home, 'wx'), account: [name], typing: false },
    });
  const [one, two] = await Promise.all([start('one'), start('two')]);
  stopAfterwards(one);
  stopAfterwards(two);
  simulator.control.messages([ann, bob].map((user) => ({ user, text: 'hello' })));
  await answered(simulator, 2);
  await one.stop();
  simulator.control.message({ user: bob, text: 'still there?' });
  expect(await answered(simulator, 2, bob)).toEqual(['two: hello', 'two: still there?']);
  expect(answers(simulator, ann)).toEqual(['one: hello']);
});

describe('what is wrong is said before anything starts', () => {
  const agent = () => 'hi';
  test.each([
    [{}, 'not-logged-in'],
    [{ timeout: '30' }, 'usage'],
    [{ account: ['nobody'] }, 'not-found'],
    [{ exec: 'cat' }, 'usage'],
    [{ nope: 1 }, 'usage'],
  ])('%j', async (settings, kind) => {
    const home = makeFolder();
    await expect(createRunner({ agent, settings: { home, ...settings } })).rejects.toMatchObject({ kind });
  });

  test.each([
    [undefined, 'takes an object'],
    [null, 'takes an object'],
    ['agent', 'takes an object'],
    [agent, 'takes an object'],
    [{}, 'agent of createRunner'],
    [{ agent: 'cat' }, 'agent of createRunner'],
    [{ agent, settings: 'home' }, 'settings of createRunner'],
    [{ agent, settings: null }, 'settings of createRunner'],
    [{ agent, settings: ['home'] }, 'settings of createRunner'],
    [{ agent, token: 5 }, 'token of createRunner'],
    [{ agent, token: ' ' }, 'token of createRunner'],
    [{ agent, onEvent: {} }, 'onEvent of createRunner'],
    [{ agent, onLog: 'stderr' }, 'onLog of createRunner'],
    [{ agent, onevent() {} }, 'no option "onevent"'],
  ])('options %j', async (options, message) => {
    await expect(createRunner(options as never)).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringContaining(message),
    });
  });
});

test('an account that another process serves, and a dead login, end it with their errors', async () => {
  const { simulator, home, runner } = await running({ agent: () => 'hi' });
  const second = await createRunner({ agent: () => 'hi', settings: { home: join(home, 'wx') } });
  await expect(second.done).rejects.toMatchObject({ kind: 'busy' });
  simulator.control.kill();
  await expect(runner.done).rejects.toMatchObject({ kind: 'not-logged-in' });
});

test.each([
  ['at once', () => raise()],
  ['later', async () => raise()],
])('a fault of onEvent and of onLog, %s, is told and harms nobody', async (_, fail) => {
  const lines: string[] = [];
  const { simulator } = await running({
    agent: () => 'hi',
    onEvent: fail,
    onLog(line) {
      lines.push(line);
      return fail();
    },
  });
  simulator.control.message({ text: 'hello' });
  await answered(simulator, 1);
  expect(lines.join('\n')).toContain('onEvent failed: mine');
});

function raise(): never {
  throw new Error('mine');
}

test('whoever imports it keeps their process as it was: no flags of V8, no listeners, no globals, no long lines', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const file = join(home, 'large.bin');
  writeFileSync(file, Buffer.alloc(5 * 1024 * 1024, 1));
  const host = `
    import v8 from 'node:v8';
    import { syncBuiltinESMExports } from 'node:module';
    const flags = [];
    v8.setFlagsFromString = (flag) => void flags.push(flag);
    syncBuiltinESMExports();
    const look = () => ({
      globals: Object.getOwnPropertyNames(globalThis).sort(),
      listeners: process.eventNames().map((name) => [String(name), process.listenerCount(name)]).sort(),
      title: process.title, mask: process.umask(), limit: Error.stackTraceLimit, env: { ...process.env },
    });
    const before = look();
    const { createRunner } = await import(${JSON.stringify(new URL('../../dist/index.js', import.meta.url).href)});
    const imported = look();
    const settings = { home: ${JSON.stringify(join(home, 'wx'))}, typing: false, pace: '0', once: true };
    const runner = await createRunner({ agent: () => ({ files: [{ path: ${JSON.stringify(file)} }] }), settings });
    await runner.done;
    console.log(JSON.stringify({ flags, before, imported, after: look() }));
  `;
  simulator.control.message({ text: 'a file, please' });
  const { stdout } = await promisify(execFile)(process.execPath, ['--input-type=module', '-e', host]);
  const { flags, before, imported, after } = JSON.parse(stdout);
  expect(flags).toEqual([]);
  expect(imported).toEqual(before);
  expect(after.env).toEqual(before.env);
  expect(after.globals).toEqual(before.globals);
  expect(answers(simulator)).toHaveLength(1);
  // What a trace shows of the program is a line that can be read.
  const dist = fileURLToPath(new URL('../../dist/', import.meta.url));
  const long = readdirSync(dist)
    .filter((name) => name.endsWith('.js'))
    .flatMap((name) => readFileSync(join(dist, name), 'utf8').split('\n'))
    // Nothing runs in a list of names.
    .filter((line) => line.length > 4_000 && !/^(import|export) \{/.test(line));
  expect(long).toEqual([]);
});
