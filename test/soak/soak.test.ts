import { expect, test } from 'vitest';
import { expectShown, runChaos } from '../helpers/chaos.ts';

/** `npm run soak`: as test/integration/chaos.test.ts, for longer. WXAGENT_SOAK is the number of messages. */
const MESSAGES = Number(process.env.WXAGENT_SOAK ?? 20_000);
const SEED = Number(process.env.WXAGENT_SEED ?? Date.now() % 1_000_000);
const PLAN = { messages: MESSAGES, users: 100 };

test.each([
  { mode: 'replay', dedupe: true },
  { mode: 'destructive', dedupe: false },
] as const)(`$mode, ${MESSAGES} messages, seed ${SEED}`, { timeout: 4 * 60 * 60_000 }, async (how) => {
  const report = await runChaos({ ...PLAN, ...how, seed: SEED });
  expectShown(report, (times, text) => {
    if (how.mode === 'replay' && times > 1) return false;
    return times > 0 || report.lost.has(text) || report.givenUp.has(text);
  });
  expect(report.outbox).toEqual({ queued: 0, sending: 0, held: 0 });
});
