import { expect, test } from 'vitest';
import { createTurnOver } from '../../../../src/runner/turns/turn-signals.ts';

test.each(['asked for before', 'asked for only then'])('a turn that ends, its signal %s', (when) => {
  const over = createTurnOver(new AbortController().signal);
  if (when === 'asked for before') expect(over.signal().aborted).toBe(false);
  over.end();
  expect(over.signal()).toMatchObject({ aborted: true, reason: 'over' });
  expect(over.signal()).toBe(over.signal());
});

test.each(['asked for before', 'asked for only then'])('one that is told to end, its signal %s', (when) => {
  const told = new AbortController();
  const over = createTurnOver(told.signal);
  if (when === 'asked for before') expect(over.signal().aborted).toBe(false);
  told.abort('cancel');
  expect(over.signal()).toMatchObject({ aborted: true, reason: 'over' });
});
