import { expect, test } from 'vitest';
import type { Clock } from '../../src/core/time/clock.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, loggedIn, simulate } from '../helpers/simulated.ts';
import { DAY_MS, HOUR_MS, wallClock } from '../helpers/wall-clock.ts';
import { jsonLines } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];

interface Held {
  id: string;
  text: string;
  verdict: string;
  reason: string | null;
}

async function outbox(home: string): Promise<Held[]> {
  const [listed] = jsonLines((await runHere(['outbox', '--json'], { home })).stdout);
  return listed?.parts as Held[];
}

/** Texts that are held, for nobody has written yet. */
async function hold(home: string, texts: readonly string[], clock?: Clock): Promise<void> {
  for (const text of texts)
    expect((await runHere(['send', text], { home, ...(clock && { clock }) })).code).toBe(75);
}

test('held texts outlive restarts, are shown, and go first in one text with their times', async () => {
  const simulator = await simulate();
  const { home, user } = loggedIn(simulator);
  const clock = wallClock();
  clock.set(-DAY_MS);
  await hold(home, ['from yesterday'], clock);
  await hold(home, ['from today', 'and nothing more']);
  for (let restart = 0; restart < 2; restart++) {
    expect((await runHere(['run', '--echo', '--once', ...QUICK], { home })).code).toBe(0);
  }
  const run = startHere(['run', '--echo', ...QUICK], { home });
  await run.says('stderr', 'ready');
  const held = await outbox(home);
  expect(held).toMatchObject(
    ['from yesterday', 'from today', 'and nothing more'].map((text) => ({
      text,
      verdict: 'held',
      reason: 'first-contact',
    })),
  );
  const [status] = jsonLines((await runHere(['status', '--json'], { home })).stdout);
  expect(status?.accounts).toMatchObject([
    {
      outbox: { queued: 0, sending: 0, held: 3 },
      users: [{ id: user, hold: { reason: 'first-contact', parts: 3, since: expect.stringMatching(/Z$/) } }],
    },
  ]);
  expect((await runHere(['status'], { home })).stdout).toContain('3 held (first-contact)');

  // Taken out by hand, while a runner is at work.
  expect((await runHere(['outbox', 'drop', held[2]?.id ?? ''], { home })).code).toBe(0);
  expect(await runHere(['outbox', 'drop', held[2]?.id ?? ''], { home })).toMatchObject({ code: 66 });
  simulator.control.message({ text: 'hi' });
  expect(await answered(simulator, 2)).toEqual([
    expect.stringMatching(/^\[\d\d-\d\d \d\d:\d\d\]\nfrom yesterday\n\n\[\d\d:\d\d\]\nfrom today$/),
    'hi',
  ]);
  // The phone may show the last one before that is stored.
  expect((await run.stop()).code).toBe(0);
  expect(await outbox(home)).toEqual([]);
});

test('twenty long texts leave four messages for the answer: the rest goes as one file', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const texts = Array.from({ length: 20 }, (_, n) => `text${n} ${'word '.repeat(700)}end${n}`);
  await Promise.all([hold(home, texts.slice(0, 10)), hold(home, texts.slice(10))]);
  simulator.control.message({ text: 'hi' });
  const run = await runHere(
    ['run', '--once', ...QUICK, '--exec', "for n in 1 2 3 4; do printf '%03900d\\n' $n; done"],
    { home },
  );
  expect(run.code, run.stderr).toBe(0);
  const shown = simulator.control.phone().shown.filter(({ from }) => from === 'bot');
  // Ten in all is what the user's message pays for: nothing is held again, the answer is whole.
  expect(await outbox(home)).toEqual([]);
  expect(shown.slice(-4).map(({ text }) => Number(text))).toEqual([1, 2, 3, 4]);
  expect(shown.length).toBeLessThanOrEqual(10);
  expect(shown.map(({ kind }) => kind).filter((kind) => kind === 'file')).toEqual(['file']);
  expect(shown.at(-5)?.kind).toBe('file');
  const file = simulator.control.file(shown.at(-5)?.messageId ?? '')?.toString('utf8') ?? '';
  const released = `${shown
    .slice(0, -5)
    .map(({ text }) => text)
    .join(' ')} ${file}`;
  expect(released.startsWith('[')).toBe(true);
  const words = (text: string): string[] =>
    text.split(/\s+/).filter((word) => !/^\[?\d\d:\d\d\]$/.test(word));
  expect(
    words(released)
      .filter((word) => word !== '')
      .sort(),
  ).toEqual(words(texts.join(' ')).sort());
});

test('what is held too long expires: the next release counts it, retry --expired brings it back', async () => {
  // The wall clock alone tells the time: a server's would tell that nothing but that clock has moved.
  const simulator = await simulate({ dateOffsetMs: null });
  const { home } = loggedIn(simulator);
  const clock = wallClock();
  await hold(home, ['old one', 'old two']);
  clock.set(2 * HOUR_MS);
  simulator.control.advance(2 * HOUR_MS);
  await hold(home, ['newer'], clock);
  const run = startHere(['run', '--echo', '--hold-max', '1h', ...QUICK], {
    home,
    clock,
  });
  await run.says('stderr', 'ready');
  let left: Held[] = [];
  const look = setInterval(async () => {
    left = await outbox(home);
  }, 300);
  await pollUntil('two have expired', () => left.length === 1).finally(() => clearInterval(look));
  expect(left).toMatchObject([{ text: 'newer', verdict: 'held' }]);

  simulator.control.message({ text: 'hi' });
  const [first, second] = await answered(simulator, 2);
  expect(first).toContain('(2 older messages have expired and were not sent to you)');
  expect(first).toContain('newer');
  expect(first).not.toMatch(/old one|old two/);
  expect(second).toBe('hi');
  // Told once.
  simulator.control.message({ text: 'hi again' });
  expect((await answered(simulator, 3)).slice(2)).toEqual(['hi again']);

  const retried = await runHere(['retry', '--expired', '--json'], { home, clock });
  expect(jsonLines(retried.stdout)).toEqual([{ v: 1, type: 'retry', count: 2 }]);
  expect((await answered(simulator, 5)).slice(3)).toEqual(['old one', 'old two']);
  expect((await run.stop()).code).toBe(0);
});
