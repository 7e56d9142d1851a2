import { test } from 'vitest';
import { TTL_MS } from '../../src/store/workers/lease-trust.ts';
import { expectEachOnce, expectOnlyLost, runChaos, summaryOf } from '../helpers/chaos.ts';
import { withWorkers } from '../helpers/chaos-workers.ts';
import { LIMIT_MS, MESSAGES, SEED } from './size.ts';

/** `npm run soak -- postgres`: as test/integration/chaos-workers.test.ts, for longer, and with leases as they are. */
const PLAN = { workers: 3, accounts: 30, users: 20, ttlMs: TTL_MS };

test(`replay, ${MESSAGES} messages, seed ${SEED}`, { timeout: LIMIT_MS }, ({ skip }) =>
  withWorkers(PLAN, skip, async (cast) => {
    const plan = { messages: MESSAGES, seed: SEED, mode: 'replay', dedupe: true } as const;
    const report = await runChaos(plan, cast);
    console.log(summaryOf(report));
    expectEachOnce(report);
  }),
);

test(`destructive, ${MESSAGES} messages, seed ${SEED}`, { timeout: LIMIT_MS }, ({ skip }) =>
  withWorkers(PLAN, skip, async (cast) => {
    const plan = { messages: MESSAGES, seed: SEED, mode: 'destructive', dedupe: false } as const;
    const report = await runChaos(plan, cast);
    console.log(summaryOf(report));
    expectOnlyLost(report);
  }),
);
