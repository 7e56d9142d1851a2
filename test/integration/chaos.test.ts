import { expect, test } from 'vitest';
import { type ChaosReport, expectShown, piecesOf, runChaos } from '../helpers/chaos.ts';

/** WXAGENT_SEED tries another plan; a failure names its seed. */
const SEED = Number(process.env.WXAGENT_SEED ?? 20261122);
const SIZE = { messages: 300, users: 20 };
const LIMIT_MS = 15 * 60_000;

test.concurrent('replay with de-duplication: every piece of every answer is shown exactly once', {
  timeout: LIMIT_MS,
}, async () => {
  const report = await runChaos({ ...SIZE, seed: SEED, mode: 'replay', dedupe: true });
  expect(report.kills).toBeGreaterThan(3);
  // A message that was given up has said some of its pieces, or all of them, and then the notice.
  expectShown(
    report,
    (times, text) => times === 1 || (times === 0 && report.givenUp.has(text) && !report.done.has(text)),
  );
  expectOrder(report);
  expect(report.outbox).toEqual({ queued: 0, sending: 0, held: 0 });
});

test.concurrent('destructive without de-duplication: only what the wire lost is missing', {
  timeout: LIMIT_MS,
}, async () => {
  const report = await runChaos({ ...SIZE, seed: SEED + 1, mode: 'destructive', dedupe: false });
  const excused = (text: string) => report.lost.has(text) || report.givenUp.has(text);
  expectShown(report, (times, text) => times > 0 || (excused(text) && !report.done.has(text)));
  expectOrder(report);
  expect(report.outbox).toEqual({ queued: 0, sending: 0, held: 0 });
});

/**
 * What is shown of the answers to a user is shown in the order in which his texts were written, and their pieces
 * said; but for those that the wire lost, whose duplicate may have come through later.
 */
function expectOrder(report: ChaosReport): void {
  for (const [user, shown] of report.order) {
    const kept = (report.written.get(user) ?? []).filter((text) => !report.lost.has(text));
    const pieces = kept.flatMap(piecesOf);
    const order = shown.filter((piece) => pieces.includes(piece));
    const expected = pieces.filter((piece) => order.includes(piece));
    expect(order, `order of ${user}, seed ${report.seed}`).toEqual(expected);
  }
}
