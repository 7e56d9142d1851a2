import { test } from 'vitest';
import { expectEachOnce, expectOnlyLost, runChaos, summaryOf } from '../helpers/chaos.ts';
import { oneRunner } from '../helpers/chaos-runner.ts';
import { LIMIT_MS, MESSAGES, SEED } from './size.ts';

/** `npm run soak -- sqlite`: as test/integration/chaos.test.ts, for longer. */
const USERS = 100;

test(`replay, ${MESSAGES} messages, seed ${SEED}`, { timeout: LIMIT_MS }, async () => {
  const plan = { messages: MESSAGES, seed: SEED, mode: 'replay', dedupe: true } as const;
  const report = await runChaos(plan, oneRunner(USERS));
  console.log(summaryOf(report));
  expectEachOnce(report);
});

test(`destructive, ${MESSAGES} messages, seed ${SEED}`, { timeout: LIMIT_MS }, async () => {
  const plan = { messages: MESSAGES, seed: SEED, mode: 'destructive', dedupe: false } as const;
  const report = await runChaos(plan, oneRunner(USERS));
  console.log(summaryOf(report));
  expectOnlyLost(report);
});
