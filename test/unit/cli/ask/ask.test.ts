import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHere, startHere } from '../../../helpers/in-this-process.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../../../helpers/simulated.ts';
import { wallClock } from '../../../helpers/wall-clock.ts';
import { jsonLines } from '../../../helpers/wxagent.ts';

/** A home whose owner has just written. */
async function owner(options: { written?: boolean } = {}) {
  const simulator = await simulate({ strangers: true });
  const { home, user } = loggedIn(simulator, { user: 'o9me@im.wechat' });
  if (options.written !== false) simulator.control.message({ user, text: 'hi' });
  const says = (text: string, more: object = {}) => simulator.control.message({ user, text, ...more });
  const ask = (...args: string[]) => startHere(['ask', ...args], { home });
  const shown = (count: number) => answered(simulator, count, user);
  return { simulator, home, user, says, ask, shown };
}

const ended = async (running: {
  exited: Promise<{ code: number | null; stdout: string; stderr: string }>;
}) => {
  const { code, stdout, stderr } = await running.exited;
  return { code, stdout, stderr };
};

test('the answer is on stdout; the first choice is 0, any other 1', async () => {
  const { ask, says, shown } = await owner();
  const first = ask('Deploy?', '--choices', 'yes,no');
  expect(await shown(1)).toEqual(['❓ #1 Deploy?\nReply: yes / no']);
  says('Yes.');
  expect(await ended(first)).toEqual({ code: 0, stdout: 'yes\n', stderr: '' });
  const second = ask('And', 'now?', '--choices', 'yes,no');
  expect((await shown(2))[1]).toBe('❓ #2 And now?\nReply: yes / no');
  says('算了');
  expect(await ended(second)).toEqual({ code: 1, stdout: 'no\n', stderr: '' });
  const third = ask('Which name?', '--json');
  await shown(3);
  says('  my name\nis long ');
  const { code, stdout } = await ended(third);
  expect(code).toBe(0);
  expect(jsonLines(stdout)).toMatchObject([
    { v: 1, type: 'ask', number: 3, verdict: 'answered', answer: 'my name\nis long', choice: null, exit: 0 },
  ]);
});

test('no answer in time: 124, or the default', async () => {
  const { ask, says, shown } = await owner();
  const none = ask('Deploy?', '--choices', 'yes,no', '--timeout', '300ms');
  expect(await ended(none)).toEqual({ code: 124, stdout: '', stderr: 'question #1: no answer in time\n' });
  const no = ask('Deploy?', '--choices', 'yes,no', '--timeout', '300ms', '--default', 'no');
  expect(await ended(no)).toEqual({ code: 1, stdout: 'no\n', stderr: '' });
  const next = ask('Really?', '--choices', 'yes,no');
  await shown(3);
  says('#1 yes');
  expect((await shown(4))[3]).toContain('Question #1 is closed');
  says('yes');
  expect((await ended(next)).stdout).toBe('yes\n');
});

test('an answer that comes just after the end is told so; another text is the agent’s', async () => {
  const { ask, says, shown, home } = await owner();
  expect((await ended(ask('Deploy?', '--choices', 'yes,no', '--timeout', '200ms'))).code).toBe(124);
  says('yes');
  says('what is for lunch');
  const run = startHere(['run', '--exec', 'cat'], { home });
  await run.says('stderr', 'ready');
  const all = await shown(4);
  expect(all[0]).toContain('#1 Deploy?');
  expect(all.slice(1).sort()).toEqual([
    'Question #1 is closed: your answer came too late and does not count.',
    'hi',
    'what is for lunch',
  ]);
});

test('two at once: by number, by quote; a bare yes is asked back once', async () => {
  const { simulator, ask, says, shown, user } = await owner();
  const first = ask('One?', '--choices', 'yes,no');
  await shown(1);
  const second = ask('Two?', '--choices', 'yes,no');
  expect((await shown(2))[1]).toContain('Other questions are open: quote this one, or begin with #2.');
  says('yes');
  expect((await shown(3))[2]).toContain('Several questions are open.');
  const asked = simulator.control.phone({ user }).shown.filter(({ from }) => from === 'bot');
  says('no', { quote: { id: asked[0]?.messageId } });
  expect(await ended(first)).toMatchObject({ code: 1, stdout: 'no\n' });
  says('#2 yes');
  expect(await ended(second)).toMatchObject({ code: 0, stdout: 'yes\n' });
});

test('a mistyped choice is asked again once', async () => {
  const { ask, says, shown, home } = await owner();
  const one = ask('Deploy?', '--choices', 'yes,no');
  await shown(1);
  says('yse');
  expect((await shown(2))[1]).toBe('Question #1 was not answered. Reply with yes or no.');
  says('yess');
  says('yes');
  expect(await ended(one)).toMatchObject({ code: 0, stdout: 'yes\n' });
  const { stdout } = await runHere(['messages', '--json'], { home });
  const states = (JSON.parse(stdout) as { messages: { state: string; reason: string }[] }).messages;
  expect(states.map(({ state, reason }) => `${state} ${reason}`)).toEqual([
    'received null',
    'done answer-unclear',
    'received null',
    'done answer',
  ]);
});

test('a stranger’s yes is none, and so is one from before the question', async () => {
  const { simulator, ask, says, shown, user } = await owner();
  says('yes', { message: { create_time_ms: Date.now() - 60_000 } });
  const one = ask('Deploy?', '--choices', 'yes,no', '--timeout', '60s');
  await shown(1);
  simulator.control.message({ user: 'o9stranger@im.wechat', text: 'yes' });
  await pollUntil('polls', () => simulator.control.requests({ endpoint: 'getupdates' }).length > 4);
  expect(one.stdout).toBe('');
  says('no');
  expect(await ended(one)).toMatchObject({ code: 1, stdout: 'no\n' });
  expect(answers(simulator, user)).toHaveLength(1);
});

test.each([-40, 40])(
  'a clock that is %i s off the server’s makes no answer too old, and no old one new',
  async (seconds) => {
    const { home, says, shown } = await owner();
    const clock = wallClock();
    clock.set(seconds * 1_000);
    says('yes', { message: { create_time_ms: Date.now() - 10_000 } });
    const one = startHere(['ask', 'Deploy?', '--choices', 'yes,no'], { home, clock });
    await shown(1);
    says('no');
    expect(await ended(one)).toMatchObject({ code: 1, stdout: 'no\n' });
  },
);

test('a question that is held asks when it arrives; 75 as long as it cannot, and the same command gets the answer', async () => {
  const { ask, says, shown } = await owner({ written: false });
  const early = ask('Deploy?', '--choices', 'yes,no', '--timeout', '300ms');
  const { code, stdout, stderr } = await ended(early);
  expect([code, stdout]).toEqual([75, '']);
  expect(stderr).toContain('held (first-contact)');
  const again = ask('Deploy?', '--choices', 'yes,no', '--timeout', '60s');
  says('hello');
  expect((await shown(1))[0]).toContain('❓ #1 Deploy?\nReply: yes / no');
  says('yes');
  expect(await ended(again)).toMatchObject({ code: 0, stdout: 'yes\n' });
});

test('a question on stdin, after its file; the JSON of no answer', async () => {
  const { home, simulator, shown, user } = await owner();
  writeFileSync(join(home, 'plan.txt'), 'the plan');
  const args = ['ask', '--file', 'plan.txt', '--timeout', '200ms', '--json'];
  const one = startHere(args, { home, input: 'Is this\nall right?\n' });
  await shown(2);
  const kinds = simulator.control.phone({ user }).shown.filter(({ from }) => from === 'bot');
  expect(kinds.map(({ kind, text }) => text || kind)).toEqual(['file', '❓ #1 Is this\nall right?']);
  const { code, stdout } = await ended(one);
  expect(code).toBe(124);
  expect(jsonLines(stdout)).toMatchObject([{ verdict: 'timeout', reason: null, answer: null, exit: 124 }]);
});

test('beside a runner, whose agent gets everything else', async () => {
  const { ask, says, shown, home } = await owner();
  const run = startHere(['run', '--exec', 'cat', '--no-typing'], { home });
  expect(await shown(1)).toEqual(['hi']);
  const one = ask('Deploy?', '--choices', 'yes,no');
  await shown(2);
  says('tell me more about the last deployment, please');
  expect((await shown(3))[2]).toBe('tell me more about the last deployment, please');
  says('好的');
  expect(await ended(one)).toMatchObject({ code: 0, stdout: 'yes\n' });
  await run.stop();
});

test.each([
  [['--choices', 'yes,', 'x'], 64, 'without a name'],
  [['--choices', 'yes,YES', 'x'], 64, 'twice'],
  [['--choices', 'yes,no', '--default', 'maybe', 'x'], 64, '--default is one of yes, no'],
  [['--timeout', '10', 'x'], 64, '--timeout takes a duration'],
  [[''], 64, 'the text is empty'],
  [['--file', 'none.jpg', 'x'], 66, 'none.jpg'],
  [['--file', '-', '--choices', 'y,n'], 64, 'ask needs a question'],
])('%j is refused before anything is asked', async (args, code, why) => {
  const { home } = await owner();
  const ran = await runHere(['ask', ...args], { home });
  expect([ran.code, ran.stdout]).toEqual([code, '']);
  expect(ran.stderr).toContain(why);
});
