import { expect, test } from 'vitest';
import { runChaos } from '../helpers/chaos.ts';

/** `npm run soak`: as test/integration/chaos.test.ts, for longer. WXAGENT_SOAK is the number of messages. */
const MESSAGES = Number(process.env.WXAGENT_SOAK ?? 20_000);
const SEED = Number(process.env.WXAGENT_SEED ?? Date.now() % 1_000_000);
const PLAN = { messages: MESSAGES, users: 100, overMs: MESSAGES * 40, settleMs: 10 * 60_000 };

test.each([
  { mode: 'replay', dedupe: true },
  { mode: 'destructive', dedupe: false },
] as const)(`$mode, ${MESSAGES} messages, seed ${SEED}`, { timeout: 4 * 60 * 60_000 }, async (how) => {
  const report = await runChaos({ ...PLAN, ...how, seed: SEED });
  for (const text of [...report.written.values()].flat()) {
    const times = (report.shown.get(text) ?? 0) + (report.givenUp.has(text) ? 1 : 0);
    if (how.mode === 'replay') expect(times, `answers\n${report.history(text)}`).toBe(1);
    else if (!report.lost.has(text)) expect(times, `answers\n${report.history(text)}`).toBeGreaterThan(0);
  }
  expect(report.outbox).toMatchObject({ queued: 0, sending: 0 });
});
