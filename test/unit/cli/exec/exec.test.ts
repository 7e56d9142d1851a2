import { expect, test } from 'vitest';
import { runHere } from '../../../helpers/in-this-process.ts';
import { answers, loggedIn, simulate } from '../../../helpers/simulated.ts';
import { makeFolder } from '../../../helpers/wxagent.ts';

async function owner(options: { written?: boolean } = {}) {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  if (options.written !== false) simulator.control.message({ text: 'hi' });
  const exec = (...args: string[]) => runHere(['exec', ...args], { home });
  return { simulator, home, exec };
}

test('streams and exit code are the command’s; the message has the code, the time and the last lines', async () => {
  const { simulator, exec } = await owner();
  const ran = await exec('--', 'sh', '-c', 'printf "one\\ntwo"; exit 3');
  expect(ran).toEqual({ code: 3, stdout: 'one\ntwo', stderr: '' });
  const [text] = answers(simulator);
  expect(text).toMatch(/^❌ sh -c printf .*: exit code 3, \d+ (ms|s)\n```\none\ntwo\n```$/);
});

test('bytes go through as they are; of a long output the end is shown, and a file has more', async () => {
  const { simulator, exec } = await owner();
  const script =
    'for (let n = 1; n <= 5000; n++) console.log("line " + n); process.stderr.write("\\u001b[31mred\\u001b[0m\\n")';
  const ran = await exec('--title', 'count', '--output', 'file', process.execPath, '-e', script);
  expect(ran.code).toBe(0);
  expect(ran.stdout.split('\n')).toHaveLength(5_001);
  expect(ran.stderr).toBe('\u001b[31mred\u001b[0m\n');
  const shown = simulator.control.phone({}).shown.filter(({ from }) => from === 'bot');
  expect(shown.map(({ kind }) => kind)).toEqual(['text', 'file']);
  expect(shown[0]?.text).toMatch(/^✅ count: exit code 0, /);
  expect(shown[0]?.text.split('\n').length).toBeLessThanOrEqual(23);
  expect(shown[1]?.fileName).toBe('output.txt');
});

test('of what is longer than the file, no character is cut', async () => {
  const { simulator, exec } = await owner();
  const script = 'process.stdout.write("中".repeat(400_000))';
  expect(await exec('--title', 'han', '--output', 'file', process.execPath, '-e', script)).toMatchObject({
    code: 0,
  });
  const shown = simulator.control.phone({}).shown.filter(({ from }) => from === 'bot');
  const file = simulator.control.file(shown[1]?.messageId ?? '')?.toString('utf8') ?? '';
  expect([file.length, file.replaceAll('中', '')]).toEqual([349_525, '']);
});

test('--on-failure is silent about what went well', async () => {
  const { simulator, exec } = await owner();
  expect(await exec('--on-failure', 'true')).toMatchObject({ code: 0 });
  expect(answers(simulator)).toEqual([]);
  expect(await exec('--on-failure', '--output', 'none', '--title', 'nightly', 'false')).toMatchObject({
    code: 1,
  });
  expect(answers(simulator)).toEqual([expect.stringMatching(/^❌ nightly: exit code 1, \d+ ms$/)]);
});

test('what cannot be started is told as well, and is 66', async () => {
  const { simulator, exec } = await owner();
  const ran = await exec('--', './nonesuch', 'x');
  expect([ran.code, ran.stdout]).toEqual([66, '']);
  expect(answers(simulator)).toEqual(['❌ ./nonesuch x: the command "./nonesuch" does not exist']);
});

test('a message that is held, or cannot be sent, is said on stderr, and changes no exit code', async () => {
  const { exec } = await owner({ written: false });
  const held = await exec('--', 'sh', '-c', 'echo out; exit 5');
  expect([held.code, held.stdout]).toEqual([5, 'out\n']);
  expect(held.stderr).toContain('held (first-contact)');
  expect(held.stderr).toContain('do not send again');
  const nobody = await runHere(['exec', '--json', '--', 'sh', '-c', 'echo out'], { home: makeFolder() });
  expect([nobody.code, nobody.stdout]).toEqual([0, 'out\n']);
  expect(nobody.stderr).toContain('hint: wxagent login');
  const elsewhere = await runHere(
    ['exec', '--store', 'postgres://nobody@127.0.0.1:1/none', '--', 'echo', 'out'],
    {
      home: makeFolder(),
    },
  );
  expect([elsewhere.code, elsewhere.stdout]).toEqual([0, 'out\n']);
  expect(elsewhere.stderr).toContain('wxagent: ');
});

test('secrets of a command line are not sent', async () => {
  const { simulator, exec } = await owner();
  await exec('--output', 'none', '--', 'echo', '--password', 'hunter22');
  expect(answers(simulator)[0]).toMatch(/^✅ echo --password •••: /);
});

test.each([
  [[], 'exec needs a command'],
  [['--always', '--on-failure', 'true'], 'exclude each other'],
  [['--output', 'all', 'true'], '--output is one of'],
])('%j is a mistake, and nothing is run', async (args, why) => {
  const { exec } = await owner();
  const ran = await exec(...args);
  expect([ran.code, ran.stdout]).toEqual([64, '']);
  expect(ran.stderr).toContain(why);
});
