import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHere } from '../helpers/in-this-process.ts';
import { answers, loggedIn, simulate } from '../helpers/simulated.ts';

const QUICK = ['--pace', '0', '--no-typing'];
const LONG = Array.from({ length: 6_000 }, (_, n) => `w${n}`).join(' ');

test('more than --max-parts, or than the budget has left: the beginning, how long it is, and a file', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  writeFileSync(join(home, 'long'), LONG);
  const answer = async (...flags: string[]) => {
    const before = simulator.control.phone().last;
    simulator.control.message({ text: 'hi' });
    const run = await runHere(['run', '--once', ...QUICK, '--exec', 'cat long', ...flags], { home });
    expect(run.code, run.stderr).toBe(0);
    return simulator.control.phone({ after: before }).shown.filter(({ from }) => from === 'bot');
  };
  const expectShort = (shown: Awaited<ReturnType<typeof answer>>, name: RegExp): void => {
    expect(shown.map(({ kind }) => kind)).toEqual(['text', 'file']);
    const [text, file] = shown;
    const beginning = text?.text.split('\n\n')[0] ?? '';
    expect(beginning.length).toBeGreaterThan(700);
    expect(beginning.length).toBeLessThanOrEqual(800);
    expect(LONG.startsWith(beginning)).toBe(true);
    expect(text?.text).toContain(`${LONG.length} characters`);
    expect(file?.fileName).toMatch(name);
    expect(simulator.control.file(file?.messageId ?? '')?.toString('utf8')).toBe(LONG);
  };
  expectShort(await answer(), /^answer-\d{8}-\d{6}\.txt$/);
  expectShort(await answer('--long-as', 'md'), /\.md$/);

  // Nine parts of it would do.
  const parts = await answer('--max-parts', '20');
  expect(parts).toHaveLength(Math.ceil(LONG.length / 4_000));
  expect(parts.map(({ text }) => text).join(' ')).toBe(LONG);
  // But not when there are eighteen, for the user's message pays for ten.
  expectShort(await answer('--max-parts', '20', '--max-chars', '2000'), /\.txt$/);
});

test('files left in WXAGENT_REPLY_DIR follow the text, by name, as they were', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  const agent =
    'cd "$WXAGENT_REPLY_DIR"; printf "\\000\\001\\377" >b.bin; printf report >a.txt; echo here they are';
  const run = await runHere(['run', '--once', ...QUICK, '--exec', agent], { home });
  expect(run.code, run.stderr).toBe(0);
  const shown = simulator.control.phone().shown.filter(({ from }) => from === 'bot');
  expect(shown.map(({ kind, text, fileName }) => [kind, fileName ?? text])).toEqual([
    ['text', 'here they are'],
    ['file', 'a.txt'],
    ['file', 'b.bin'],
  ]);
  const bytes = shown.slice(1).map(({ messageId }) => simulator.control.file(messageId ?? ''));
  expect(bytes).toEqual([Buffer.from('report'), Buffer.from([0, 1, 255])]);
});

test('an upload that goes wrong is begun anew; the file arrives once, behind its text', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.addFault({ endpoint: 'upload', kind: 'status', status: 500, count: 1 });
  simulator.control.addFault({ endpoint: 'getuploadurl', kind: 'reset', count: 1 });
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'reset', processed: true, skip: 1, count: 1 });
  simulator.control.message({ text: 'hi' });
  const run = await runHere(
    ['run', '--once', ...QUICK, '--exec', 'echo text; echo x >"$WXAGENT_REPLY_DIR/x.txt"'],
    { home },
  );
  expect(run.code, run.stderr).toBe(0);
  expect(simulator.control.faults().map(({ struck }) => struck)).toEqual([1, 1, 1]);
  const shown = simulator.control.phone().shown.filter(({ from }) => from === 'bot');
  expect(shown.map(({ kind }) => kind)).toEqual(['text', 'file']);
  expect(answers(simulator)[0]).toBe('text');
});
