import fc from 'fast-check';
import { expect } from 'vitest';
import { buildWithShortLeases } from './short-leases.ts';
import type { STORES } from './web.ts';
import { liveWeek } from './week.ts';
import { faultsOf } from './week-accounts.ts';
import { weeks } from './week-plan.ts';

/** A fifth of the time of leases. */
const TIMES = 5;

/** Lives through so many random weeks, with one runner on SQLite and two workers on a server. */
export async function expectWeeks(
  { store, environment }: (typeof STORES)[number],
  { numRuns, seed }: { numRuns: number; seed: number },
): Promise<void> {
  const program = await buildWithShortLeases(TIMES, 'test/fixtures/week-process.ts');
  const runners = store === 'SQLite' ? 1 : 2;
  await fc.assert(
    fc.asyncProperty(weeks, async (week) => {
      expect(faultsOf(await liveWeek(week, { env: environment(), runners, program }))).toEqual([]);
    }),
    { numRuns, seed, endOnFailure: true },
  );
}
