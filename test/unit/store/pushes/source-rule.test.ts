import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { isQuiet } from '../../../../src/core/time/quiet-hours.ts';
import {
  dueOf,
  heldBack,
  JOINED_FROM,
  type SourceRule,
  textsOf,
} from '../../../../src/store/pushes/source-rule.ts';

const MINUTE_MS = 60_000;
const HOUR_MS = 60 * MINUTE_MS;
/** Noon by the clock of this machine. */
const NOON_MS = new Date(2026, 10, 22, 12, 0, 0).getTime();

const ANYTHING: SourceRule = { digestMs: 0, limit: null, quietHours: null };
const due = (
  rule: Partial<SourceRule>,
  about: { firstMs?: number; sentMs?: number[]; nowMs?: number } = {},
) => dueOf({ ...ANYTHING, ...rule }, { firstMs: NOON_MS, sentMs: [], nowMs: NOON_MS, ...about });

describe('a source', () => {
  test('without a rule has no reason to wait', () => {
    expect(due({}).reason).toBeNull();
  });

  test('joins what comes within its digest, from the first on', () => {
    const digest = { digestMs: 5 * MINUTE_MS };
    expect(due(digest)).toEqual({ atMs: NOON_MS + 5 * MINUTE_MS, reason: 'digest' });
    expect(due(digest, { firstMs: NOON_MS - 5 * MINUTE_MS }).reason).toBeNull();
  });

  test('waits at its limit until the oldest text that counts is old enough', () => {
    const limit = { limit: { count: 2, perMs: HOUR_MS } };
    const sentMs = [NOON_MS - 50 * MINUTE_MS, NOON_MS - 10 * MINUTE_MS];
    expect(due(limit, { sentMs })).toEqual({ atMs: NOON_MS + 10 * MINUTE_MS, reason: 'limit' });
    expect(due(limit, { sentMs: [NOON_MS - HOUR_MS, NOON_MS - 1] }).reason).toBeNull();
  });

  test('waits for the end of its quiet hours, also over midnight', () => {
    const quiet = { quietHours: { fromMinute: 11 * 60, toMinute: 13 * 60 } };
    expect(due(quiet)).toEqual({ atMs: NOON_MS + HOUR_MS, reason: 'quiet' });
    const night = { quietHours: { fromMinute: 23 * 60, toMinute: 7 * 60 } };
    expect(due(night).reason).toBeNull();
    expect(due(night, { nowMs: NOON_MS + 12 * HOUR_MS })).toEqual({
      atMs: NOON_MS + 19 * HOUR_MS,
      reason: 'quiet',
    });
    // What a digest would bring in the night.
    expect(due({ ...night, digestMs: 12 * HOUR_MS })).toEqual({
      atMs: NOON_MS + 19 * HOUR_MS,
      reason: 'quiet',
    });
  });
});

describe('pushes that may go', () => {
  const of = (...sources: string[]) => sources.map((source, n) => ({ source, n }));
  const texts = (left: number, ...sources: string[]) =>
    textsOf(of(...sources), { left, isHeld: false }).map(({ pushes, isLast }) => [
      pushes.map(({ n }) => n).join(''),
      isLast,
    ]);

  test('are one text for each source while there is room, and one for all near the end', () => {
    expect(texts(10, 'a', 'b', 'a')).toEqual([
      ['02', false],
      ['1', false],
    ]);
    expect(texts(4, 'a', 'b', 'a', 'c')).toEqual([
      ['02', false],
      ['13', false],
    ]);
    expect(texts(3, 'a', 'b')).toEqual([['01', false]]);
    expect(texts(1, 'a', 'b')).toEqual([['01', true]]);
    expect(texts(0, 'a')).toEqual([]);
    expect(textsOf(of('a'), { left: 9, isHeld: true })).toEqual([]);
  });

  test('wait one by one when the allowance is nearly spent, or something is held', () => {
    expect([10, 4, 3, 1, 0].map((left) => heldBack({ left, isHeld: false }))).toEqual([
      null,
      null,
      'allowance',
      'allowance',
      'allowance',
    ]);
    expect(heldBack({ left: 10, isHeld: true })).toBe('hold');
  });

  test('any of them: each in at most one text, no more texts than there is room, the last one says so', () => {
    const pushes = fc.array(
      fc.constantFrom('a', 'b', 'c', 'd').map((source) => ({ source })),
      { maxLength: 30 },
    );
    fc.assert(
      fc.property(pushes, fc.integer({ min: -2, max: 10 }), fc.boolean(), (some, left, isHeld) => {
        const going = textsOf(some, { left, isHeld });
        const told = going.flatMap(({ pushes: ones }) => ones);
        expect(new Set(told).size).toBe(told.length);
        expect(told).toHaveLength(isHeld || left <= 0 ? 0 : some.length);
        expect(going.length).toBeLessThanOrEqual(Math.max(0, left));
        for (const { pushes: ones } of going) expect(ones.length).toBeGreaterThan(0);
        going.forEach(({ isLast }, index) => void expect(isLast).toBe(left - index === 1));
        // Whatever else they need, the last ones go together.
        if (left > JOINED_FROM) expect(left - going.length).toBeGreaterThanOrEqual(JOINED_FROM - 1);
      }),
    );
  });
});

describe('a random day of one source', () => {
  const rules = fc.record<SourceRule>({
    digestMs: fc.constantFrom(0, MINUTE_MS, 30 * MINUTE_MS),
    limit: fc.option(
      fc.record({ count: fc.integer({ min: 1, max: 4 }), perMs: fc.constantFrom(10 * MINUTE_MS, HOUR_MS) }),
    ),
    quietHours: fc.option(
      fc
        .record({
          fromMinute: fc.integer({ min: 0, max: 1_439 }),
          toMinute: fc.integer({ min: 0, max: 1_439 }),
        })
        .filter(({ fromMinute, toMinute }) => fromMinute !== toMinute),
    ),
  });

  test('each push is told once, never in the quiet hours, never above the limit, never too late', () => {
    const gaps = fc.array(fc.integer({ min: 0, max: 40 }), { maxLength: 40 });
    fc.assert(
      fc.property(rules, gaps, (rule, minutes) => {
        const sentMs: number[] = [];
        const told: number[] = [];
        let waiting: number[] = [];
        let nowMs = NOON_MS;
        const look = (): void => {
          const [firstMs] = waiting;
          if (firstMs === undefined) return;
          const { reason, atMs } = dueOf(rule, { firstMs, sentMs, nowMs });
          if (reason !== null) return void expect(atMs).toBeGreaterThan(nowMs);
          expect(isQuiet(nowMs, rule.quietHours)).toBe(false);
          if (rule.limit) {
            const { count, perMs } = rule.limit;
            expect(sentMs.filter((ms) => ms > nowMs - perMs).length).toBeLessThan(count);
          }
          told.push(...waiting);
          sentMs.push(nowMs);
          waiting = [];
        };
        for (const gap of minutes) {
          for (let minute = 0; minute < gap; minute++) {
            nowMs += MINUTE_MS;
            look();
          }
          waiting.push(nowMs);
          look();
        }
        const came = told.length + waiting.length;
        expect(came).toBe(minutes.length);
        for (let minute = 0; minute < 26 * 60 && waiting.length > 0; minute++) {
          nowMs += MINUTE_MS;
          look();
        }
        expect(told).toHaveLength(minutes.length);
        expect([...told].sort((a, b) => a - b)).toEqual(told);
      }),
    );
  });
});
