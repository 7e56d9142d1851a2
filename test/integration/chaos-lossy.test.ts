import { test } from 'vitest';
import { expectOnlyLost, runChaos } from '../helpers/chaos.ts';
import { oneRunner } from '../helpers/chaos-runner.ts';

/** WXAGENT_SEED tries another plan; a failure names its seed. */
const SEED = Number(process.env.WXAGENT_SEED ?? 20261122);
const [MESSAGES, USERS] = [200, 15];
const LIMIT_MS = 15 * 60_000;

test('destructive without de-duplication: only what the wire lost is missing', {
  timeout: LIMIT_MS,
}, async () => {
  const report = await runChaos(
    { messages: MESSAGES, seed: SEED + 1, mode: 'destructive', dedupe: false },
    oneRunner(USERS),
  );
  expectOnlyLost(report);
});
