import { describe, expect, test } from 'vitest';
import { parseCount, parseDurationMs, parseSizeBytes, shownSize } from '../../../src/core/units.ts';

describe('a size as people are told it', () => {
  test.each([
    [0, '0 B'],
    [1_000, '1000 B'],
    [1_023, '1023 B'],
    [1_024, '1 KiB'],
    [1_536, '1.5 KiB'],
    [16 * 1_048_576, '16 MiB'],
    [2_000_000, '1.9 MiB'],
    [3 * 1_073_741_824, '3 GiB'],
    [5_000 * 1_073_741_824, '5000 GiB'],
  ])('%i bytes are %s', (bytes, text) => {
    expect(shownSize(bytes)).toBe(text);
  });

  test.each(['1000B', '16KiB', '100MiB', '2GiB'])('is %s where the flag said so', (text) => {
    expect(shownSize(parseSizeBytes(text, '--max-media')).replace(' ', '')).toBe(text);
  });
});

describe('a size as people type it', () => {
  test.each([
    ['0', 0],
    ['10B', 10],
    ['10K', 10_240],
    ['10k', 10_240],
    ['10KB', 10_000],
    ['10kB', 10_000],
    ['10KiB', 10_240],
    ['10M', 10_485_760],
    ['10m', 10_485_760],
    ['10MB', 10_000_000],
    ['10mb', 10_000_000],
    ['10mib', 10_485_760],
    ['10 MiB', 10_485_760],
    ['1.5G', 1_610_612_736],
    ['2gb', 2_000_000_000],
  ])('%s is %i bytes', (text, bytes) => {
    expect(parseSizeBytes(text, '--max-media')).toBe(bytes);
  });

  test.each(['10', '', 'M', '-1M', '1e3M', '10Mo', '10T', '10 m b', '99999999999G', '１０M', '0x10M'])(
    '%j is none',
    (text) => {
      expect(() => parseSizeBytes(text, '--max-media')).toThrow(/--max-media takes a size with its unit/);
    },
  );
});

test.each(['30', '1.5', '5M', '30S', '1h30m', '', '-5s', '99999999999999999d'])(
  'a duration has a unit, as it is written: %j is none',
  (text) => {
    expect(() => parseDurationMs(text, '--timeout')).toThrow(/--timeout takes a duration with its unit/);
  },
);

test('a count has its bounds', () => {
  expect(parseCount('65535', '--port', 0, 65_535)).toBe(65_535);
  for (const text of ['65536', '80808', '-1', '8080x', '1e3', ''])
    expect(() => parseCount(text, '--port', 0, 65_535)).toThrow(
      `--port takes a whole number from 0 to 65535, not "${text}"`,
    );
});

test('a duration may be as long as a life, and no longer: a time beyond has no date', () => {
  expect(parseDurationMs('30d', '--ttl')).toBe(30 * 86_400_000);
  expect(parseDurationMs('36500d', '--ttl')).toBe(36_500 * 86_400_000);
  for (const text of ['36501d']) expect(() => parseDurationMs(text, '--ttl')).toThrow('at most 36500d');
});
