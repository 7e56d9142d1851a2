import { expect, test } from 'vitest';
import { expectOrder, expectShown, runChaos } from '../helpers/chaos.ts';

/** WXAGENT_SEED tries another plan; a failure names its seed. */
const SEED = Number(process.env.WXAGENT_SEED ?? 20261122);
const SIZE = { messages: 200, users: 15 };
const LIMIT_MS = 15 * 60_000;

test('destructive without de-duplication: only what the wire lost is missing', {
  timeout: LIMIT_MS,
}, async () => {
  const report = await runChaos({ ...SIZE, seed: SEED + 1, mode: 'destructive', dedupe: false });
  const excused = (text: string) => report.lost.has(text) || report.givenUp.has(text);
  expectShown(report, (times, text) => times > 0 || (excused(text) && !report.done.has(text)));
  expectOrder(report);
  expect(report.outbox).toEqual({ queued: 0, sending: 0, held: 0 });
});
