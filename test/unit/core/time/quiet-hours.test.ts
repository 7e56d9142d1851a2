import fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { askTimeMs, mayAskUntilMs, nextAskTimeMs } from '../../../../src/core/message/window-keeper.ts';
import {
  isQuiet,
  parseQuietHours,
  quietFromMs,
  quietHoursShown,
  quietSinceMs,
  quietUntilMs,
} from '../../../../src/core/time/quiet-hours.ts';

const at = (time: string): number => new Date(`2026-11-29T${time}:00`).getTime();
const HOUR_MS = 3_600_000;

test.each([
  ['23:00-07:00', '22:59', false],
  ['23:00-07:00', '23:00', true],
  ['23:00-07:00', '06:59', true],
  ['23:00-07:00', '07:00', false],
  ['12:30-13:30', '13:00', true],
  ['12:30-13:30', '00:00', false],
  ['22:00-24:00', '23:59', true],
  ['22:00-24:00', '00:00', false],
  ['0:00-7:05', '07:04', true],
])('%s at %s: %s', (hours, time, quiet) => {
  expect(isQuiet(at(time), parseQuietHours(hours, '--quiet-hours'))).toBe(quiet);
});

test.each([
  '',
  '23-7',
  '23:00',
  '23:00-23:00',
  '24:00-07:00',
  '23:60-07:00',
  '00:00-24:00',
  '25:00-07:00',
  '23:00–07:00',
  ' 23:00-07:00',
])('"%s" is refused', (text) => {
  expect(() => parseQuietHours(text, '--quiet-hours')).toThrow('takes two times of the day');
});

// In spring 02:00 to 03:00 is missing in Berlin, and 02:00 to 02:30 on Lord Howe; in autumn they come twice.
test.each([
  ['Europe/Berlin', '23:00-07:00', '2027-03-27T23:30:00+01:00', '23:00', '07:00'],
  ['Europe/Berlin', '23:00-07:00', '2027-03-28T04:00:00+02:00', '23:00', '07:00'],
  ['Europe/Berlin', '23:00-02:30', '2027-03-28T01:59:00+01:00', '23:00', '03:00'],
  ['Europe/Berlin', '02:30-07:00', '2027-03-28T03:00:00+02:00', '03:00', '07:00'],
  ['Europe/Berlin', '23:00-07:00', '2027-10-30T23:30:00+02:00', '23:00', '07:00'],
  ['Europe/Berlin', '23:00-07:00', '2027-10-31T02:30:00+01:00', '23:00', '07:00'],
  ['Australia/Lord_Howe', '23:00-07:00', '2026-10-04T01:59:30+10:30', '23:00', '07:00'],
  ['Asia/Shanghai', '23:00-07:00', '2028-02-29T02:00:59.999+08:00', '23:00', '07:00'],
])('in %s, %s at %s: from %s to %s', (zone, hours, time, from, to) => {
  inZone(zone);
  const quiet = parseQuietHours(hours, '--quiet-hours');
  const shown = [quietSinceMs, quietUntilMs].map((edge) =>
    new Date(edge(Date.parse(time), quiet)).toTimeString().slice(0, 5),
  );
  expect(shown).toEqual([from, to]);
});

test.each([
  ['Europe/Berlin', '23:00-07:00', '2027-03-27T22:59:30+01:00', '2027-03-27T23:00:00+01:00'],
  ['Europe/Berlin', '23:00-07:00', '2027-03-28T07:00:00+02:00', '2027-03-28T23:00:00+02:00'],
  ['Europe/Berlin', '02:30-07:00', '2027-03-28T01:00:00+01:00', '2027-03-28T03:00:00+02:00'],
  ['Europe/Berlin', '02:00-03:00', '2027-03-28T01:00:00+01:00', '2027-03-29T02:00:00+02:00'],
  ['Europe/Berlin', '23:00-07:00', '2027-10-31T07:00:00+01:00', '2027-10-31T23:00:00+01:00'],
])('in %s, %s after %s: from %s', (zone, hours, time, from) => {
  inZone(zone);
  expect(quietFromMs(Date.parse(time), parseQuietHours(hours, '--quiet-hours'))).toBe(Date.parse(from));
});

function inZone(zone: string): void {
  vi.stubEnv('TZ', zone);
  onTestFinished(() => void vi.unstubAllEnvs());
  expect(Intl.DateTimeFormat().resolvedOptions().timeZone).toBe(zone);
}

describe('when a user is asked', () => {
  const quietHours = parseQuietHours('23:00-07:00', '--quiet-hours');

  test('two hours before the end, or before the quiet hours in which that would be', () => {
    expect(askTimeMs(at('20:00'), { quietHours: null, text: null })).toBe(at('18:00'));
    expect(askTimeMs(at('20:00'), { quietHours, text: null })).toBe(at('18:00'));
    expect(askTimeMs(at('08:30'), { quietHours, text: null })).toBe(at('22:45') - 24 * HOUR_MS);
  });

  test('never in quiet hours, always before the end', () => {
    const minute = fc.integer({ min: 0, max: 24 * 60 - 1 });
    const hours = fc
      .tuple(minute, fc.integer({ min: 1, max: 12 * 60 }))
      .map(([from, long]) => ({ fromMinute: from, toMinute: (from + long) % (24 * 60) }));
    fc.assert(
      fc.property(hours, fc.integer({ min: 0, max: 3 * 24 * 60 }), (quiet, minutes) => {
        const endsAtMs = at('12:00') + minutes * 60_000;
        const askMs = askTimeMs(endsAtMs, { quietHours: quiet, text: null });
        return !isQuiet(askMs, quiet) && askMs <= endsAtMs - 2 * HOUR_MS && askMs > endsAtMs - 24 * HOUR_MS;
      }),
    );
    expect(quietHoursShown(quietHours)).toBe('23:00-07:00');
  });

  test('who was not asked before the quiet hours: when they are over, if that is in time', () => {
    const keeper = { quietHours, text: null };
    const ended = at('08:30');
    expect(nextAskTimeMs(ended, keeper, at('22:00') - 24 * HOUR_MS)).toBe(at('22:45') - 24 * HOUR_MS);
    expect(nextAskTimeMs(ended, keeper, at('02:00'))).toBe(at('07:00'));
    expect(nextAskTimeMs(at('06:30'), keeper, at('02:00'))).toBe(null);
    expect(nextAskTimeMs(ended, keeper, at('08:00'))).toBe(at('22:45') - 24 * HOUR_MS);
    expect(nextAskTimeMs(ended, { quietHours: null, text: null }, at('02:00'))).toBe(at('06:30'));
  });

  test('a question that waits is not sent when quiet hours have begun', () => {
    expect(mayAskUntilMs(at('22:45'), { quietHours, text: null })).toBe(at('23:00'));
    expect(mayAskUntilMs(at('22:45'), { quietHours: null, text: null })).toBe(at('22:45') + 24 * HOUR_MS);
  });

  test('in the nights in which the clocks change as well', () => {
    inZone('Europe/Berlin');
    const asked = ['2026-03-29T08:30:00', '2026-10-25T08:30:00', '2026-10-24T08:30:00'].map((end) =>
      new Date(askTimeMs(new Date(end).getTime(), { quietHours, text: null })).toString().slice(16, 21),
    );
    expect(asked).toEqual(['22:45', '22:45', '22:45']);
  });
});
