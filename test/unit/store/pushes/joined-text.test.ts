import fc from 'fast-check';
import { expect, test } from 'vitest';
import { tellPushes } from '../../../../src/runner/delivery/push-texts.ts';
import { inShort, type Told, toldOf, toldTogether } from '../../../../src/store/pushes/joined-text.ts';

const textOf = (told: Told): string =>
  tellPushes({ waiting: 0, isLast: false, isAsked: false, ...told }, 'en');

test('what is joined bit by bit, and kept in short between, is the text of all', () => {
  fc.assert(
    fc.property(
      fc.array(
        fc.record({
          source: fc.constantFrom('n', 'a much longer name'),
          text: fc.oneof(
            fc.string(),
            fc.string({ minLength: 390, maxLength: 2_000 }),
            fc.constant('  x\n'),
            fc.constant(''),
          ),
          reason: fc.constantFrom(null, 'hold', 'limit', 'quiet'),
        }),
        { minLength: 2, maxLength: 600 },
      ),
      fc.array(fc.nat(80), { minLength: 1, maxLength: 20 }),
      (pushes, sizes) => {
        const all = pushes.map((push, n) => toldOf({ cameAtMs: n * 60_000, ...push }));
        const whole = textOf(toldTogether(all));
        let [told, taken] = [all[0] as Told, 1];
        for (const size of sizes) {
          told = inShort(toldTogether([told, ...all.slice(taken, taken + size)]));
          taken = Math.min(all.length, taken + size);
        }
        expect(textOf(toldTogether([told, ...all.slice(taken)]))).toBe(whole);
        expect(JSON.stringify(told).length).toBeLessThan(40_000);
      },
    ),
  );
});
