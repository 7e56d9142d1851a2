import { existsSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { lives } from '../helpers/agents.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, answers, type LoggedIn, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines, startWxagent } from '../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];

/** Says its session and turn and the text; `slow` hangs, its pid in the file of that name, `fail` fails. */
const AGENT = `text=$(cat)
case "$text" in
  slow*) echo $$ >pid.new; mv pid.new "$text"; exec sleep 600 ;;
  fail) exit 3 ;;
esac
printf '%s %s %s' "$WXAGENT_SESSION_ID" "$WXAGENT_TURN" "$text"`;

async function talk(args: string[] = [], options: Parameters<typeof simulate>[0] = {}) {
  const simulator = await simulate(options);
  const bot = loggedIn(simulator);
  const command = ['run', '--exec', AGENT, ...QUICK, ...args];
  let shown = 0;
  return {
    simulator,
    bot,
    start: () => startHere(command, bot),
    startProcess: () => startWxagent(command, bot),
    says: (text: string) => simulator.control.message({ text }),
    /** The next answer on the phone. */
    async hears(): Promise<string> {
      return (await answered(simulator, ++shown))[shown - 1] as string;
    },
    /** Waits until the agent works on this text; its pid. */
    async worksOn(text: string): Promise<number> {
      await pollUntil(`${text} is at work`, () => existsSync(join(bot.home, text)));
      return Number(readFileSync(join(bot.home, text), 'utf8'));
    },
  };
}

async function states(bot: LoggedIn): Promise<string[]> {
  const [listed] = jsonLines((await runHere(['messages', '--json'], bot)).stdout);
  const messages = (listed?.messages ?? []) as { state: string; reason: string | null }[];
  return messages.map(({ state, reason }) => (reason === null ? state : `${state} (${reason})`));
}

describe.each([
  ['English', { stop: '/stop', new: '/new', status: '/Status ', help: '/help me', again: '/again!' }],
  ['Chinese', { stop: '/停', new: '／新', status: ' /状态', help: '／帮助 一下', again: '/重来。' }],
])('chat commands in %s', (language, say) => {
  const isChinese = (text: string) => /\p{Script=Han}/u.test(text);
  const ours = language === 'Chinese';

  test('stop, again, new, status and help do what they say, and no agent sees them', async () => {
    const { says, hears, worksOn, start, bot } = await talk();
    const run = start();
    says('slow');
    const pid = await worksOn('slow');
    says('waiting');
    says(say.stop);
    const stopped = await hears();
    expect([
      isChinese(stopped),
      stopped.includes(ours ? '排队的 1 条也已取消' : 'will not be answered'),
    ]).toEqual([ours, true]);
    await pollUntil('the agent has ended', () => !lives(pid));

    says(say.again);
    expect(await hears()).toBe(ours ? '重新处理：“waiting”' : 'Running again: "waiting"');
    const [session, , text] = (await hears()).split(' ');
    expect(text).toBe('waiting');

    says(say.new);
    expect(await hears()).toContain(ours ? '新会话' : 'new session');
    says('hello');
    const [begun, turn] = (await hears()).split(' ');
    expect(begun).not.toBe(session);
    expect(turn).toBe('1');

    says(say.status);
    expect(await hears()).toContain(ours ? '处理中 0 条' : 'Running: 0');
    says(say.help);
    expect(await hears()).toMatch(ours ? /^\/停：/ : /^\/stop: /);

    says('fail');
    const failed = await hears();
    expect(failed).toContain('/again');
    const end = await run.stop();
    expect(end).toMatchObject({ code: 0, stdout: '' });
    expect(await states(bot)).toEqual([
      'superseded (stop)',
      'done',
      ...Array(3).fill('done (command)'),
      'done',
      'done (command)',
      'done (command)',
      'failed (exit)',
    ]);
  });
});

test('//x gives the agent /x, /new takes a text along, unknown commands go to the agent, --no-commands all of them', async () => {
  const { says, hears, start } = await talk();
  const run = start();
  const heard: string[] = [];
  for (const text of ['//stop', '/new what is new?', '/compact', '/etc/hosts']) {
    says(text);
    heard.push((await hears()).split(' ').slice(1).join(' '));
  }
  expect(heard).toEqual(['1 /stop', '1 what is new?', '2 /compact', '3 /etc/hosts']);
  await run.stop();

  const plain = await talk(['--no-commands']);
  plain.start();
  for (const text of ['/stop', '//stop']) {
    plain.says(text);
    expect(await plain.hears()).toMatch(new RegExp(` ${text}$`));
  }
});

test.each(['same-id', 'new-id', 'no-id'] as const)(
  'a command that is delivered twice (%s) is obeyed once',
  async (duplicate) => {
    const { says, hears, start, simulator } = await talk();
    const run = start();
    says('one');
    await hears();
    simulator.control.changeSettings({ duplicate });
    says('/again');
    expect(await hears()).toContain('Running again');
    expect(await hears()).toMatch(/ one$/);
    await pollUntil('both are fetched', () => {
      const [bot] = simulator.control.bots();
      return bot?.waiting === 0 && bot.polls === 1;
    });
    await run.stop();
    expect(answers(simulator)).toHaveLength(3);
  },
);

describe('killed between a command and its answer', () => {
  test('the command has been obeyed, the answer arrives once, and the stopped agent does not live on', async () => {
    const { says, hears, start, startProcess, worksOn, simulator, bot } = await talk();
    const first = startProcess();
    says('slow');
    const pid = await worksOn('slow');
    says('waiting');
    // What is sent first has no answer before the kill.
    simulator.control.addFault({ endpoint: 'sendmessage', kind: 'hang', count: 1 });
    says('/stop');
    await pollUntil(
      'the answer is on its way',
      () => simulator.control.requests({ endpoint: 'sendmessage' }).length > 0,
    );
    first.signal('SIGKILL');
    await first.exited;
    expect(await states(bot)).toEqual(['superseded (stop)', 'superseded (stop)', 'done (command)']);
    const second = start();
    expect(await hears()).toContain('will not be answered');
    await pollUntil('the agent of the first run has ended', () => !lives(pid));
    says('next');
    expect(await hears()).toMatch(/ next$/);
    expect((await second.stop()).code).toBe(0);
    expect(answers(simulator)).toHaveLength(2);
  });
});

describe('--busy', () => {
  test('latest: only the newest message is answered; an older one can be run by hand', async () => {
    const { says, hears, start, worksOn, bot, simulator } = await talk(['--busy', 'latest']);
    const run = start();
    const first = says('slow');
    await worksOn('slow');
    says('slow too');
    await worksOn('slow too');
    says('fine');
    expect(await hears()).toMatch(/ fine$/);
    expect(await states(bot)).toEqual(['superseded (latest)', 'superseded (latest)', 'done']);
    await run.stop();
    expect((await runHere(['retry', first.messageId as string], bot)).code).toBe(0);
    const again = await runHere(['run', '--once', '--exec', 'cat', ...QUICK], bot);
    expect(again.code).toBe(0);
    expect(answers(simulator)).toEqual([expect.stringContaining('fine'), 'slow']);
  });

  test('reject: one notice, and what was turned away is kept', async () => {
    const { says, hears, start, worksOn, bot, simulator } = await talk(['--busy', 'reject']);
    const run = start();
    says('slow');
    await worksOn('slow');
    says('two');
    says('three');
    expect(await hears()).toContain('not taken');
    says('/stop');
    expect(await hears()).toContain('Stopped');
    expect(await states(bot)).toEqual([
      'superseded (stop)',
      'ignored (busy)',
      'ignored (busy)',
      'done (command)',
    ]);
    says('four');
    expect(await hears()).toMatch(/ four$/);
    await run.stop();
    expect(answers(simulator)).toHaveLength(3);
  });
});

describe('--merge', () => {
  test('what is written in one go is one turn, and what follows a pause another', async () => {
    const { says, hears, start, bot, simulator } = await talk(['--merge', '400ms']);
    for (const text of ['one', 'two', '三']) says(text);
    simulator.control.advance(60_000);
    const run = start();
    expect((await hears()).split(' ').slice(1).join(' ')).toBe('1 one\ntwo\n三');
    says('four');
    says('five');
    expect((await hears()).split(' ').slice(1).join(' ')).toBe('2 four\nfive');
    await run.stop();
    expect(await states(bot)).toEqual(Array(5).fill('done'));
    expect(answers(simulator)).toHaveLength(2);
  });

  test('texts and files of one burst are one turn, with all of them', async () => {
    const { simulator, bot } = await talk();
    simulator.control.message({ text: 'look at' });
    simulator.control.message({ file: { bytes: Buffer.from('x'), name: 'a.txt' } });
    simulator.control.message({ image: { bytes: Buffer.from('y') } });
    simulator.control.message({ text: 'these' });
    const run = await runHere(
      ['run', '--json', '--once', ...QUICK, '--merge', '200ms', '--exec', 'cat'],
      bot,
    );
    expect(run.code, run.stderr).toBe(0);
    expect(jsonLines(run.stdout).filter(({ type }) => type === 'message')).toMatchObject([
      {
        kind: 'mixed',
        text: 'look at\nthese',
        attachments: [{ kind: 'file', name: 'a.txt' }, { kind: 'image' }],
      },
    ]);
    expect(answers(simulator)).toEqual([
      expect.stringMatching(/^look at\nthese\n\[file: .*\]\n\[image: .*\]$/),
    ]);
    expect(await states(bot)).toEqual(Array(4).fill('done'));
  });

  test('a kill while it gathers, or while its agent works, loses and doubles nothing', async () => {
    const { says, startProcess, bot, simulator, worksOn } = await talk(['--merge', '1m']);
    const first = startProcess();
    says('one');
    says('two');
    await pollUntil(
      'they are taken in, and the next poll waits',
      () => simulator.control.stats().counts.handedOut === 2 && simulator.control.bots()[0]?.polls === 1,
    );
    first.signal('SIGKILL');
    await first.exited;
    expect(await states(bot)).toEqual(['received', 'received']);
    const second = startWxagent(
      ['run', ...QUICK, '--merge', '1s', '--exec', 'cat >/dev/null; echo $$ >slow; exec sleep 600'],
      bot,
    );
    await worksOn('slow');
    second.signal('SIGKILL');
    await second.exited;
    expect(await states(bot)).toEqual(['running', 'running']);
    const third = await runHere(['run', '--once', ...QUICK, '--exec', 'echo "$WXAGENT_ATTEMPT"; cat'], bot);
    expect(third.code, third.stderr).toBe(0);
    expect(answers(simulator)).toEqual(['2\none\ntwo']);
    expect(await states(bot)).toEqual(['done', 'done']);
  });
});

describe('wxagent allow', () => {
  const friend = 'o9b@im.wechat';

  test('lets a user in, and out again, while a runner runs; what was written before can be run', async () => {
    const simulator = await simulate({ strangers: true });
    const bot = loggedIn(simulator);
    const run = startHere(['run', '--echo', ...QUICK], bot);
    const early = simulator.control.message({ user: friend, text: 'early' });
    await run.says('stderr', 'not given to the agent: stranger');
    const added = await runHere(['allow', 'add', friend], bot);
    expect(added).toEqual({
      code: 0,
      stdout: '',
      stderr: `${friend} is allowed to write to ${bot.id}.\n`,
    });
    simulator.control.message({ user: friend, text: 'in' });
    expect(await answered(simulator, 1, friend)).toEqual(['in']);
    expect((await runHere(['retry', early.messageId as string], bot)).code).toBe(0);
    expect(await answered(simulator, 2, friend)).toEqual(['in', 'early']);

    const removed = await runHere(['allow', 'remove', friend, '--json'], bot);
    expect(jsonLines(removed.stdout)).toEqual([{ v: 1, type: 'allow', account: bot.id, users: [] }]);
    simulator.control.message({ user: friend, text: 'out' });
    simulator.control.message({ text: 'owner' });
    await answered(simulator, 1, bot.user);
    await run.stop();
    expect(answers(simulator, friend)).toEqual(['in', 'early']);
  });

  test('is listed, for the account, also under its next login', async () => {
    const simulator = await simulate();
    const bot = loggedIn(simulator);
    expect(await runHere(['allow'], bot)).toMatchObject({
      code: 0,
      stdout: '',
      stderr: 'Only the owner.\n',
    });
    for (const user of [friend, 'o9c@im.wechat', friend]) await runHere(['allow', 'add', user], bot);
    expect((await runHere(['allow', 'list'], bot)).stdout).toMatch(
      /^o9b@im\.wechat {2}.*\no9c@im\.wechat {2}.*\n$/,
    );
    simulator.control.kill();
    expect((await runHere(['login', '--force', '--base-url', simulator.baseUrl], bot)).code).toBe(0);
    expect((await runHere(['run', '--echo', '--once'], bot)).code).toBe(0);
    const [listed] = jsonLines((await runHere(['allow', '--json'], bot)).stdout);
    expect(listed).toMatchObject({ users: [{ id: friend }, { id: 'o9c@im.wechat' }] });
    expect(listed?.account).not.toBe(bot.id);
  });
});

test('wrong flags and arguments are refused before anything starts', async () => {
  const bot = loggedIn(await simulate());
  for (const [args, code, message] of [
    [['run', '--echo', '--busy', 'sometimes'], 64, '--busy'],
    [['run', '--echo', '--merge', '3'], 64, '--merge'],
    [['allow', 'add', 'two words'], 64, 'no such user: two words'],
    [['allow', 'add'], 64, 'missing required argument'],
    [['allow', 'remove', 'o9b@im.wechat'], 66, 'o9b@im.wechat is not on the list'],
  ] as const) {
    const end = await runHere(args, bot);
    expect(end).toMatchObject({ code, stdout: '', stderr: expect.stringContaining(message) });
  }
});
