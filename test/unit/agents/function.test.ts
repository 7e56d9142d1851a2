import { expect, test } from 'vitest';
import { type AgentFunction, createFunctionAgent } from '../../../src/agents/function.ts';
import type { Outcome } from '../../../src/core/message.ts';
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
