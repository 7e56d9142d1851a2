import { test } from 'vitest';
import { expectWeeks } from '../helpers/expect-weeks.ts';
import { STORES } from '../helpers/web.ts';

/** WXAGENT_SEED repeats a week: a failure names its seed. `npm run soak -- weeks` lives through more of them. */
const { WXAGENT_SEED } = process.env;

test.each(STORES)(
  'a week of alerts on $store: each is on the phone or was told another way, exactly once, and accounted for in the store',
  { timeout: 15 * 60_000 },
  (store) =>
    expectWeeks(store, { numRuns: 1, ...(WXAGENT_SEED === undefined ? {} : { seed: Number(WXAGENT_SEED) }) }),
);
