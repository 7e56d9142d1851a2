import { expect, test } from 'vitest';
import { type ChaosReport, runChaos } from '../helpers/chaos.ts';

/** WXAGENT_SEED tries another plan; a failure names its seed. */
const SEED = Number(process.env.WXAGENT_SEED ?? 20261122);
const SIZE = { messages: 300, users: 20, overMs: 12_000, settleMs: 100_000 };
const LIMIT_MS = 180_000;

test('replay with de-duplication: every message is answered exactly once', {
  timeout: LIMIT_MS,
}, async () => {
  const report = await runChaos({ ...SIZE, seed: SEED, mode: 'replay', dedupe: true });
  expect(report.kills).toBeGreaterThan(3);
  for (const text of texts(report)) {
    const times = (report.shown.get(text) ?? 0) + (report.givenUp.has(text) ? 1 : 0);
    expect(times, `answers\n${report.history(text)}`).toBe(1);
  }
  expectOrder(report);
  expect(report.outbox).toMatchObject({ queued: 0, sending: 0 });
});

test('destructive without de-duplication: only what the wire lost is missing', {
  timeout: LIMIT_MS,
}, async () => {
  const report = await runChaos({ ...SIZE, seed: SEED + 1, mode: 'destructive', dedupe: false });
  for (const text of texts(report)) {
    if (report.lost.has(text) || report.givenUp.has(text)) continue;
    expect(report.shown.get(text) ?? 0, `answers\n${report.history(text)}`).toBeGreaterThan(0);
  }
  expectOrder(report);
  expect(report.outbox).toMatchObject({ queued: 0, sending: 0 });
});

function texts(report: ChaosReport): string[] {
  return [...report.written.values()].flat();
}

/**
 * What is shown of a user's texts is shown in the order in which they were written; but for those that
 * the wire lost, whose duplicate may have come through later.
 */
function expectOrder(report: ChaosReport): void {
  for (const [user, shown] of report.order) {
    const order = shown.filter((text) => !report.lost.has(text));
    const expected = (report.written.get(user) ?? []).filter((text) => order.includes(text));
    expect(order, `order of ${user}, seed ${report.seed}`).toEqual(expected);
  }
}
