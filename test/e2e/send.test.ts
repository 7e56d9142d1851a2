import { expect, test } from 'vitest';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines, startOnTerminal, wxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];

test('before the user has ever written: held, 75; delivered when they write', async () => {
  const simulator = await simulate();
  const { home, user, id } = loggedIn(simulator);
  const sent = await runHere(['send', '--json', 'good', 'morning'], { home });
  expect(sent.code, sent.stderr).toBe(75);
  expect(jsonLines(sent.stdout)).toEqual([
    {
      v: 1,
      type: 'send',
      account: id,
      user,
      parts: [
        {
          clientId: expect.any(String),
          kind: 'text',
          name: null,
          verdict: 'held',
          reason: 'first-contact',
          messageId: null,
        },
      ],
      exit: 75,
    },
  ]);
  // It has looked whether they have written meanwhile, and has tried nothing else.
  expect(simulator.control.requests({ endpoint: 'getupdates' })).not.toHaveLength(0);
  expect(simulator.control.requests({ endpoint: 'sendmessage' })).toHaveLength(0);
  const plain = await runHere(['send', 'are you up?'], { home });
  expect(plain).toMatchObject({ code: 75, stdout: '' });
  expect(plain.stderr).toContain('held (first-contact)');

  simulator.control.message({ text: 'hi' });
  const run = await runHere(['run', '--once', ...QUICK, '--exec', 'echo hello'], { home });
  expect(run.code, run.stderr).toBe(0);
  const texts = answers(simulator);
  expect(texts.at(-1)).toBe('hello');
  expect(texts.slice(0, -1).join('\n')).toMatch(/good morning.*are you up\?/s);
});

test('text from arguments and stdin, in every form; quiet on success', async () => {
  const simulator = await simulate();
  const long = 'word '.repeat(900).trim();
  const forms: [args: string[], input: string | undefined, shown: string[]][] = [
    [['two', 'words'], undefined, ['two words']],
    [['--', '--force', '-x'], undefined, ['--force -x']],
    [[], 'from stdin\n', ['from stdin']],
    [['--stdin'], 'line one\nline two\n', ['line one\nline two']],
    [['--format', 'raw', '# a < b'], undefined, ['# a < b']],
    [['--format', 'code'], '$ ls <dir>\na_b\n', ['```\n$ ls <dir>\na_b\n```']],
    [[], long, [long.slice(0, 3_999), long.slice(4_000)]],
  ];
  // Each from a home of its own: the pace between messages holds across processes.
  await Promise.all(
    forms.map(async ([args, input, shown], index) => {
      const user = `o9u${index}@im.wechat`;
      const { home } = loggedIn(simulator, { user });
      simulator.control.message({ user, text: 'hi' });
      const end = await runHere(['send', ...args], { home, ...(input === undefined ? {} : { input }) });
      expect(end, args.join(' ')).toEqual({ code: 0, stdout: '', stderr: '' });
      expect(answers(simulator, user)).toEqual(shown);
      // The message that opened the window waits for a run.
      const listed = jsonLines((await runHere(['messages', '--json'], { home })).stdout)[0];
      expect(listed?.messages).toMatchObject([{ text: 'hi', state: 'received' }]);
    }),
  );
});

test('a terminal is told what became of it; nothing to send is an error there', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  const stdout = `${home}/stdout`;
  const sent = startOnTerminal(['send', 'hello'], { home, stdout });
  await sent.says('stdout', '-> 1 part confirmed');
  expect((await sent.exited).code).toBe(0);
  const empty = startOnTerminal(['send'], { home, stdout });
  await empty.says('stdout', 'send needs a text');
  expect((await empty.exited).code).toBe(64);
  expect(await wxagent(['send'], { home })).toMatchObject({ code: 64, stdout: '' });
});

/** `send --json`: the exit code and the verdict of the only part. */
async function verdictOf(home: string, ...args: string[]): Promise<[code: number | null, verdict: unknown]> {
  const { code, stdout, stderr } = await runHere(['send', '--json', ...args], { home });
  const [line] = jsonLines(stdout) as { exit: number; parts: { verdict: string }[] }[];
  expect(line?.exit, stderr).toBe(code);
  return [code, line?.parts[0]?.verdict];
}

test('verdicts as exit codes: unconfirmed, refused, token dead', async () => {
  const simulator = await simulate();
  const { home, user } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  expect(await verdictOf(home, 'a')).toEqual([0, 'confirmed']);
  simulator.control.changeSettings({ sendAnswer: 'ret' });
  expect(await verdictOf(home, 'b')).toEqual([0, 'unconfirmed']);
  expect(await verdictOf(home, 'c', '--strict')).toEqual([76, 'unconfirmed']);
  simulator.control.changeSettings({ sendAnswer: 'number' });
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'status', status: 400, count: 1 });
  expect(await verdictOf(home, 'd')).toEqual([65, 'refused']);
  simulator.control.kill();
  expect(await verdictOf(home, 'e')).toEqual([77, 'queued']);
  // Known to be dead by now: said at once, without another try.
  const tried = simulator.control.requests().length;
  expect(await verdictOf(home, 'f', '--wait', '1h')).toEqual([77, 'queued']);
  expect(simulator.control.requests()).toHaveLength(tried);
  expect(answers(simulator, user)).toEqual(['a', 'b', 'c']);
  const status = jsonLines((await runHere(['status', '--json'], { home })).stdout)[0];
  expect(status?.accounts).toMatchObject([{ login: 'expired', outbox: { queued: 2 } }]);
});

test('no answer within --wait: kept, 75, and delivered once by the next who can', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  simulator.control.addFault({ endpoint: 'sendmessage', kind: 'hang', processed: true, count: 1 });
  const hung = await runHere(['send', 'hung', '--wait', '700ms'], { home });
  expect(hung).toMatchObject({ code: 75, stdout: '' });
  expect(hung.stderr).toContain('will be delivered, do not send again');
  expect(simulator.control.faults()).toMatchObject([{ struck: 1 }]);
  expect(await verdictOf(home, 'after it')).toEqual([0, 'confirmed']);
  expect(answers(simulator)).toEqual(['hung', 'after it']);
});

test('a server that cannot be reached: kept, 75', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  expect((await runHere(['run', '--once', '--exec', 'true'], { home })).code).toBe(0);
  simulator.control.addFault({ endpoint: '*', kind: 'reset' });
  const sent = await runHere(['send', 'into the void', '--wait', '500ms'], { home });
  expect(sent).toMatchObject({ code: 75, stdout: '' });
  simulator.control.clearFaults();
  const run = await runHere(['run', '--echo', '--once', ...QUICK], { home });
  expect(run.code).toBe(0);
  expect(answers(simulator)).toEqual(['into the void']);
});

test('beside a live runner: enqueued, delivered by it, in order with its answers', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startHere(['run', '--echo', ...QUICK], { home });
  await run.says('stderr', 'ready');
  const early = await runHere(['send', 'early'], { home });
  expect(early.code).toBe(75);
  simulator.control.message({ text: 'hello' });
  await answered(simulator, 2);
  const sent = await runHere(['send', '--json', 'beside it'], { home });
  expect(sent.code, sent.stderr).toBe(0);
  expect(jsonLines(sent.stdout)).toMatchObject([
    { parts: [{ verdict: 'confirmed', messageId: expect.any(String) }] },
  ]);
  expect(answers(simulator).slice(1)).toEqual(['hello', 'beside it']);
  expect(await run.stop()).toMatchObject({ code: 0, stdout: '' });
  // Polls of one process only, one after the other.
  await pollUntil('no poll is left', () => simulator.control.bots()[0]?.polls === 0);
});

test("inside an agent it answers whoever asked, before the agent's own answer", async () => {
  const simulator = await simulate({ strangers: true });
  const { home, user } = loggedIn(simulator);
  simulator.control.message({ text: 'owner' });
  simulator.control.message({ user: 'o9friend@im.wechat', text: 'friend' });
  const agent = 'text=$(cat); "$WXAGENT_BIN" send "working on it, $text" || exit 1; echo "done, $text"';
  const run = await runHere(
    ['run', '--once', '--allow-all', ...QUICK, '--base-url', simulator.baseUrl, '--exec', agent],
    { home },
  );
  expect(run, run.stderr).toMatchObject({ code: 0, stdout: '' });
  expect(answers(simulator, user)).toEqual(['working on it, owner', 'done, owner']);
  expect(answers(simulator, 'o9friend@im.wechat')).toEqual(['working on it, friend', 'done, friend']);
});

test('--to names a user; --account an account', async () => {
  const simulator = await simulate({ strangers: true });
  const { home } = loggedIn(simulator, { user: 'o9one@im.wechat', name: 'one' });
  loggedIn(simulator, { home, user: 'o9two@im.wechat', name: 'two' });
  simulator.control.message({ user: 'o9one@im.wechat', text: 'hi' });
  simulator.control.message({ user: 'o9two@im.wechat', text: 'hi' });
  expect((await runHere(['--account', 'one', 'send', 'x', '--account', 'two'], { home })).code).toBe(64);
  expect((await runHere(['send', 'to two', '--account', 'two'], { home })).code).toBe(0);
  expect((await runHere(['send', 'to one'], { home })).code).toBe(0);
  expect(answers(simulator, 'o9one@im.wechat')).toEqual(['to one']);
  expect(answers(simulator, 'o9two@im.wechat')).toEqual(['to two']);
  const unknown = await runHere(['send', '--to', 'o9nobody@im.wechat', 'x'], { home });
  expect(unknown).toMatchObject({ code: 75, stdout: '' });
  expect(unknown.stderr).toContain('first-contact');
});
