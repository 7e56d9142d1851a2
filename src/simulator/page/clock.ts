import { computed, signal } from '@preact/signals';
import { state } from './world.ts';

const tick = signal(Date.now());
setInterval(() => {
  tick.value = Date.now();
}, 5_000);

/** The simulator's clock, which is read again every few seconds. */
export const clockMs = computed(() => {
  // What has just changed may be newer than the last tick.
  const offsetMs = state.value?.clockOffsetMs ?? 0;
  return Math.max(tick.value, state.value ? Date.now() : 0) + offsetMs;
});
