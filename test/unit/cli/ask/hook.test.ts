import { expect, test } from 'vitest';
import { runHere, startHere } from '../../../helpers/in-this-process.ts';
import { blocksOf, RECIPES, readPage } from '../../../helpers/pages.ts';
import { answered, answers, loggedIn, simulate } from '../../../helpers/simulated.ts';
import { makeFolder } from '../../../helpers/wxagent.ts';

/** What Claude Code gives every hook. */
const CLAUDE = {
  session_id: '00893aaf-19fa-41d2-8238-13269b9b3ca0',
  transcript_path: '/home/me/.claude/projects/shop/00893aaf.jsonl',
  cwd: '/home/me/shop',
  permission_mode: 'default',
};
const BASH = { command: 'npm publish', description: 'Publish the package', timeout: 120_000 };
/** What Codex gives, beside what Claude Code does. */
const CODEX = { ...CLAUDE, transcript_path: null, model: 'gpt-5.6', turn_id: 'turn_01' };

async function owner(options: { written?: boolean; lang?: 'zh' } = {}) {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  if (options.written !== false) simulator.control.message({ text: 'hi' });
  const hook = (program: string, input: object | string, ...args: string[]) =>
    startHere(['ask', '--hook', program, ...args], {
      home,
      input: typeof input === 'string' ? input : JSON.stringify(input),
      env: options.lang ? { WXAGENT_LANG: options.lang } : {},
    });
  return { simulator, home, hook, says: (text: string) => simulator.control.message({ text }) };
}

const specific = (event: string, fields: object) => ({
  hookSpecificOutput: { hookEventName: event, ...fields },
});

/** Runs a hook whose question is answered with this text; what it writes, as JSON. */
async function decided(program: string, input: object, answer: string): Promise<unknown> {
  const { simulator, hook, says } = await owner();
  const running = hook(program, input);
  await answered(simulator, 1);
  says(answer);
  const { code, stdout } = await running.exited;
  expect(code).toBe(0);
  return stdout === '' ? null : JSON.parse(stdout);
}

const before = (more: object = {}) => ({
  hook_event_name: 'PreToolUse',
  tool_name: 'Bash',
  tool_input: BASH,
  tool_use_id: 'toolu_01ABC',
  ...more,
});
const request = (more: object = {}) => ({
  hook_event_name: 'PermissionRequest',
  tool_name: 'Bash',
  tool_input: BASH,
  ...more,
});

test('the question says who asks for what, and how to answer', async () => {
  const { simulator, hook, says } = await owner();
  const running = hook('claude', { ...CLAUDE, ...request() });
  expect(await answered(simulator, 1)).toEqual([
    '🔐 #1 Claude Code (shop) wants to use Bash:\n```\nnpm publish\n```\nPublish the package\nReply: y / n',
  ]);
  says('y');
  await running.exited;
  const chinese = await owner({ lang: 'zh' });
  const other = chinese.hook('codex', { ...CODEX, ...request() });
  expect((await answered(chinese.simulator, 1))[0]).toMatch(
    /^🔐 #1 Codex（shop）请求使用 Bash：\n[\s\S]*请回复：y \/ n$/,
  );
  chinese.says('是');
  await other.exited;
});

test.each([
  [
    'claude',
    { ...CLAUDE, ...before() },
    { permissionDecision: 'allow', permissionDecisionReason: 'Allowed by the user in WeChat.' },
    { permissionDecision: 'deny', permissionDecisionReason: 'Denied by the user in WeChat.' },
  ],
  [
    'claude',
    { ...CLAUDE, ...request({ permission_suggestions: [{ type: 'setMode', mode: 'acceptEdits' }] }) },
    { decision: { behavior: 'allow' } },
    { decision: { behavior: 'deny', message: 'Denied by the user in WeChat.' } },
  ],
  [
    'codex',
    { ...CODEX, ...request() },
    { decision: { behavior: 'allow' } },
    { decision: { behavior: 'deny', message: 'Denied by the user in WeChat.' } },
  ],
  // Codex takes only a deny here: a yes is to say nothing.
  [
    'codex',
    { ...CODEX, ...before() },
    null,
    { permissionDecision: 'deny', permissionDecisionReason: 'Denied by the user in WeChat.' },
  ],
] as const)('%s %j: a yes and a no', async (program, input, yes, no) => {
  const event = input.hook_event_name;
  expect(await decided(program, input, 'y')).toEqual(yes && specific(event, yes));
  expect(await decided(program, input, '不行')).toEqual(specific(event, no));
});

test('what only counts with its input gets it back, whole', async () => {
  const plan = `1. ${'do it well. '.repeat(400)}`;
  const input = { ...CLAUDE, ...request({ tool_name: 'ExitPlanMode', tool_input: { plan } }) };
  expect(await decided('claude', input, 'y')).toEqual(
    specific('PermissionRequest', { decision: { behavior: 'allow', updatedInput: { plan } } }),
  );
});

test('a question of Claude itself is answered with an option, or with words', async () => {
  const question = 'Which database should we use?';
  const options = [
    { label: 'SQLite', description: 'one file' },
    { label: 'PostgreSQL', description: 'a server' },
  ];
  const toolInput = { questions: [{ question, header: 'Database', options, multiSelect: false }] };
  const input = { ...CLAUDE, ...request({ tool_name: 'AskUserQuestion', tool_input: toolInput }) };
  for (const [said, answer] of [
    ['2', 'PostgreSQL'],
    ['sqlite', 'SQLite'],
    ['neither of them', 'neither of them'],
  ] as const)
    expect(await decided('claude', input, said)).toEqual(
      specific('PermissionRequest', {
        decision: { behavior: 'allow', updatedInput: { ...toolInput, answers: { [question]: answer } } },
      }),
    );
});

test('Stop: the reply goes on; none ends it', async () => {
  const stop = {
    hook_event_name: 'Stop',
    stop_hook_active: false,
    last_assistant_message: 'All tests pass.',
  };
  expect(await decided('claude', { ...CLAUDE, ...stop }, 'now release it')).toEqual({
    decision: 'block',
    reason: 'now release it',
  });
  expect(await decided('codex', { ...CODEX, ...stop }, '继续')).toEqual({
    decision: 'block',
    reason: '继续',
  });
  const { hook } = await owner();
  expect(await hook('claude', { ...CLAUDE, ...stop }, '--timeout', '200ms').exited).toMatchObject({
    code: 0,
    stdout: '',
  });
});

test('a notification is sent, and so is what Codex notifies of in an argument', async () => {
  const { simulator, hook, home } = await owner();
  const notification = {
    ...CLAUDE,
    hook_event_name: 'Notification',
    message: 'Claude is waiting for your input',
    notification_type: 'idle_prompt',
  };
  expect(await hook('claude', notification).exited).toEqual({ code: 0, stdout: '', stderr: '' });
  const notify = {
    type: 'agent-turn-complete',
    'thread-id': 'b5f6c1c2-1111-2222-3333-444455556666',
    'turn-id': '12345',
    cwd: '/home/me/shop',
    'input-messages': ['Rename foo to bar'],
    'last-assistant-message': 'Rename complete and verified.',
  };
  expect(await runHere(['ask', '--hook', 'codex', JSON.stringify(notify)], { home })).toMatchObject({
    code: 0,
  });
  expect(answers(simulator)).toEqual([
    'Claude Code (shop): Claude is waiting for your input',
    'Codex (shop): Rename complete and verified.',
  ]);
});

/** What a hook answers if the phone cannot be asked, or nobody answers: never an allow. */
const UNASKED = [
  ['claude', { ...CLAUDE, ...before() }, 'ask'],
  // There the terminal would not ask either.
  ['claude', { ...CLAUDE, ...before(), permission_mode: 'bypassPermissions' }, 'deny'],
  ['claude', { ...CLAUDE, ...before(), permission_mode: 'auto' }, 'deny'],
  ['claude', { ...CLAUDE, ...request() }, null],
  ['codex', { ...CODEX, ...request() }, null],
  ['codex', { ...CODEX, ...before() }, 'deny'],
] as const;

test.each(UNASKED)('%s %j without an answer: %j', async (program, input, decision) => {
  const expected =
    decision &&
    specific('PreToolUse', {
      permissionDecision: decision,
      permissionDecisionReason: 'The user could not be asked in WeChat, or has not answered in time.',
    });
  const json = (stdout: string) => (stdout === '' ? null : JSON.parse(stdout));
  const answering = await owner();
  const late = await answering.hook(program, input, '--timeout', '200ms').exited;
  expect([late.code, json(late.stdout)]).toEqual([0, expected]);
  // Nobody has written yet: it is not held for later, when nobody waits.
  const silent = await owner({ written: false });
  const held = await silent.hook(program, input).exited;
  expect([held.code, json(held.stdout)]).toEqual([0, expected]);
  expect(held.stderr).toContain('first-contact');
  silent.says('hello');
  const run = await startHere(['run', '--exec', 'true', '--once'], { home: silent.home }).exited;
  expect([run.code, answers(silent.simulator)]).toEqual([0, []]);
  // Not even a login.
  const alone = await startHere(['ask', '--hook', program], {
    home: makeFolder(),
    input: JSON.stringify(input),
  }).exited;
  expect([alone.code, json(alone.stdout)]).toEqual([0, expected]);
  expect(alone.stderr).toContain('hint: wxagent login');
});

test.each([
  ['', 65, 'not JSON'],
  ['[]', 65, 'not a JSON object'],
  ['{}', 65, 'names no event'],
  ['{"hook_event_name":7}', 65, 'names no event'],
  ['{"hook_event_name":"SessionStart","source":"startup"}', 0, 'SessionStart'],
])('%j: %i, and nothing on stdout', async (input, code, why) => {
  const { hook } = await owner();
  const ran = await hook('claude', input).exited;
  expect([ran.code, ran.stdout]).toEqual([code, '']);
  expect(ran.stderr).toContain(why);
});

test.each(RECIPES)('the settings in %s start it', async (page) => {
  const { home } = await owner();
  const settings = blocksOf(readPage(page)).filter(({ text }) => text.includes('ask --hook'));
  const commands = settings.flatMap(({ text }) => [...text.matchAll(/"command": "wxagent ([^"]+)"/g)]);
  expect(commands).toHaveLength(3);
  for (const { text } of settings) expect(JSON.parse(text)).toHaveProperty('hooks.PermissionRequest');
  for (const [, args = ''] of commands)
    expect((await runHere(args.split(' '), { home, input: '{"hook_event_name":"Setup"}' })).code).toBe(0);
});

test('--hook goes with no choices of ours', async () => {
  const { hook } = await owner();
  expect((await hook('claude', '{}', '--default', 'y').exited).code).toBe(64);
  expect((await hook('gemini', '{}').exited).code).toBe(64);
});
