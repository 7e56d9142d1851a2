import { expect, test } from 'vitest';
import { TTL_MS } from '../../src/store/workers/lease-trust.ts';
import { expectEachOnce, expectOnlyLost, runChaos } from '../helpers/chaos.ts';
import { withWorkers } from '../helpers/chaos-workers.ts';
import { buildWithShortLeases } from '../helpers/short-leases.ts';

/** WXAGENT_SEED tries another plan; a failure names its seed. */
const SEED = Number(process.env.WXAGENT_SEED ?? 20261129);
const MESSAGES = 300;
const LIMIT_MS = 15 * 60_000;
/** A fifth of the time of leases: a busy machine costs some of them, which is harm, too. */
const TIMES = 5;
const WORKERS = { workers: 3, accounts: 30, users: 20, ttlMs: TTL_MS / TIMES };

// Windows has no signal that stops a process.
test.skipIf(process.platform === 'win32')(
  'three workers of a server, replay with de-duplication: every piece of every answer is shown exactly once',
  { timeout: LIMIT_MS },
  async ({ skip }) => {
    const program = await buildWithShortLeases(TIMES);
    await withWorkers({ ...WORKERS, program }, skip, async (cast) => {
      const report = await runChaos({ messages: MESSAGES, seed: SEED, mode: 'replay', dedupe: true }, cast);
      expect(report.harms.length).toBeGreaterThan(4);
      expectEachOnce(report);
    });
  },
);

test.skipIf(process.platform === 'win32')(
  'three workers of a server, destructive without de-duplication: only what the wire lost is missing',
  { timeout: LIMIT_MS },
  async ({ skip }) => {
    const program = await buildWithShortLeases(TIMES);
    await withWorkers({ ...WORKERS, program }, skip, async (cast) => {
      const report = await runChaos(
        { messages: MESSAGES, seed: SEED + 1, mode: 'destructive', dedupe: false },
        cast,
      );
      expect(report.harms.length).toBeGreaterThan(4);
      expectOnlyLost(report);
    });
  },
);
