import fc from 'fast-check';
import { describe, expect, onTestFinished, test, vi } from 'vitest';
import { askTimeMs } from '../../../../src/core/message/window-keeper.ts';
import { isQuiet, parseQuietHours, quietHoursShown } from '../../../../src/core/time/quiet-hours.ts';

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

  test('in the nights in which the clocks change as well', () => {
    vi.stubEnv('TZ', 'Europe/Berlin');
    onTestFinished(() => void vi.unstubAllEnvs());
    expect(new Date('2026-07-01T00:00:00Z').getHours()).toBe(2);
    const asked = ['2026-03-29T08:30:00', '2026-10-25T08:30:00', '2026-10-24T08:30:00'].map((end) =>
      new Date(askTimeMs(new Date(end).getTime(), { quietHours, text: null })).toString().slice(16, 21),
    );
    expect(asked).toEqual(['21:45', '22:45', '22:45']);
  });
});
