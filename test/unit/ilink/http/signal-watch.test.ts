import { getEventListeners } from 'node:events';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { watchSignal } from '../../../../src/ilink/http/signal-watch.ts';

test('whoever still waits is told, once; the signal has one listener for all of them until it fires', () => {
  const steps = fc.array(fc.oneof(fc.constant('watch' as const), fc.nat(9)), { maxLength: 40 });
  fc.assert(
    fc.property(steps, (given) => {
      const stop = new AbortController();
      const watches: { told: number; waits: boolean; unwatch: () => void }[] = [];
      for (const step of given) {
        if (step === 'watch') {
          const watch = { told: 0, waits: true, unwatch: () => {} };
          watch.unwatch = watchSignal(stop.signal, () => {
            watch.told++;
          });
          watches.push(watch);
        } else {
          // Some are unwatched twice.
          const watch = watches[step];
          watch?.unwatch();
          if (watch) watch.waits = false;
        }
        expect(getEventListeners(stop.signal, 'abort')).toHaveLength(watches.length > 0 ? 1 : 0);
      }
      stop.abort();
      expect(watches.map(({ told }) => told)).toEqual(watches.map(({ waits }) => (waits ? 1 : 0)));
      for (const { unwatch } of watches) unwatch();
      expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
    }),
  );
});

test('signals do not meet', () => {
  const [one, other] = [new AbortController(), new AbortController()];
  const told: string[] = [];
  watchSignal(one.signal, () => told.push('one'));
  watchSignal(other.signal, () => told.push('other'));
  other.abort();
  expect(told).toEqual(['other']);
});

test('who is told may stop waiting at once', () => {
  const stop = new AbortController();
  const told: number[] = [];
  const unwatch = [0, 1, 2].map((n) =>
    watchSignal(stop.signal, () => {
      told.push(n);
      for (const one of unwatch) one();
    }),
  );
  stop.abort();
  expect(told).toEqual([0, 1, 2]);
  expect(getEventListeners(stop.signal, 'abort')).toHaveLength(0);
});
