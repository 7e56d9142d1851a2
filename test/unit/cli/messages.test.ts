import { expect, test } from 'vitest';
import { runHere, startHere } from '../../helpers/in-this-process.ts';
import { loggedIn, simulate } from '../../helpers/simulated.ts';
import { jsonLines, startWxagent } from '../../helpers/wxagent.ts';

type Listed = { messages: { text: string }[] };

async function withMessages(...texts: string[]) {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  for (const text of texts) simulator.control.message({ text });
  const run = await startHere(['run', '--exec', 'true', '--once'], { home }).exited;
  expect(run.code).toBe(0);
  const list = async (...args: string[]): Promise<string[]> => {
    const { stdout } = await runHere(['messages', '--json', ...args], { home });
    return (jsonLines(stdout) as unknown as Listed[]).flatMap(({ messages }) =>
      messages.map(({ text }) => text),
    );
  };
  return { simulator, home, list };
}

test('--grep finds a pattern in any case, in texts and in names of files', async () => {
  const { home, list } = await withMessages('Deploy it', '部署 v1.2', 'nothing', 'deploy\nagain');
  expect(await list('--grep', 'deploy')).toEqual(['Deploy it', 'deploy\nagain']);
  expect(await list('--grep', '^部署 v\\d')).toEqual(['部署 v1.2']);
  expect(await list('--grep', 'deploy$|nothing')).toEqual(['nothing']);
  expect(await list('--grep', 'absent')).toEqual([]);
  const wrong = await runHere(['messages', '--grep', '('], { home });
  expect([wrong.code, wrong.stdout]).toEqual([64, '']);
  expect(wrong.stderr).toContain('--grep takes a regular expression, not "("');
});

test('--grep looks through all, and shows the newest 200 that match', async () => {
  const texts = Array.from({ length: 230 }, (_, n) => `${n % 2 === 0 ? 'even' : 'odd'} ${n}`);
  const { list } = await withMessages('the first', ...texts);
  expect(await list()).toEqual(texts.slice(-200));
  expect(await list('--grep', 'first')).toEqual(['the first']);
  expect(await list('--grep', 'even')).toHaveLength(115);
  expect(await list('--grep', '.')).toEqual(texts.slice(-200));
});

test('--follow lists the newest ten, then each new one once, and ends with 0', async () => {
  const texts = Array.from({ length: 12 }, (_, n) => `old ${n}`);
  const { simulator, home } = await withMessages(...texts);
  const following = startHere(['messages', '--follow', '--json'], { home });
  await following.says('stdout', 'old 11');
  const chosen = startHere(['messages', '--follow', '--grep', 'b$'], { home });
  // Another process receives them.
  const run = startWxagent(['run', '--exec', 'true'], { home });
  await run.says('stderr', 'ready');
  simulator.control.message({ text: 'new a' });
  simulator.control.message({ text: 'new b' });
  await following.says('stdout', 'new b');
  await chosen.says('stdout', 'new b');
  const { code, stdout } = await following.stop();
  const listed = (jsonLines(stdout) as unknown as Listed[]).flatMap(({ messages }) => messages);
  expect(code).toBe(0);
  expect(listed.map(({ text }) => text)).toEqual([...texts.slice(2), 'new a', 'new b']);
  expect((await chosen.stop()).stdout).not.toContain('new a');
  await run.stop();
});
