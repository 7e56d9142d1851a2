import { expect, test } from 'vitest';
import { type AgentFunction, createFunctionAgent } from '../../../src/agents/function.ts';
import type { Outcome } from '../../../src/core/message/message.ts';
import { contextIn, temporaryFolder, turnWith } from './support.ts';

const outcomeOf = (answer: unknown): Promise<Outcome> =>
  createFunctionAgent((() => answer) as AgentFunction).answer(turnWith(), contextIn(temporaryFolder()));

test.each([0, 0.5, 86_400_000, null])('retryAfterMs %j is a wait', async (retryAfterMs) => {
  const afterMs = retryAfterMs === null ? null : Math.round(retryAfterMs);
  expect(await outcomeOf({ retryAfterMs })).toMatchObject({ kind: 'retry', afterMs });
});

test.each([Number.NaN, Number.POSITIVE_INFINITY, 1e18, 86_400_001, -1, '5', {}, undefined])(
  'retryAfterMs %j is no wait',
  async (retryAfterMs) => {
    expect(await outcomeOf({ retryAfterMs })).toMatchObject({ kind: 'failed', reason: 'bad-output' });
  },
);

test('null is as good as none', async () => {
  const file = { path: '/a', name: null };
  expect(await outcomeOf({ text: null, files: [file] })).toEqual({
    kind: 'reply',
    pieces: [{ file: '/a', name: null }],
  });
  expect(await outcomeOf({ text: 'hi', files: null })).toEqual({ kind: 'reply', pieces: [{ text: 'hi' }] });
  expect(await outcomeOf({ text: null, files: null })).toMatchObject({ reason: 'bad-output' });
});

const odd = (get: () => unknown) => Object.defineProperty({}, 'text', { get, enumerable: true });

test.each([
  ['a number', 7],
  ['a function', () => 'hi'],
  ['a symbol', Symbol('hi')],
  ['a list', ['hi']],
  ['a date', new Date(0)],
  ['an object without a prototype', Object.create(null)],
  ['text of another type', { text: 7 }],
])('%s is bad output', async (_, answer) => {
  expect(await outcomeOf(answer)).toMatchObject({ kind: 'failed', reason: 'bad-output' });
});

const noFile = (index: number) => ({
  missing: {
    name: `files[${index}]`,
    reason: 'unreadable',
    detail: 'files must be a list of {path}',
    hint: expect.stringContaining('{text, files: [{path}]}'),
  },
});

test.each([
  ['one file that is in no list', { path: '/a' }, [{ file: '/a', name: null }]],
  ['one that is none', [null, { path: '/b' }], [noFile(0), { file: '/b', name: null }]],
  ['holes', new Array(2), [noFile(0), noFile(1)]],
  ['an odd path', [{ path: Symbol('a') }], [noFile(0)]],
  ['a text', '/a', [noFile(0)]],
])('files that are wrong cost the answer nothing else: %s', async (_, files, pieces) => {
  expect(await outcomeOf({ text: 'hi', files })).toEqual({
    kind: 'reply',
    pieces: [{ text: 'hi' }, ...pieces],
  });
});

const broken = () => {
  throw new Error('broken');
};

test.each([
  ['an error', new Error('no'), 'no'],
  ['a text', 'no', 'no'],
  ['undefined', undefined, 'undefined'],
  ['a symbol', Symbol('no'), /^Symbol\(no\)$/],
  ['an object without a prototype', Object.create(null), /./],
  ['an error without a text', Object.assign(new Error('no'), { message: Symbol('x'), stack: 7 }), /./],
  ['an error whose stack throws', Object.defineProperty(new Error('no'), 'stack', { get: broken }), 'no'],
  ['a long text', 'x'.repeat(1_000_000), /^x{4096}$/],
])('%s that is thrown is a failure, now or later', async (_, thrown, detail) => {
  const throws = [
    () => {
      throw thrown;
    },
    () => Promise.reject(thrown),
    () =>
      odd(() => {
        throw thrown;
      }),
  ];
  for (const answer of throws) {
    const agent = createFunctionAgent(answer as AgentFunction);
    const outcome = await agent.answer(turnWith(), contextIn(temporaryFolder()));
    expect(outcome).toMatchObject({ kind: 'failed', reason: 'exit', detail: expect.stringMatching(detail) });
  }
});

test('what is handed to the context is looked at before it goes on', async () => {
  const context = contextIn(temporaryFolder(), { ask: async () => 'yes' });
  const refused: unknown[] = [];
  const agent = createFunctionAgent(async (_, { emit, ask, memory }) => {
    const calls = [
      () => emit(undefined as never),
      () => emit({ path: 7 } as never),
      () => emit([] as never),
      () => ask(7 as never, 1),
      () => ask('?', Number.NaN),
      () => ask('?', -1),
      () => ask('?', Number.NEGATIVE_INFINITY),
      () => ask('?', '30d' as never),
      () => ask('?', '30' as never),
      () => ask('?', 30n as never),
      () => ask('?', null as never),
      () => ask('?', undefined as never),
      () => memory.get(7 as never),
      () => memory.set('a', {} as never),
      () => memory.set(undefined as never, 'a'),
    ];
    for (const call of calls) await call().catch((error) => refused.push(error.constructor.name));
    await memory.set('a', 'b');
    await emit({ path: '/a' });
    return `${await ask('?', Number.POSITIVE_INFINITY)} ${await memory.get('a')}`;
  });
  expect(await agent.answer(turnWith(), context)).toEqual({ kind: 'reply', pieces: [{ text: 'yes b' }] });
  expect(refused).toEqual(Array(15).fill('TypeError'));
  expect(context.emitted).toEqual([{ file: '/a', name: null }]);
});
