import { expect, test } from 'vitest';
import { piecesOf, runChaos } from '../helpers/chaos.ts';

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
    for (const piece of piecesOf(text)) {
      const times = report.shown.get(piece) ?? 0;
      const told = `${piece}\n${report.history(text)}`;
      if (how.mode === 'replay') expect(times, told).toBeLessThan(2);
      if (!report.lost.has(text) && !report.givenUp.has(text)) expect(times, told).toBeGreaterThan(0);
    }
  }
  expect(report.outbox).toMatchObject({ queued: 0, sending: 0 });
});
