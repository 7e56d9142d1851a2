import { test } from 'vitest';
import { expectWeeks } from '../helpers/expect-weeks.ts';
import { STORES } from '../helpers/web.ts';
import { LIMIT_MS, SEED } from './size.ts';

/** WXAGENT_WEEKS is the number of weeks of each store. */
const WEEKS = Number(process.env.WXAGENT_WEEKS ?? 20);

/** `npm run soak -- weeks`: as test/integration/week-of-alerts.test.ts, for longer. */
test.each(STORES)(`${WEEKS} weeks of alerts on $store, seed ${SEED}`, { timeout: LIMIT_MS }, (store) =>
  expectWeeks(store, { numRuns: WEEKS, seed: SEED }),
);
