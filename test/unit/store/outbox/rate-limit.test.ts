import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { RECENT_SENDS, withRequest } from '../../../../src/store/outbox/rate-limit.ts';

const listOf = (times: readonly number[]): number[] =>
  JSON.parse(times.reduce(withRequest, '[]')) as number[];

describe('the times of the last requests', () => {
  test('are the last ones, in order, whatever the clock says', () => {
    const time = fc.oneof(fc.nat(), fc.integer({ min: 1_700_000_000_000, max: 1_900_000_000_000 }));
    fc.assert(
      fc.property(fc.array(time, { maxLength: 60 }), (times) => {
        const kept = listOf(times);
        expect(kept).toEqual(times.slice(times.length - kept.length));
        expect(kept.length).toBeGreaterThanOrEqual(Math.min(times.length, RECENT_SENDS));
      }),
    );
  });

  test('are no more than are needed', () => {
    const times = Array.from({ length: 40 }, (_, n) => 1_795_000_000_000 + n);
    expect(listOf(times)).toEqual(times.slice(-RECENT_SENDS));
  });

  test('do not become more and more, also where the clock began in 1970', () => {
    const times = Array.from({ length: 1_000 }, (_, n) => n);
    const later = Array.from({ length: RECENT_SENDS }, (_, n) => 1_795_000_000_000 + n);
    expect(listOf(times).length).toBeLessThan(100);
    expect(listOf([...times, ...later])).toEqual(later);
  });
});
