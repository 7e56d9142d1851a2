import { describe, expect, test } from 'vitest';
import { parseSizeBytes, shownSize } from '../../../src/core/units.ts';

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
