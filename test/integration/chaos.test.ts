import { expect, test } from 'vitest';
import { expectOrder, expectShown, runChaos } from '../helpers/chaos.ts';

/** WXAGENT_SEED tries another plan; a failure names its seed. */
const SEED = Number(process.env.WXAGENT_SEED ?? 20261122);
const SIZE = { messages: 200, users: 15 };
const LIMIT_MS = 15 * 60_000;

test('replay with de-duplication: every piece of every answer is shown exactly once', {
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
