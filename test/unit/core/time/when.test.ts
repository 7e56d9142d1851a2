import { expect, test } from 'vitest';
import { parseWhen } from '../../../../src/core/time/when.ts';

/** A Sunday evening, local time. */
const NOW = new Date(2026, 10, 29, 19, 30).getTime();
const local = (day: number, hour: number, minute = 0, month = 10) =>
  new Date(2026, month, day, hour, minute).getTime();

test.each([
  ['+2h', NOW + 7_200_000],
  ['+ 90m', NOW + 5_400_000],
  ['+1d', NOW + 86_400_000],
  ['20:15', local(29, 20, 15)],
  ['9:00', local(30, 9)],
  ['19:30', local(30, 19, 30)],
  ['today 23:59', local(29, 23, 59)],
  ['tomorrow 9:00', local(30, 9)],
  ['Tomorrow  09:05', local(30, 9, 5)],
  ['明天9:00', local(30, 9)],
  ['后天 7：30', local(1, 7, 30, 11)],
  ['2026-12-01 09:00', local(1, 9, 0, 11)],
  ['2026-12-01 9:00', local(1, 9, 0, 11)],
  ['2026-12-01T09:00:30', local(1, 9, 0, 11) + 30_000],
  ['2026-12-01T09:00:00Z', Date.UTC(2026, 11, 1, 9)],
  ['2026-12-01T09:00+08:00', Date.UTC(2026, 11, 1, 1)],
])('%j', (text, atMs) => {
  expect(parseWhen(text, '--at', NOW)).toBe(atMs);
});

test.each([
  ['', 'takes a time'],
  ['soon', 'takes a time'],
  ['tomorrow', 'takes a time'],
  ['yesterday 9:00', 'takes a time'],
  ['25:00', 'takes a time'],
  ['9:60', 'takes a time'],
  ['9', 'takes a time'],
  ['9am', 'takes a time'],
  ['+2', 'with its unit'],
  ['+0', 'is past'],
  ['-2h', 'takes a time'],
  ['today 9:00', 'is past'],
  ['2026-11-29 19:29', 'is past'],
  ['2026-11-31 09:00', 'takes a time'],
  ['2026-13-01 09:00', 'takes a time'],
  ['2027-02-29 09:00', 'takes a time'],
  ['2036-01-01 09:00', 'within 366 days'],
  ['2026-12-01', 'takes a time'],
  ['2026-12-01T9:00', 'takes a time'],
])('%j: refused', (text, why) => {
  expect(() => parseWhen(text, '--at', NOW)).toThrow(why);
});

test('an hour that the clock leaves out is the one after it', () => {
  const zone = process.env.TZ;
  process.env.TZ = 'America/New_York';
  try {
    const at = parseWhen('tomorrow 2:30', '--at', Date.parse('2027-03-13T15:00:00Z'));
    expect(new Date(at).toISOString()).toBe('2027-03-14T07:30:00.000Z');
    expect(parseWhen('tomorrow 10:00', '--at', Date.parse('2027-03-13T15:00:00Z'))).toBe(
      Date.parse('2027-03-14T14:00:00Z'),
    );
  } finally {
    if (zone === undefined) delete process.env.TZ;
    else process.env.TZ = zone;
  }
});
