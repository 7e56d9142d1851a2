import { test } from 'vitest';
import { expectWeeks } from '../helpers/expect-weeks.ts';
import { STORES } from '../helpers/web.ts';

/** The same week at each run, so that a failure is of what was changed. `npm run soak -- weeks` looks for others; WXAGENT_SEED repeats one. */
const seed = Number(process.env.WXAGENT_SEED ?? 1);

test.each(STORES)(
  'a week of alerts on $store: each is on the phone or was told another way, exactly once, and accounted for in the store',
  { timeout: 15 * 60_000 },
  (store) => expectWeeks(store, { numRuns: 1, seed }),
);
