import { setImmediate as turn } from 'node:timers/promises';
import fc from 'fast-check';
import { expect, test } from 'vitest';
import { createOutput, type StreamName } from '../../../../src/cli/terminal/output.ts';

const KIB = 1024;

/** An output whose turns end when the test says so, and every write to a stream. */
function output(later?: (flush: () => void) => void) {
  const writes: [StreamName, string][] = [];
  const ends: (() => void)[] = [];
  const one = createOutput({
    write(stream, chunk, done) {
      writes.push([stream, String(chunk)]);
      done?.();
    },
    later: later ?? ((flush) => void ends.push(flush)),
  });
  const endTurn = (): void => {
    for (const end of ends.splice(0)) end();
  };
  return { ...one, writes, ends, endTurn };
}

test('the lines of everything that one turn settles are one write, those of the next another', async () => {
  const { soon, writes } = output(process.nextTick);
  let settle = (): void => {};
  const commit = new Promise<void>((resolve) => {
    settle = resolve;
  });
  const lines = Array.from({ length: 50 }, async (_, n) => {
    await commit;
    soon('stderr', `<- ${n}\n`);
    await null;
    soon('stderr', `-> ${n}\n`);
  });
  await turn();
  settle();
  await Promise.all(lines);
  await turn();
  expect(writes).toHaveLength(1);
  expect(writes[0]?.[1].split('\n')).toHaveLength(101);
  soon('stderr', 'later\n');
  expect(writes).toHaveLength(1);
  await turn();
  expect(writes.slice(1)).toEqual([['stderr', 'later\n']]);
});

test('neighbours for one stream are joined, and the streams keep their order', () => {
  const { soon, writes, ends, endTurn } = output();
  for (const text of ['a', 'b']) soon('stderr', text);
  for (const text of ['c', 'd']) soon('stdout', text);
  soon('stderr', 'e');
  expect([writes, ends.length]).toEqual([[], 1]);
  endTurn();
  expect(writes).toEqual([
    ['stderr', 'ab'],
    ['stdout', 'cd'],
    ['stderr', 'e'],
  ]);
});

test('what is written at once comes behind what waits, and is told when it is out', () => {
  const { soon, now, writes, endTurn } = output();
  let isOut = false;
  soon('stderr', 'log\n');
  now('stdout', new Uint8Array([0x62]), () => {
    isOut = true;
  });
  expect([isOut, writes]).toEqual([
    true,
    [
      ['stderr', 'log\n'],
      ['stdout', '98'],
    ],
  ]);
  endTurn();
  expect(writes).toHaveLength(2);
});

test('no more than 4 KiB are joined, counted in bytes', () => {
  const { soon, writes, endTurn } = output();
  const line = '信'.repeat(KIB / 3); // 1 KiB but for a byte
  for (let n = 0; n < 4; n++) soon('stderr', line);
  soon('stdout', '1234'); // 4 KiB to the byte
  expect(writes).toEqual([]);
  soon('stdout', 'y');
  expect(writes.map(([stream, text]) => [stream, text.length])).toEqual([
    ['stderr', 4 * line.length],
    ['stdout', 4],
  ]);
  // The count begins anew, and what is longer than that goes whole.
  soon('stdout', 'z'.repeat(5 * KIB));
  soon('stdout', 'end');
  endTurn();
  expect(writes.slice(2).map(([, text]) => text.length)).toEqual([1, 5 * KIB, 3]);
});

test('a stream that throws loses its own text only', () => {
  const texts: string[] = [];
  const { soon, flush } = createOutput({
    write(stream, chunk) {
      if (stream === 'stdout') throw new Error('gone');
      texts.push(String(chunk));
    },
    later() {},
  });
  soon('stdout', 'a');
  soon('stderr', 'b');
  expect(flush).toThrow('gone');
  flush();
  expect(texts).toEqual(['b']);
});

test('whatever is written how: all of it once, in order', () => {
  const step = fc.oneof(
    fc.record({
      how: fc.constantFrom('soon' as const, 'now' as const),
      stream: fc.constantFrom<StreamName>('stdout', 'stderr'),
      text: fc.oneof(fc.string({ minLength: 1, maxLength: 5 }), fc.constant('x'.repeat(3 * KIB))),
    }),
    fc.constantFrom({ how: 'end' as const }, { how: 'flush' as const }),
  );
  fc.assert(
    fc.property(fc.array(step), (steps) => {
      const { soon, now, flush, writes, endTurn } = output();
      const given: [StreamName, string][] = [];
      for (const one of steps) {
        if (one.how === 'end') endTurn();
        else if (one.how === 'flush') flush();
        else {
          (one.how === 'soon' ? soon : now)(one.stream, one.text);
          given.push([one.stream, one.text]);
        }
      }
      endTurn();
      expect(joined(writes)).toEqual(joined(given));
    }),
  );
});

/** The texts with neighbours for the same stream joined, as they may have been. */
function joined(texts: readonly [StreamName, string][]): [StreamName, string][] {
  const result: [StreamName, string][] = [];
  for (const [stream, text] of texts) {
    const last = result.at(-1);
    if (last?.[0] === stream) last[1] += text;
    else result.push([stream, text]);
  }
  return result;
}
