import { expect, test } from 'vitest';
import { expectEachOnce, runChaos } from '../helpers/chaos.ts';
import { oneRunner } from '../helpers/chaos-runner.ts';

/** WXAGENT_SEED tries another plan; a failure names its seed. */
const SEED = Number(process.env.WXAGENT_SEED ?? 20261122);
const [MESSAGES, USERS] = [200, 15];
const LIMIT_MS = 15 * 60_000;

test('replay with de-duplication: every piece of every answer is shown exactly once', {
  timeout: LIMIT_MS,
}, async () => {
  const report = await runChaos(
    { messages: MESSAGES, seed: SEED, mode: 'replay', dedupe: true },
    oneRunner(USERS),
  );
  expect(report.harms.length).toBeGreaterThan(3);
  expectEachOnce(report);
});
