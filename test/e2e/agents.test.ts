import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { agent, given, lives } from '../helpers/agents.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { type Answer, reset, startScriptedServer } from '../helpers/scripted-server.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { jsonLines } from '../helpers/wxagent.ts';

/** Nothing of the phone's side that takes time of its own. */
const QUICK = ['--pace', '0', '--no-typing'];

test("every form of agent; flags after the first word of a command are the command's", async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const http = await startScriptedServer(() => ({ text: 'from http' }));
  const forms: [string[], string][] = [
    [['--exec', 'tr a-z A-Z'], 'HELLO'],
    [['--exec', 'cat; exit 0', '--quiet'], 'hello'],
    [['--', 'tr', 'a-z', 'A-Z'], 'HELLO'],
    [['sh', '-c', 'cat; echo " $*"', 'sh', '--json', '--once', '--', '-x'], 'hello --json --once -- -x'],
    [['--', 'sh', '-c', 'echo "$1"', 'sh', '$(id) `id` ; id'], '$(id) `id` ; id'],
    [['--http', `${http.url}/hook?key=k`], 'from http'],
    [['--echo'], 'hello'],
  ];
  for (const [form, reply] of forms) {
    simulator.control.message({ text: 'hello' });
    const run = await runHere(['run', '--once', ...QUICK, ...form], { home });
    expect(run, form.join(' ')).toMatchObject({ code: 0, stdout: '' });
    expect(answers(simulator).at(-1), form.join(' ')).toBe(reply);
  }
  expect(answers(simulator)).toHaveLength(forms.length);
  expect(http.requests).toHaveLength(1);
  await http.close();
});

const HARD_TEXTS = {
  one: 'a',
  long: '长x'.repeat(10_000),
  nul: 'before\0after',
  'lone surrogate': 'a\ud800b\udc00c',
  'right to left': '\u202eevil\u2066\u200f',
  shell: '$(touch pwned); `touch pwned` & | > pwned "\'\\ \n\t%PATH% !! *',
  lines: 'one\ntwo\r\nthree\n\n',
  flag: '--help',
  spaces: '   ',
};

test.each(['text', 'raw', 'json'] as const)(
  'hard texts arrive on stdin as they are, and nowhere in argv (--input %s)',
  async (input) => {
    const simulator = await simulate();
    const { home, user, id } = loggedIn(simulator, { name: 'mine' });
    const written = Object.values(HARD_TEXTS).map((text) => ({
      text,
      ...simulator.control.message({ text }),
    }));
    const run = await runHere(
      ['run', '--json', '--once', ...QUICK, '--input', input, '--', ...agent('record', 'arg')],
      {
        home,
        env: {
          OUT: home,
          WXAGENT_HTTP_SECRET: 'whsec_c2VjcmV0',
          WXAGENT_TEXT: 'of another turn',
          TERM: 'xterm',
        },
      },
    );
    expect(run.code, run.stderr).toBe(0);
    const outcomes = jsonLines(run.stdout).filter(({ type }) => type === 'outcome');
    expect(outcomes.map(({ outcome }) => outcome)).toEqual(written.map(() => 'reply'));
    for (const [index, { text, messageId }] of written.entries()) {
      const { argv, env, stdin } = given(home, messageId);
      // UTF-8 has no form for half a character.
      const whole = Buffer.from(text, 'utf8').toString('utf8');
      expect(argv).toEqual(['arg']);
      if (input === 'json') {
        expect(JSON.parse(stdin)).toEqual({
          v: 1,
          type: 'message',
          id: messageId,
          account: id,
          user,
          sessionId: env.WXAGENT_SESSION_ID,
          turn: index + 1,
          time: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
          kind: 'text',
          text: whole,
          attachments: [],
          quote: null,
          attempt: 1,
        });
        expect(stdin.indexOf('\n')).toBe(stdin.length - 1);
      } else expect(stdin).toBe(whole);
      expect(env).toMatchObject({
        WXAGENT_MESSAGE_ID: messageId,
        WXAGENT_ACCOUNT: id,
        WXAGENT_ACCOUNT_NAME: 'mine',
        WXAGENT_USER: user,
        WXAGENT_TURN: String(index + 1),
        WXAGENT_KIND: 'text',
        WXAGENT_ATTEMPT: '1',
        WXAGENT_FILE_COUNT: '0',
        WXAGENT_HOME: join(home, 'wx'),
        TERM: 'xterm',
        NO_COLOR: '1',
      });
      expect(env.WXAGENT_HTTP_SECRET).toBeUndefined();
      const plain = whole.replaceAll('\0', '');
      if (Buffer.byteLength(plain) <= 32 * 1024) {
        expect(env.WXAGENT_TEXT).toBe(plain);
        expect(env.WXAGENT_TEXT_TRUNCATED).toBeUndefined();
      } else {
        expect(plain.startsWith(env.WXAGENT_TEXT ?? '-')).toBe(true);
        expect(Buffer.byteLength(env.WXAGENT_TEXT ?? '')).toBeGreaterThan(32 * 1024 - 4);
        expect(env.WXAGENT_TEXT_TRUNCATED).toBe('1');
      }
    }
    expect(answers(simulator)).toEqual(written.map(() => 'noted'));
  },
);

test('a message of no characters is nothing to run, but with a quote; a quote comes before the text', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: '' });
  const { messageId } = simulator.control.message({ text: 'first line\nsecond' });
  const quote = { id: messageId ?? '', form: 'full' } as const;
  simulator.control.message({ text: 'yes', quote });
  simulator.control.message({ text: '', quote });
  const run = await runHere(['run', '--once', ...QUICK, '--exec', 'printf "[%s]" "$(cat)"'], { home });
  expect(run.code).toBe(0);
  const quoted = '> first line\n> second';
  expect(answers(simulator), run.stderr).toEqual(['[first line\nsecond]', `[${quoted}\nyes]`, `[${quoted}]`]);
  const { stdout } = await runHere(['messages', '--json'], { home });
  expect(stdout).toContain('"reason":"no-text"');
});

/** What users write to `misbehave`, what they read, and how the turn is said to have ended. */
const MISBEHAVIOUR: [how: string, answer: string | RegExp | null, outcome: string, reason: string | null][] =
  [
    ['cat', null, 'silent', null],
    ['invalid-utf8', 'hi\ufffd\ufffd!', 'reply', null],
    ['nothing', null, 'silent', null],
    ['blanks', null, 'silent', null],
    ['only-stderr', null, 'silent', null],
    ['exit 3 boom', /could not be answered.*reported an error/, 'failed', 'exit'],
    ['exit 127', /reported an error/, 'failed', 'exit'],
    ['suicide SIGKILL', /was killed/, 'failed', 'signal'],
    ['flood-stdout', /too large/, 'failed', 'too-large'],
    ['flood-stderr', null, 'silent', null],
    ['exactly 1048577', /too large/, 'failed', 'too-large'],
    ['fork-and-hold', /^\d+$/, 'reply', null],
    ['late-words', 'late', 'reply', null],
    ['escape', /took too long/, 'failed', 'timeout'],
    ['ignore-term', /took too long/, 'failed', 'timeout'],
    ['fork-ignore-term', /took too long/, 'failed', 'timeout'],
  ];

test('agents that misbehave: each its outcome, nothing of a failed one in the chat, none left behind', async () => {
  const simulator = await simulate({ strangers: true });
  const { home } = loggedIn(simulator);
  const pidsIn = (name: string): number[] =>
    readFileSync(join(home, name), 'utf8').trim().split('\n').map(Number);
  // What has left its group, or was left by an agent that ended by itself, is not wxagent's to end.
  onTestFinished(() => {
    for (const pid of pidsIn('forks').filter(lives)) process.kill(pid, 'SIGKILL');
  });
  for (const [index, [how]] of MISBEHAVIOUR.entries()) {
    simulator.control.message({ user: `o9u${index}@im.wechat`, text: how });
  }
  const run = await runHere(
    [
      'run',
      '--json',
      '--allow-all',
      '--once',
      ...QUICK,
      '--concurrency',
      '20',
      '--timeout',
      '8s',
      '--exec',
      `echo $$ >>pids; way=$(cat); FORKS=forks exec ${agent('misbehave').join(' ')} $way </dev/null`,
    ],
    { home },
  );
  expect(run.code, run.stderr).toBe(0);
  const outcomes = jsonLines(run.stdout).filter(({ type }) => type === 'outcome');
  for (const [index, [how, answer, outcome, reason]] of MISBEHAVIOUR.entries()) {
    const user = `o9u${index}@im.wechat`;
    expect(
      outcomes.filter((line) => line.user === user),
      how,
    ).toMatchObject([{ outcome, reason, attempt: 1 }]);
    const got = answers(simulator, user);
    expect(got, how).toEqual(
      answer === null ? [] : [typeof answer === 'string' ? answer : expect.stringMatching(answer)],
    );
  }
  expect(answers(simulator).join('\n')).not.toContain('not for the chat');
  expect(run.stderr).toContain('agent: boom');
  expect(run.stderr).toContain('agent: still thinking');
  expect(run.stderr).toContain('hint: the shell did not find a command');
  const pids = pidsIn('pids');
  expect(pids).toHaveLength(MISBEHAVIOUR.length);
  expect(pids.filter(lives)).toEqual([]);
});

test('what a failed agent said is for --on-error detail only; --on-error silent and --error-text', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const fail = async (...flags: string[]): Promise<string[]> => {
    const before = answers(simulator).length;
    simulator.control.message({ text: '你好' });
    const run = await runHere(
      ['run', '--once', ...QUICK, '--exec', 'echo secret plan; echo boom >&2; exit 9', ...flags],
      { home },
    );
    expect(run).toMatchObject({ code: 0, stdout: '' });
    expect(run.stderr).toContain('agent: boom');
    return answers(simulator).slice(before);
  };
  const [notice] = await fail();
  expect(notice).toContain('这条消息没有处理成功');
  expect(notice).not.toContain('boom');
  expect((await fail('--on-error', 'detail'))[0]).toContain('boom');
  expect(await fail('--on-error', 'silent')).toEqual([]);
  expect(await fail('--error-text', 'Sorry <3')).toEqual(['Sorry <3']);
  expect(answers(simulator).join()).not.toContain('secret plan');
});

test('an HTTP agent: every kind of answer, and retries of those that may pass', async () => {
  const simulator = await simulate({ strangers: true });
  const { home, id } = loggedIn(simulator);
  const kinds: Record<string, [answers: Answer[], shown: string | RegExp | null]> = {
    json: [[{ text: 'as JSON' }], 'as JSON'],
    plain: [[(response) => response.setHeader('content-type', 'text/plain').end('as text\n')], 'as text'],
    lines: [
      [
        (response) =>
          response.setHeader('content-type', 'application/x-ndjson').end('{"text":"one"}\n{"text":"two"}\n'),
      ],
      /^one|two$/,
    ],
    empty: [[204], null],
    silent: [[{ silent: true }], null],
    garbage: [
      [(response) => response.setHeader('content-type', 'application/json').end('{"text":')],
      /not understood/,
    ],
    other: [[{ reply: 'wrong field' }], /not understood/],
    binary: [[(response) => response.setHeader('content-type', 'image/png').end('PNG')], /not understood/],
    huge: [
      [(response) => response.setHeader('content-type', 'text/plain').end('x'.repeat(1_048_577))],
      /too large/,
    ],
    forbidden: [[403], /service did not answer properly/],
    moved: [
      [(response) => response.writeHead(302, { location: '/elsewhere' }).end()],
      /service did not answer properly/,
    ],
    busy: [
      [(response) => response.writeHead(429, { 'retry-after': '0' }).end(), { text: 'at the second try' }],
      'at the second try',
    ],
    soon: [
      [
        (response) => response.writeHead(503, { 'retry-after': '1' }).end('overloaded'),
        { text: 'a second later' },
      ],
      'a second later',
    ],
    broken: [[500, { text: 'after 500' }], 'after 500'],
    reset: [[reset, { text: 'after a reset' }], 'after a reset'],
  };
  const seen = new Map<string, number>();
  const http = await startScriptedServer(({ json }) => {
    const { text } = json as { text: string };
    const nth = seen.get(text) ?? 0;
    seen.set(text, nth + 1);
    return kinds[text]?.[0][nth] ?? 500;
  });
  const ids = new Map<string, string | null>();
  for (const kind of Object.keys(kinds)) {
    ids.set(kind, simulator.control.message({ user: `o9${kind}@im.wechat`, text: kind }).messageId);
  }
  const run = await runHere(
    [
      'run',
      '--json',
      '--allow-all',
      '--once',
      ...QUICK,
      '--http',
      `${http.url}/hook?key=k1`,
      '--header',
      `x-key: \${MY_KEY}`,
      '--concurrency',
      '20',
    ],
    { home, env: { MY_KEY: 'k2', WXAGENT_HTTP_SECRET: 'whsec_c2VjcmV0', LANG: 'zh_CN.UTF-8' } },
  );
  await http.close();
  expect(run.code, run.stderr).toBe(0);
  for (const [kind, [script, shown]] of Object.entries(kinds)) {
    const got = answers(simulator, `o9${kind}@im.wechat`);
    if (kind === 'lines') expect(got).toEqual(['one', 'two']);
    else
      expect(got, kind).toEqual(
        shown === null ? [] : [typeof shown === 'string' ? shown : expect.stringMatching(shown)],
      );
    const posts = http.requests.filter(({ json }) => (json as { text: string }).text === kind);
    expect(posts.map(({ method, path, query }) => [method, path, query.get('key')])).toEqual(
      script.map(() => ['POST', '/hook', 'k1']),
    );
    expect(posts.map(({ json }) => (json as { attempt: number }).attempt)).toEqual(
      script.map((_, index) => index + 1),
    );
    for (const { headers, json } of posts) {
      expect(json).toMatchObject({
        v: 1,
        type: 'message',
        id: ids.get(kind),
        account: id,
        user: `o9${kind}@im.wechat`,
        kind: 'text',
        text: kind,
      });
      expect(headers).toMatchObject({
        'x-key': 'k2',
        'content-type': 'application/json',
        'webhook-id': `msg_${ids.get(kind)}`,
      });
      expect(headers['webhook-signature']).toMatch(/^v1,/);
    }
  }
  const retries = jsonLines(run.stdout).filter(({ outcome }) => outcome === 'retry');
  expect(retries.map(({ user }) => user).sort()).toEqual(
    ['broken', 'busy', 'reset', 'soon'].map((kind) => `o9${kind}@im.wechat`),
  );
  expect(`${run.stdout}${run.stderr}`).not.toMatch(/k1|k2|c2VjcmV0/);
});

test('exit 75 is run again; after --retries the user hears of it', async () => {
  const simulator = await simulate({ strangers: true });
  const { home, user } = loggedIn(simulator);
  simulator.control.message({ text: 'later' });
  simulator.control.message({ text: 'the next one waits' });
  simulator.control.message({ user: 'o9other@im.wechat', text: 'not held up' });
  const run = startHere(
    [
      'run',
      '--json',
      '--allow-all',
      ...QUICK,
      '--exec',
      'text=$(cat); if [ "$text" = later ] && [ "$WXAGENT_ATTEMPT" = 1 ]; then exit 75; fi; printf "%s: %s" "$WXAGENT_ATTEMPT" "$text"',
    ],
    { home },
  );
  await answered(simulator, 1, 'o9other@im.wechat');
  // The lane of the first user waits while the others go on.
  expect(answers(simulator, user)).toEqual([]);
  expect(await answered(simulator, 2, user)).toEqual(['2: later', '1: the next one waits']);
  expect((await run.stop()).code).toBe(0);

  simulator.control.message({ text: 'never' });
  const given = await runHere(['run', '--json', '--once', ...QUICK, '--retries', '0', '--exec', 'exit 75'], {
    home,
  });
  expect(given.code).toBe(0);
  expect(jsonLines(given.stdout).filter(({ type }) => type === 'outcome')).toMatchObject([
    { outcome: 'failed', attempt: 1 },
  ]);
  expect(answers(simulator, user).at(-1)).toContain('could not be answered');
});

test('an agent is found by the folder wxagent was started in, and keeps its own state', async () => {
  const simulator = await simulate();
  const { home, user, id } = loggedIn(simulator);
  writeFileSync(
    join(home, 'agent.sh'),
    '#!/bin/sh\ncat >>"$WXAGENT_STATE_DIR/said"; cat "$WXAGENT_STATE_DIR/said"; pwd; echo late >"$WXAGENT_REPLY_DIR/../x"',
    { mode: 0o755 },
  );
  simulator.control.messages([{ text: 'one,' }, { text: 'two' }]);
  const run = await runHere(['run', '--once', ...QUICK, './agent.sh'], { home });
  expect(run.code, run.stderr).toBe(0);
  expect(answers(simulator)).toEqual([`one,${home}`, `one,two${home}`]);
  expect(readFileSync(join(home, 'wx', 'agents', id, user, 'said'), 'utf8')).toBe('one,two');
  expect(readdirSync(join(home, 'wx', 'media', 'turn', id))).toEqual([]);
});
