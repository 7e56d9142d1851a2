import { expect, test } from 'vitest';
import { runHere } from '../../../helpers/in-this-process.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { answers, loggedIn, simulate } from '../../../helpers/simulated.ts';

/** A home whose owner has just written, with a second account named wife, whose owner has too. */
async function household() {
  const simulator = await simulate();
  const { home, user } = loggedIn(simulator, { user: 'o9me@im.wechat' });
  const wife = loggedIn(simulator, { home, user: 'o9wife@im.wechat', name: 'wife' });
  for (const one of [user, wife.user]) simulator.control.message({ user: one, text: 'hi' });
  const send = (args: string[], stdin: string | Buffer = '') =>
    runHere(['send', ...args], { home, io: { readStdin: async () => Buffer.from(stdin) } });
  return { simulator, home, user, wife, send };
}

test('--to takes ids, and names of accounts for their owners', async () => {
  const { simulator, user, wife, send } = await household();
  expect(await send(['for me'])).toEqual({ code: 0, stdout: '', stderr: '' });
  expect(await send(['--to', user, 'by id'])).toMatchObject({ code: 0, stderr: '' });
  expect(await send(['--to', 'wife', 'by name'])).toMatchObject({ code: 0, stderr: '' });
  expect(await send(['--to', wife.id, 'by bot'])).toMatchObject({ code: 0, stderr: '' });
  expect(answers(simulator, user)).toEqual(['for me', 'by id']);
  expect(answers(simulator, wife.user)).toEqual(['by name', 'by bot']);
  // An id of the right form may be of somebody who has yet to write.
  expect((await send(['--to', 'o9new@im.wechat', '--wait', '0', 'x'])).code).toBe(75);
});

test('--to what cannot be an id: refused with those who are known, and nothing is held', async () => {
  const { home, user, send } = await household();
  expect((await send(['first'])).code).toBe(0);
  const odd = [
    '张三',
    'Wife',
    'o9me',
    'o9 me@im.wechat',
    '@im.wechat',
    'o9me@',
    'x@im.bot',
    'o9é@im.wechat',
    'a\nb',
    ' ',
  ];
  for (const to of odd) {
    const { code, stdout, stderr } = await send(['--to', to, 'hi']);
    expect([code, stdout], to).toEqual([66, '']);
    expect(stderr).toContain(`known here: ${user}`);
  }
  expect((await send(['--to', '', 'hi'])).code).toBe(64);
  expect((await runHere(['outbox'], { home })).stderr).toBe('Nothing is queued.\n');
});

test('a text is sent as a terminal shows it in the end, whichever way it comes', async () => {
  const simulator = await simulate();
  const cases: [args: string[], stdin: string, shown: string][] = [
    [[], ' 10 %\r 50 %\r100 %\ndone\n', '100 %\ndone'],
    [[], '\u001b[32mok\u001b[0m\u001b]0;title\u0007\n', 'ok'],
    [[], 'ab\b\bAB\n', 'AB'],
    [['loading\rready  '], '', 'ready'],
    [['--format', 'code'], 'x\rdone\u001b[K\n', '```\ndone\n```'],
    [[], '\ufeffwith a mark\r\n', 'with a mark'],
    [['--format', 'raw'], 'no newline', 'no newline'],
  ];
  // Each from a home of its own: the pace between messages holds across processes.
  await Promise.all(
    cases.map(async ([args, stdin, shown], index) => {
      const user = `o9u${index}@im.wechat`;
      const { home } = loggedIn(simulator, { user });
      simulator.control.message({ user, text: 'hi' });
      const io = { readStdin: async () => Buffer.from(stdin) };
      const ran = await runHere(['send', ...args], { home, io });
      expect(ran, JSON.stringify(stdin)).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(answers(simulator, user).map((text) => text.trim())).toEqual([shown]);
    }),
  );
});

test.each([
  ['', 64, 'the text is empty'],
  ['\u001b[2J\r\n', 64, 'the text is empty'],
  [Buffer.from([0x89, 0x50, 0x4e, 0x47, 0, 0]), 65, 'hint: wxagent send --file - --name'],
])('stdin of %j cannot be sent', async (stdin, code, said) => {
  const { send } = await household();
  const ran = await send([], stdin);
  expect([ran.code, ran.stdout]).toEqual([code, '']);
  expect(ran.stderr).toContain(said);
});

test('an empty key is none, and what was dropped at once has its reason', async () => {
  const { send } = await household();
  for (const flag of ['--id', '--key']) {
    expect(await send([flag, '', 'x'])).toMatchObject({
      code: 64,
      stderr: expect.stringContaining(`${flag} needs`),
    });
  }
  const late = await send(['--ttl', '0', '--no-hold', 'x']);
  expect(late).toEqual({ code: 69, stdout: '', stderr: '-> 1 could not go now and was dropped (ttl)\n' });
});

test('outbox drop says what has become of a part, and takes back nothing that is being sent', async () => {
  const { simulator, home, send } = await household();
  const drop = (id: string) => runHere(['outbox', 'drop', id], { home });
  expect((await send(['first'])).code).toBe(0);
  expect((await send(['--to', 'o9new@im.wechat', '--wait', '0', 'held'])).code).toBe(75);
  expect(await drop('2')).toEqual({ code: 0, stdout: '', stderr: 'Dropped.\n' });
  expect((await drop('2')).code).toBe(66);

  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'hang', count: 1 });
  const asked = (): number => simulator.control.requests({ endpoint: 'sendmessage' }).length;
  const before = asked();
  const stop = new AbortController();
  const sending = runHere(['send', 'on its way'], { home, stop: stop.signal });
  await pollUntil('the request', () => asked() > before);
  expect(await drop('3')).toMatchObject({ code: 75, stdout: '' });
  expect((await drop('3')).stderr).toContain('is being sent just now');
  stop.abort();
  expect((await sending).code).toBe(75);
  expect((await drop('3')).stderr).toContain('it may have arrived');
});

test('download last, before anything was received, says what receives', async () => {
  const { home, send } = await household();
  const last = () => runHere(['download', 'last'], { home });
  expect(await last()).toMatchObject({
    code: 66,
    stderr: expect.stringContaining('hint: wxagent listen --once\n'),
  });
  expect((await send(['first'])).code).toBe(0);
  expect(await last()).toMatchObject({
    code: 66,
    stderr: expect.stringContaining('hint: wxagent messages\n'),
  });
});
