import { chmodSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { EXIT_CODES } from '../../src/core/exit-codes.ts';
import { startChatServer } from '../helpers/chat-server.ts';
import { startService } from '../helpers/chat-services.ts';
import { runHere } from '../helpers/in-this-process.ts';
import { type Block, blocksOf, READMES, RECIPES, ROOT, readPage, withoutComments } from '../helpers/pages.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { installNoted, takeTypedRun } from '../helpers/typed-run.ts';
import { BIN, type Exited, makeFolder, startWxagent } from '../helpers/wxagent.ts';

/** The recipes of the pages as they are typed, against the simulator; other programs are stand-ins that know their flags. */

/** The pages of each language, in one text. */
const [ENGLISH, CHINESE] = READMES.map(
  (readme, at) => `${readPage(readme)}\n${readPage(RECIPES[at] ?? '')}`,
) as [string, string];

/** Claude Code as far as sessions go: ids are created once, and only a created one can be resumed. */
const CLAUDE = `#!/bin/sh
[ "$1" = -p ] && [ $# -eq 5 ] && [ "$4" = --add-dir ] || { echo "error: unknown arguments: $*" >&2; exit 1; }
mkdir -p "$HOME/claude"; session="$HOME/claude/$3"
case "$2" in
  --session-id) [ ! -e "$session" ] || { echo "Error: Session ID $3 is already in use." >&2; exit 1; } ;;
  --resume) [ -e "$session" ] || { echo "No conversation found with session ID: $3" >&2; exit 1; } ;;
  *) exit 1 ;;
esac
text=$(cat)
if [ "$text" = 'die early' ]; then exit 1; fi
printf '%s;' "$text" >>"$session"
if [ "$text" = 'die late' ]; then echo 'half an answer'; exit 1; fi
echo "claude has heard $(cat "$session")"
`;

/** Codex as far as sessions go: the last one belongs to the folder. */
const CODEX = `#!/bin/sh
case "$*" in
  'exec --skip-git-repo-check -') echo "codex: $(cat)" ;;
  'exec --skip-git-repo-check --image='*'.jpg resume --last -') echo 'codex sees it' ;;
  'exec --skip-git-repo-check resume --last -') cat >>codex-session; echo >>codex-session; echo thinking >&2; tr '\\n' ';' <codex-session ;;
  *) echo "error: unexpected argument in: $*" >&2; exit 2 ;;
esac
`;

const OLLAMA = `#!/bin/sh
[ "$*" = 'run qwen3 --hidethinking' ] || { echo "Error: unknown arguments: $*" >&2; exit 1; }
echo "ollama: $(cat)"
`;

/** The ACP agent that `--acp claude` starts. */
const CLAUDE_ACP = `#!/bin/sh
exec '${process.execPath}' '${join(ROOT, 'test/fixtures/agents/acp.mjs')}'
`;

interface Bench {
  say(text: string): void;
  /** Types a recipe; resolves when it has ended, and all is answered. */
  type(name: string, edit?: (line: string) => string): Promise<Exited>;
  answers(): string[];
  home: string;
  simulator: Awaited<ReturnType<typeof simulate>>;
}

/** A folder with all files of the recipes, a login, and the other programs. */
async function bench(pages: string): Promise<Bench> {
  const blocks = blocksOf(pages);
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const bin = join(home, 'bin');
  mkdirSync(bin);
  const programs = {
    claude: CLAUDE,
    'claude-agent-acp': CLAUDE_ACP,
    codex: CODEX,
    ollama: OLLAMA,
  };
  for (const [name, text] of Object.entries(programs)) writeFileSync(join(bin, name), text, { mode: 0o755 });
  installNoted(bin, home);
  for (const { file, text } of blocks) {
    if (file === null) continue;
    writeFileSync(join(home, file), text);
    if (text.startsWith('#!')) chmodSync(join(home, file), 0o755);
  }
  const env = { PATH: `${bin}${delimiter}${process.env.PATH}` };
  return {
    home,
    simulator,
    say: (text) => void simulator.control.message({ text }),
    answers: () => answers(simulator),
    async type(name, edit = (line) => line) {
      const line = edit(recipe(blocks, name));
      const end = await startWxagent(['-c', line], { home, env, through: ['/bin/sh'] }).exited;
      const typed = takeTypedRun(home);
      if (typed === null) return end;
      const run = ['run', '--once', '--pace', '0', '--no-typing', ...typed.words];
      return runHere(run, { home, env: typed.env });
    },
  };
}

function recipe(blocks: Block[], name: string): string {
  const found = blocks.find(({ run }) => run === name);
  if (!found) throw new Error(`there is no recipe "${name}"`);
  return found.text;
}

/** A server in place of the one a recipe names. */
async function listening(answer: (body: string) => { type: string; body: string }): Promise<string> {
  const server = createServer(async (request, response) => {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const { type, body } = answer(Buffer.concat(chunks).toString('utf8'));
    response.setHeader('content-type', type).end(body);
  });
  await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => void server.close());
  const address = server.address();
  return `127.0.0.1:${typeof address === 'object' ? address?.port : ''}`;
}

test('shell and python, one of them step by step', async () => {
  const { say, type, answers } = await bench(ENGLISH);
  for (const text of ['hello', 'disk']) say(text);
  expect(await type('shell')).toMatchObject({ code: 0 });
  expect(answers()[0]).toBe('You said: hello');
  expect(answers()[1]).toMatch(/^```\nFilesystem[\s\S]*\n```$/);
  for (const text of ['one', '二']) say(text);
  expect(await type('python')).toMatchObject({ code: 0 });
  expect(answers().slice(2)).toEqual(['Note 3 is kept: one', 'Note 4 is kept: 二']);
  say('go');
  expect(await type('steps')).toMatchObject({ code: 0 });
  expect(answers().slice(4)).toEqual(['Counting ...', 'One, two, three.']);
});

test('claude goes on with its session, and finds back after a turn that failed', async () => {
  const { say, type, answers } = await bench(ENGLISH);
  for (const text of ['die early', 'a', 'b', 'die late', 'c']) say(text);
  expect(await type('claude')).toMatchObject({ code: 0 });
  expect(answers().filter((text) => text.startsWith('claude'))).toEqual([
    'claude has heard a;',
    'claude has heard a;b;',
    'claude has heard a;b;die late;c;',
  ]);
  expect(answers()).toHaveLength(5);
  expect(answers().join()).not.toContain('half an answer');
});

test('claude finds back when the first turn left a session', async () => {
  const { say, type, answers } = await bench(ENGLISH);
  for (const text of ['die late', 'a']) say(text);
  expect(await type('claude')).toMatchObject({ code: 0 });
  expect(answers()[1]).toBe('claude has heard die late;a;');
});

test('codex and ollama', async () => {
  const { say, type, answers } = await bench(ENGLISH);
  for (const name of ['codex', 'ollama']) {
    say(`to ${name}`);
    expect(await type(name)).toMatchObject({ code: 0 });
  }
  for (const text of ['one', 'two', '/new three']) say(text);
  expect(await type('codex-session')).toMatchObject({ code: 0 });
  const said = answers().filter((text) => !text.startsWith('A new conversation'));
  expect(said).toEqual(['codex: to codex', 'ollama: to ollama', 'one;', 'one;two;', 'three;']);
});

test('both languages have the same recipes, so one is enough', () => {
  const [english, chinese] = [ENGLISH, CHINESE].map((pages) =>
    blocksOf(pages).flatMap(({ run, file, text }) =>
      run === null ? [] : [run, file, withoutComments(text)],
    ),
  );
  expect(chinese).toEqual(english);
});

test('the first steps, with a login of their own', async () => {
  const { say, type, answers, simulator } = await bench(ENGLISH);
  say('hello');
  const own = `export WXAGENT_BASE_URL='${simulator.baseUrl}' WXAGENT_HOME="$PWD/own"\n`;
  expect(await type('start', (lines) => own + lines)).toMatchObject({ code: 0 });
  expect(answers()).toEqual(['HELLO']);
});

test('texts and files from a script', async () => {
  const { home, say, type, simulator } = await bench(ENGLISH);
  for (const name of ['report.pdf', 'chart.png']) writeFileSync(join(home, name), name);
  say('hello');
  await type('shell');
  expect(await type('send')).toMatchObject({ code: 0, stdout: '', stderr: '' });
  const sent = simulator.control.phone().shown.filter(({ from }) => from === 'bot');
  expect(sent.slice(1).map(({ text, fileName }) => fileName ?? text)).toEqual([
    'backup finished',
    expect.stringMatching(/^```\nFilesystem/),
    'the report',
    'report.pdf',
    'chart.png',
  ]);
});

test('Claude Code by its name, with a session', async () => {
  const { home, say, type, answers } = await bench(ENGLISH);
  mkdirSync(join(home, 'sessions'));
  for (const text of ['one', 'two']) say(text);
  const typed = await type('acp', (line) => `export SESSIONS='${join(home, 'sessions')}'\n${line}`);
  expect(typed).toMatchObject({ code: 0 });
  expect(answers()).toEqual(['s1/1: one', 's1/2: two']);
});

test('the service of the HTTP recipe, with curl and with wxagent', async () => {
  const { home, say, type, answers } = await bench(ENGLISH);
  // The port is taken where the recipe names one, and told.
  const source = readFileSync(join(home, 'answer.py'), 'utf8').replace(
    /^HTTPServer\(\("127\.0\.0\.1", 8000\), Agent\)\.serve_forever\(\)$/m,
    'server = HTTPServer(("127.0.0.1", 0), Agent)\nprint(server.server_port, flush=True)\nserver.serve_forever()',
  );
  const service = startWxagent(['-c', source], { home, through: ['python3'] });
  await service.says('stdout', /\d+\n/);
  const here = (line: string) => line.replace('127.0.0.1:8000', `127.0.0.1:${service.stdout.trim()}`);
  expect(JSON.parse((await type('curl', here)).stdout)).toEqual({ text: 'You said: hello' });
  say('hi');
  expect(await type('http', here)).toMatchObject({ code: 0 });
  expect(answers()).toEqual(['You said: hi']);
  await service.stop();
});

test('a service of plain text behind curl, and n8n answering with JSON or text', async () => {
  const { say, type, answers } = await bench(ENGLISH);
  const plain = await listening((body) => ({ type: 'text/html; charset=utf-8', body: `plain: ${body}` }));
  say('一');
  await type('curl-agent', (line) => line.replace('127.0.0.1:8000', plain));
  const json = await listening((body) => ({
    type: 'application/json; charset=utf-8',
    body: JSON.stringify({ text: `n8n: ${(JSON.parse(body) as { text: string }).text}` }),
  }));
  say('二');
  await type('n8n', (line) => line.replace('127.0.0.1:5678', json));
  say('三');
  await type('n8n', (line) => line.replace('127.0.0.1:5678', plain));
  const started = await listening(() => ({
    type: 'application/json',
    body: '{"message":"Workflow was started"}',
  }));
  say('四');
  const failed = await type('n8n', (line) => line.replace('127.0.0.1:5678', started));
  expect(failed.stderr).toContain('agent failed: bad-output');
  expect(answers().slice(0, 2)).toEqual(['plain: 一', 'n8n: 二']);
  expect(answers()[2]).toMatch(/^plain: \{.*三/);
  expect(answers()).toHaveLength(4);
});

test('the flow of Node-RED, with a stand-in that runs it', async () => {
  const { home, say, type, answers } = await bench(ENGLISH);
  const flow = JSON.parse(readFileSync(join(home, 'flow.json'), 'utf8')) as Record<string, string>[];
  const [node] = flow.filter((one) => one.type === 'function');
  const run = new Function('msg', node?.func ?? '');
  const here = await listening((body) => ({
    type: 'application/json; charset=utf-8',
    body: JSON.stringify((run({ payload: JSON.parse(body) }) as { payload: unknown }).payload),
  }));
  say('hello');
  await type('node-red', (line) => line.replace('127.0.0.1:1880', here));
  expect(answers()).toEqual(['You said: hello']);
  expect(recipe(blocksOf(ENGLISH), 'node-red')).toContain(String(flow[0]?.url));
});

test('a model with a memory, here and elsewhere', async () => {
  const { say, type, answers } = await bench(ENGLISH);
  const server = await startChatServer();
  onTestFinished(() => server.stop());
  say('一');
  const local = (line: string) => line.replace('http://127.0.0.1:11434/v1', server.url);
  expect(await type('openai', local)).toMatchObject({ code: 0 });
  say('二');
  const elsewhere = (line: string) => line.replace('https://api.deepseek.com/v1', server.url);
  expect(await type('openai-key', elsewhere)).toMatchObject({ code: 0 });
  expect(answers()).toEqual(['echo: 一', 'echo: 二']);
  const [, second] = server.asked;
  expect(second?.headers.authorization).toBe('Bearer sk-...');
  expect(second?.body.messages.map(({ role }) => role)).toEqual(['system', 'user', 'assistant', 'user']);
});

test('Dify and Home Assistant, by their presets', async () => {
  const { say, type, answers } = await bench(ENGLISH);
  for (const name of ['dify', 'home-assistant'] as const) {
    const service = await startService(name);
    onTestFinished(service.close);
    say(name);
    const typed = await type(name, (line) =>
      line.replace(/https?:\/\/[^/\s]+/, service.url).replace(/=(app-)?\.\.\./, '=key'),
    );
    expect(typed).toMatchObject({ code: 0 });
  }
  expect(answers()).toEqual(['c-1 #1: dify', 'c-1 #1: home-assistant']);
});

test('the lines of cron', async () => {
  const { say, type, simulator } = await bench(ENGLISH);
  say('hello');
  await type('shell');
  const lines = recipe(blocksOf(ENGLISH), 'cron')
    .split('\n')
    .filter((line) => / wxagent|\/wxagent /.test(line));
  expect(lines).toHaveLength(2);
  for (const line of lines) {
    const [, fields = '', command = ''] = /^((?:\S+\s+){5})(.*)$/.exec(line) ?? [];
    expect(fields.trim().split(/\s+/)).toHaveLength(5);
    // What cron does to a line, and where the program lies here.
    expect(command).not.toMatch(/(?<!\\)%/);
    const typed = command.replaceAll('\\%', '%').replaceAll('/usr/local/bin/', '');
    expect(await type('cron', () => typed)).toMatchObject({ code: 0, stdout: '', stderr: '' });
  }
  const [, morning, disk] = await answered(simulator, 3);
  expect(morning).toMatch(/^Good morning, it is \d\d:\d\d$/);
  expect(disk).toMatch(/^```\nFilesystem[\s\S]*\n```$/);
});

test('the unit of systemd', () => {
  const unit = blocksOf(ENGLISH).find(({ file }) => file === 'wxagent.service')?.text ?? '';
  const value = (name: string) => new RegExp(`^${name}=(.*)$`, 'm').exec(unit)?.[1];
  const { usage, config, 'not-logged-in': notLoggedIn } = EXIT_CODES;
  expect(value('RestartPreventExitStatus')).toBe([usage, notLoggedIn, config].join(' '));
  expect(value('Restart')).toBe('on-failure');
  expect(value('ExecStart')).toBe('/usr/local/bin/wxagent run --exec ./agent.sh');
});

test('the trial without WeChat, in two terminals', async () => {
  const home = makeFolder();
  const bin = join(home, 'bin');
  mkdirSync(bin);
  const program = `#!/bin/sh\nexec '${process.execPath}' '${BIN}' "$@"\n`;
  writeFileSync(join(bin, 'wxagent'), program, { mode: 0o755 });
  const terminals = [...ENGLISH.matchAll(/^<!-- terminal \d -->\n```sh\n([\s\S]*?)^```$/gm)].map(
    ([, text = '']) => text,
  );
  expect(terminals).toHaveLength(2);
  const options = {
    home,
    env: { PATH: `${bin}${delimiter}${process.env.PATH}`, WXAGENT_HOME: undefined },
    through: ['/bin/sh'] as const,
  };
  const first = startWxagent(['-c', `exec ${terminals[0]?.replace('8787', '0')}`], {
    ...options,
    through: ['/bin/sh'],
  });
  await first.says('stdout', '"controlUrl"');
  const { baseUrl } = JSON.parse(first.stdout) as { baseUrl: string };
  const second = startWxagent(['-c', (terminals[1] ?? '').replaceAll('http://127.0.0.1:8787', baseUrl)], {
    ...options,
    through: ['/bin/sh'],
  });
  const end = await second.exited;
  expect(end.code, end.stderr).toBe(0);
  const shown = end.stdout.split('\n').filter((line) => line.includes('"shown"'));
  expect(
    (JSON.parse(shown[0] ?? '{}') as { shown: { text: string }[] }).shown.map(({ text }) => text),
  ).toEqual(['hello', 'HELLO']);
  await first.stop();
});
