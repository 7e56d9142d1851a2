import { appendFileSync, chmodSync, mkdirSync, realpathSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import { type Command, commandLineOf, nameOf } from '../../../src/agents/child/command-line.ts';
import { resolveCommand } from '../../../src/agents/child/resolve-command.ts';
import { checkShellLine } from '../../../src/agents/child/shell-line.ts';
import { type CommandAgentOptions, createCommandAgent } from '../../../src/agents/command/agent.ts';
import { createEchoAgent } from '../../../src/agents/echo.ts';
import type { TurnContext } from '../../../src/agents/port/port.ts';
import type { ReplyPiece, Turn } from '../../../src/core/message/message.ts';
import {
  contextIn,
  groupAlive,
  killLeftover,
  misbehave,
  recordingLog,
  temporaryFolder,
  turnWith,
} from './support.ts';

function agentFor(command: Command, changes: Partial<CommandAgentOptions> = {}) {
  const log = recordingLog();
  const started: number[] = [];
  const root = temporaryFolder();
  const agent = createCommandAgent({
    command,
    input: 'text',
    output: 'text',
    cwd: root,
    parentEnv: { PATH: process.env.PATH },
    constants: { home: null, store: null, baseUrl: null, cdnUrl: null, bin: 'wxagent', version: '0.0.0' },
    killGraceMs: 50,
    log,
    onStarted: (_, pid) => void started.push(pid),
    ...changes,
  });
  return {
    agent,
    log,
    root,
    started,
    answer: (turn: Partial<Turn> = {}, context: Partial<TurnContext> = {}) =>
      agent.answer(turnWith(turn), contextIn(root, context)),
  };
}

describe('a command agent', () => {
  it('answers with what the command prints', async () => {
    const { answer } = agentFor({ shell: 'tr a-z A-Z' });
    expect(await answer({ text: 'hello, 世界\n' })).toEqual({
      kind: 'reply',
      pieces: [{ text: 'HELLO, 世界' }],
    });
  });

  it('keeps the message out of argv and command string, and gives it whole on stdin', async () => {
    const text = '\'; touch pwned; "$(touch pwned)" `touch pwned` && | > pwned \0 \ud800 --help\n-x';
    for (const command of [
      misbehave('report', 'fixed'),
      { shell: misbehave('report', 'fixed').argv.join(' ') },
    ]) {
      const { answer, root } = agentFor(command);
      const outcome = await answer({ text });
      const [piece] = outcome.kind === 'reply' ? outcome.pieces : [];
      const seen = JSON.parse(piece && 'text' in piece ? piece.text : '{}');
      expect(seen.argv).toEqual(['fixed']);
      expect(Buffer.from(seen.stdin, 'base64').equals(Buffer.from(text, 'utf8'))).toBe(true);
      expect(seen.env.WXAGENT_TEXT).toBe(text.replace('\0', '').replace('\ud800', '\uFFFD'));
      expect(seen.cwd).toBe(root);
    }
  });

  it('survives invalid UTF-8', async () => {
    const { answer } = agentFor(misbehave('invalid-utf8'));
    expect(await answer()).toEqual({ kind: 'reply', pieces: [{ text: 'hi\uFFFD\uFFFD!' }] });
  });

  it.each(['nothing', 'blanks', 'only-stderr'])('is silent when the command prints %s', async (how) => {
    expect(await agentFor(misbehave(how)).answer()).toEqual({ kind: 'silent' });
  });

  it('sends stderr to the log, without colours', async () => {
    const { answer, log } = agentFor(misbehave('only-stderr'));
    await answer();
    expect(log.lines).toEqual(['agent: thinking', 'agent: still thinking']);
  });

  it('adds the files left in the reply folder and tells what it leaves out', async () => {
    const { answer, root, log } = agentFor({
      shell: 'cd "$WXAGENT_REPLY_DIR" && echo 2 >2.txt && echo 1 >1.txt && mkdir sub && echo look',
    });
    expect(await answer()).toEqual({
      kind: 'reply',
      pieces: [
        { text: 'look' },
        { file: join(root, 'reply', '1.txt'), name: '1.txt' },
        { file: join(root, 'reply', '2.txt'), name: '2.txt' },
      ],
    });
    expect(log.lines).toEqual(['left in the reply folder but not sent: sub (folder)']);
  });

  it('discards stdout and files of a command that fails', async () => {
    const { answer } = agentFor({
      shell: 'echo x; echo x >"$WXAGENT_REPLY_DIR/x"; echo because >&2; exit 3',
    });
    expect(await answer()).toEqual({ kind: 'failed', reason: 'exit', detail: 'exit code 3: because' });
  });

  it.each([
    ['echo "Not logged in"; exit 1', 'exit code 1: Not logged in'],
    [
      'echo "Credit balance is too low"; echo "{\\"x\\":1}" >&2; echo "}" >&2; exit 1',
      'exit code 1: {"x":1}',
    ],
    ['printf "{\\n  \\"error\\": \\"no key\\"\\n}\\n" >&2; exit 2', 'exit code 2: "error": "no key"'],
    ['echo 未登录 >&2; echo --- >&2; exit 1', 'exit code 1: 未登录'],
    ['echo quota; exit 75', 'exit code 75: quota'],
    ['echo going down; kill -9 $$', 'ended by SIGKILL: going down'],
  ])('names what says why it failed, on stderr or else on stdout: %s', async (shell, detail) => {
    expect(await agentFor({ shell }).answer()).toMatchObject({ detail });
  });

  it('leaves no file of its reply folder out without a word, however it is called', async () => {
    const shell = String.raw`cd "$WXAGENT_REPLY_DIR"; echo 1 >"$(printf '\270\275\274\376.txt')"; echo 2 >"$(printf 'caf\351.txt')"; echo 3 >é`;
    const { answer, log, root } = agentFor({ shell });
    const named = (name: string) => ({ file: join(root, 'reply', name), name });
    const pieces = ['caf\uFFFD.txt', 'é', '附件.txt'].map(named);
    expect(await answer()).toEqual({ kind: 'reply', pieces });
    expect(log.lines).toEqual([]);
  });

  it('keeps its text however many files it leaves, and names few of those that are never sent', async () => {
    const many = (count: number, prefix: string) =>
      agentFor({ shell: `cd "$WXAGENT_REPLY_DIR" && seq -f '${prefix}%g' ${count} | xargs touch; echo hi` });
    expect(await many(1_001, 'f').answer()).toMatchObject({
      kind: 'reply',
      pieces: [{ text: 'hi' }, ...Array(1_001).fill({ name: expect.stringMatching(/^f/) })],
    });
    const hidden = many(1_001, '.f');
    expect(await hidden.answer()).toEqual({ kind: 'reply', pieces: [{ text: 'hi' }] });
    expect(hidden.log.lines.join()).toMatch(/^left in the reply folder .{0,300}, and 991 more$/);
  });

  it('cannot fill the log', async () => {
    const { answer, log } = agentFor({ shell: 'yes "a line of a flood" | head -c 4000000 >&2; echo done' });
    expect(await answer()).toEqual({ kind: 'reply', pieces: [{ text: 'done' }] });
    expect(log.lines.join('\n').length).toBeLessThan(2 ** 21);
    expect(log.lines.at(-1)).toMatch(/^agent: \(\d+ lines are not in the log: more than 1 MiB a minute\)$/);
  });

  it.each([
    ["throw new Error('boom')", 'Error: boom'],
    [
      "console.error(new Error('seen before')); require('no-such-module')",
      "Error: Cannot find module 'no-such-module'",
    ],
    ["Promise.reject(new TypeError('late'))", 'TypeError: late'],
    ["throw 'a text'", 'Node.js v'],
  ])('names the error of a Node program that crashes: %s', async (code, said) => {
    const crashed = await agentFor({ argv: [process.execPath, '-e', code] }).answer();
    expect(crashed).toMatchObject({
      reason: 'exit',
      detail: expect.stringContaining(`exit code 1: ${said}`),
      stderr: expect.stringContaining('Node.js v'),
    });
  });

  it('asks for a later try with 75', async () => {
    expect(await agentFor(misbehave('exit', '75', 'busy')).answer()).toEqual({
      kind: 'retry',
      afterMs: null,
      detail: 'exit code 75: busy',
    });
  });

  it('has a hint for 126 and 127', async () => {
    const missing = await agentFor({ shell: 'no-such-command-anywhere' }).answer();
    expect(missing).toMatchObject({ kind: 'failed', reason: 'exit', hint: expect.stringContaining('PATH') });
    expect(missing).toHaveProperty(
      'detail',
      expect.stringMatching(/^exit code 127: .*no-such-command-anywhere/),
    );
    const refused = await agentFor({ shell: '/etc/passwd' }).answer();
    expect(refused).toMatchObject({ kind: 'failed', reason: 'exit', hint: expect.stringContaining('chmod') });
  });

  it.each(['SIGKILL', 'SIGSEGV'])('names the signal %s', async (signal) => {
    expect(await agentFor(misbehave('suicide', signal)).answer()).toEqual({
      kind: 'failed',
      reason: 'signal',
      detail: `ended by ${signal}`,
    });
  });

  it('fails with too-large after 100 MB, and leaves no process', async () => {
    const { answer, started } = agentFor(misbehave('flood-stdout'));
    expect(await answer()).toMatchObject({ kind: 'failed', reason: 'too-large' });
    expect(started).toHaveLength(1);
    expect(groupAlive(started[0] ?? 0)).toBe(false);
  });

  it('fails with timeout, and leaves no process although TERM is ignored', async () => {
    const { answer, started } = agentFor({ shell: 'trap "" TERM; sleep 600 & sleep 600; echo done' });
    expect(await answer({}, { timeoutMs: 200 })).toEqual({
      kind: 'failed',
      reason: 'timeout',
      detail: 'no answer within 0.2 s',
    });
    expect(groupAlive(started[0] ?? 0)).toBe(false);
  });

  it('fails with cancelled when it is stopped', async () => {
    const controller = new AbortController();
    const { answer } = agentFor({ shell: 'sleep 600' }, { onStarted: () => controller.abort('stop') });
    expect(await answer({}, { signal: controller.signal })).toMatchObject({
      kind: 'failed',
      reason: 'cancelled',
    });
  });

  it('answers although something it started keeps the pipe', async () => {
    const { answer, started } = agentFor({ shell: 'sleep 600 & echo answer' });
    expect(await answer()).toEqual({ kind: 'reply', pieces: [{ text: 'answer' }] });
    killLeftover(started[0], 'group');
  });

  it('fails with spawn when the program has gone meanwhile, or the folder', async () => {
    const gone = await agentFor({ argv: ['/no/such/program'] }).answer();
    expect(gone).toMatchObject({ kind: 'failed', reason: 'spawn', hint: expect.stringContaining('program') });
    const agent = agentFor({ shell: 'true' }, { cwd: '/no/such/folder' });
    expect(await agent.answer()).toMatchObject({
      reason: 'spawn',
      hint: 'the folder /no/such/folder does not exist any more',
    });
  });

  it('says once what of the environment it could not pass on', async () => {
    const { answer, log } = agentFor({ shell: 'true' }, { parentEnv: { HUGE: 'x'.repeat(200_000) } });
    await answer();
    await answer();
    expect(log.lines).toEqual(['too long to be passed on to the agent: HUGE']);
  });
});

describe('the program of -- cmd', () => {
  function folderWith(files: Record<string, number>) {
    const folder = temporaryFolder();
    for (const [name, mode] of Object.entries(files)) {
      writeFileSync(join(folder, name), '#!/bin/sh\n');
      chmodSync(join(folder, name), mode);
    }
    return folder;
  }

  it('is found on PATH, past folders and files that may not be run', () => {
    const [first, second] = [folderWith({ bot: 0o644 }), folderWith({ bot: 0o755, other: 0o755 })];
    mkdirSync(join(first, 'other'));
    const search = { cwd: '/', path: `/no/such:${first}:${second}`, platform: 'linux' as const };
    expect(resolveCommand('bot', search)).toBe(join(second, 'bot'));
    expect(resolveCommand('other', search)).toBe(join(second, 'other'));
  });

  it('is found below the working folder when its name says so, or PATH does', () => {
    const cwd = folderWith({ bot: 0o755 });
    const search = { cwd, path: '/no/such', platform: 'linux' as const };
    expect(resolveCommand('./bot', search)).toBe(join(cwd, 'bot'));
    expect(resolveCommand('bot', { ...search, path: '/no/such:' })).toBe(join(cwd, 'bot'));
    expect(() => resolveCommand('bot', search)).toThrow('does not exist');
  });

  it.each(['', 'no-such-bot', './no-such-bot', '/no/such/bot'])(
    'is an error with exit code 66 when missing: %j',
    (name) => {
      const search = { cwd: '/', path: process.env.PATH, platform: 'linux' as const };
      expect(() => resolveCommand(name, search)).toThrow(
        expect.objectContaining({ kind: 'not-found', exit: 66 }),
      );
    },
  );

  it('is an error with exit code 66 when it may not be run', () => {
    const cwd = folderWith({ bot: 0o644 });
    const attempt = () => resolveCommand('./bot', { cwd, path: '', platform: 'linux' });
    expect(attempt).toThrow(expect.objectContaining({ exit: 66, hint: `chmod +x ${join(cwd, 'bot')}` }));
  });
});

describe('a line for the shell', () => {
  const folder = () => {
    const cwd = temporaryFolder();
    const write = (name: string, text: string, mode = 0o755) => {
      writeFileSync(join(cwd, name), text);
      chmodSync(join(cwd, name), mode);
    };
    write('bot', '#!/bin/sh\necho hi\n');
    write('plain', '#!/bin/sh\n', 0o644);
    write('windows', '#!/bin/sh\r\necho hi\r\n');
    write('orphan', '#!/no/such/interpreter -x\n');
    return cwd;
  };
  const check = (line: string, cwd = folder()) =>
    checkShellLine('--exec', line, { cwd, path: `${cwd}:/usr/bin:/bin`, platform: 'linux' }, { HOME: cwd });

  it.each([
    ['a program', 'bot --x'],
    ['a path', './bot'],
    ['a path of the home', '~/bot'],
    ['an end that is not a blank', 'bot;bot|bot'],
    ['variables in front', "A=1 B='x y' bot"],
    ['a word of the shell', 'if true; then no-such-thing; fi'],
    ['a builtin', 'cd /nowhere && no-such-thing'],
    ['a group', '(no-such-thing)'],
    ['a block', '{ no-such-thing; }'],
    ['a variable', '"$HOME/no-such-thing" x'],
    ['a quoted word', '"./bot" x'],
    ['a word in pieces', "'no-such'-thing"],
    ['a function', 'no_such_thing() { echo hi; }; no_such_thing'],
    ['only a variable', 'A=1'],
    ['a redirection', '<in no-such-thing'],
    ['a comment', '# no-such-thing\nbot'],
    ['another PATH', 'PATH=/elsewhere no-such-thing'],
    ['an arithmetic command', '((1))'],
    ['a negation', '! no-such-thing'],
    ['a substitution', '$(echo bot)'],
  ])('may begin with %s', (_, line) => {
    expect(() => check(line)).not.toThrow();
  });

  it.each([
    ['', 64, /--exec needs a command/],
    ['no-such-thing --x', 66, /"no-such-thing" does not exist/],
    ['./no-such-thing', 66, /does not exist/],
    ["'./my agent.sh' x", 66, /"\.\/my agent\.sh" does not exist/],
    ['"./plain"', 66, /plain is not executable/],
    ['~/no-such-thing', 66, /does not exist/],
    ['A=1 no-such-thing | cat', 66, /does not exist/],
    ['./plain', 66, /plain is not executable/],
    ['plain', 66, /plain is not executable/],
    ['./windows', 66, /windows is a script with the line ends of Windows/],
    ['orphan x', 66, /orphan is a script for \/no\/such\/interpreter, which does not exist/],
  ])('is refused: %s', (line, exit, message) => {
    expect(() => check(line)).toThrow(
      expect.objectContaining({ exit, message: expect.stringMatching(message) }),
    );
  });

  it.each(['sh ./late', './late'])(
    'names a script of Windows that only ran into it later: %s',
    async (shell) => {
      const { answer, root } = agentFor({ shell });
      writeFileSync(
        join(root, 'late'),
        `${shell.startsWith('sh') ? '' : '#!/bin/sh\r\n'}no-such-thing\r\nexit 127\n`,
      );
      chmodSync(join(root, 'late'), 0o755);
      const crlf = expect.stringContaining(`${join(root, 'late')} has the line ends of Windows (CRLF)`);
      expect(await answer()).toMatchObject({ kind: 'failed', hint: crlf });
      const spawned = agentFor({ argv: [join(root, 'late')] });
      if (!shell.startsWith('sh'))
        expect(await spawned.answer()).toMatchObject({ reason: 'spawn', hint: crlf });
    },
  );
});

describe('a command that answers in lines', () => {
  /** What a shell command that prints lines comes to, and what was said of it. */
  async function said(shell: string, changes: Partial<TurnContext> = {}, files: string[] = []) {
    const { agent, root, log } = agentFor({ shell }, { output: 'jsonl' });
    for (const name of files) writeFileSync(join(root, name), name);
    const context = contextIn(root, changes);
    return { outcome: await agent.answer(turnWith(), context), emitted: context.emitted, root, log };
  }

  it('says them in order; blank ones and signs of life are nothing', async () => {
    const { outcome, emitted } = await said(
      String.raw`echo '{"typing":true}'; echo; printf '%s\n' '{"text":"one\n"}'; echo '{"text":" "}'; printf '{"text":"two"}'`,
    );
    expect(outcome).toEqual({ kind: 'silent' });
    expect(emitted).toEqual([{ text: 'one' }, { text: 'two' }]);
  });

  it('says files of the folder it runs in, and those of the reply folder at the end', async () => {
    const { outcome, emitted, root } = await said(
      String.raw`echo '{"file":"a.txt","name":"A"}'; echo "{\"file\":\"$PWD/a.txt\"}"; echo x >"$WXAGENT_REPLY_DIR/b.txt"`,
      {},
      ['a.txt'],
    );
    expect(emitted).toEqual([
      { file: join(root, 'a.txt'), name: 'A' },
      { file: join(root, 'a.txt'), name: null },
    ]);
    expect(outcome).toEqual({
      kind: 'reply',
      pieces: [{ file: join(root, 'reply', 'b.txt'), name: 'b.txt' }],
    });
  });

  it('says no file of the reply folder twice that a line has named, unless it was written to since', async () => {
    const emitted: ReplyPiece[] = [];
    const emit = async (piece: ReplyPiece): Promise<void> => {
      emitted.push(piece);
      if ('file' in piece && piece.name === 'B') appendFileSync(piece.file, 'more');
    };
    const { outcome, root } = await said(
      String.raw`cd "$WXAGENT_REPLY_DIR" && echo 1 >a && echo 2 >b && echo 3 >c
        printf '{"file":"%s/a"}\n{"file":"%s/b","name":"B"}\n' "$PWD" "$(pwd -P)"`,
      { emit },
    );
    const [a = '', b = '', c = ''] = ['a', 'b', 'c'].map((name) => join(root, 'reply', name));
    expect(emitted).toEqual([
      { file: a, name: null },
      { file: realpathSync(b), name: 'B' },
    ]);
    expect(outcome).toEqual({
      kind: 'reply',
      pieces: [
        { file: b, name: 'b' },
        { file: c, name: 'c' },
      ],
    });
  });

  it('says text and file of one line, the text first, and the log names what was not understood, once', async () => {
    const { outcome, emitted, root, log } = await said(
      String.raw`printf '\357\273\277{"text":"see file","file":"a.txt"}\n'; echo '{"file":"a.txt","text":null,"caption":"x","mime":null}'; echo '{"text":"end","caption":"y"}'`,
      {},
      ['a.txt'],
    );
    expect(outcome).toEqual({ kind: 'silent' });
    const file = { file: join(root, 'a.txt'), name: null };
    expect(emitted).toEqual([{ text: 'see file' }, file, file, { text: 'end' }]);
    expect(log.lines).toEqual(['ignored unknown fields of the reply: "caption"']);
  });

  it.each([
    ['echo no object; exit 0', /not a JSON object: no object/],
    ['echo no object; exit 75', /not a JSON object: no object/],
    ['echo no object; exec sleep 600', /not a JSON object: no object/],
    [`echo '["text"]'`, /not a JSON object/],
    [`echo '{"txt":"one"}'`, /neither text nor file/],
    [`printf '{"text":"on'`, /\(cut off\)/],
    [`printf '{"text":"'; head -c 1100000 /dev/zero | tr '\\0' x; exec sleep 600`, /longer than 1 MiB/],
    [`printf '{"text":"'; head -c 600000 /dev/zero | sed 's/\\x00/好/g'; echo '"}'`, /longer than 1 MiB/],
  ])('is bad output, and what stood before it is said: %s', async (shell, detail) => {
    const { outcome, emitted } = await said(`echo '{"text":"one"}'; ${shell}`);
    expect(outcome).toMatchObject({
      kind: 'failed',
      reason: 'bad-output',
      detail: expect.stringMatching(detail),
    });
    expect(emitted).toEqual([{ text: 'one' }]);
  });

  it.each([
    ['exit 3', { kind: 'failed', reason: 'exit' }],
    ['kill -9 $$', { kind: 'failed', reason: 'signal' }],
    ['exit 75', { kind: 'retry' }],
  ])('that breaks off in a line has failed for its own reason: %s', async (end, expected) => {
    const { outcome, emitted } = await said(`echo '{"text":"one"}'; printf '{"te'; ${end}`);
    expect(outcome).toMatchObject(expected);
    expect(emitted).toEqual([{ text: 'one' }]);
  });

  it('may not print more than 4 MiB of them', async () => {
    const { outcome } = await said(`yes '{"typing":true}'`);
    expect(outcome).toMatchObject({ reason: 'too-large', detail: 'it printed more than 4 MiB' });
  });

  it('is ended when it is silent for too long', async () => {
    const controller = new AbortController();
    const { outcome, emitted } = await said(`echo '{"text":"one"}'; exec sleep 600`, {
      signal: controller.signal,
      alive: () => controller.abort('silence'),
    });
    expect(outcome).toMatchObject({
      reason: 'timeout',
      detail: expect.stringContaining('--silence-timeout'),
    });
    expect(emitted).toHaveLength(emitted.length);
  });
});

describe('how a command is started', () => {
  it('is a shell for --exec, and none for -- cmd', () => {
    expect(commandLineOf({ shell: 'a | b' }, 'linux')).toEqual({
      file: '/bin/sh',
      args: ['-c', 'a | b'],
      verbatim: false,
    });
    expect(commandLineOf({ argv: ['/bin/a', '$x', ''] }, 'linux')).toEqual({
      file: '/bin/a',
      args: ['$x', ''],
      verbatim: false,
    });
  });

  it('is cmd on Windows for --exec and for scripts, with every word quoted', () => {
    expect(commandLineOf({ shell: 'a | b' }, 'win32', 'C:\\cmd.exe')).toEqual({
      file: 'C:\\cmd.exe',
      args: ['/d', '/s', '/c', '"a | b"'],
      verbatim: true,
    });
    expect(commandLineOf({ argv: ['C:\\x y\\bot.CMD', 'a&b', 'say "hi"\\', ''] }, 'win32').args[3]).toBe(
      '"^"C:\\x^ y\\bot.CMD^" ^"a^&b^" ^"say^ \\^"hi\\^"\\\\^" ^"^""',
    );
    expect(commandLineOf({ argv: ['C:\\bot.exe', 'a&b'] }, 'win32')).toMatchObject({
      file: 'C:\\bot.exe',
      args: ['a&b'],
    });
  });

  it('gets further words of a shell line as they are, never as a part of the line', () => {
    const command = { shell: 'a --fast', args: ['/x y/$(b).wav'] };
    expect(commandLineOf(command, 'linux').args).toEqual(['-c', 'a --fast "$@"', 'sh', '/x y/$(b).wav']);
    expect(commandLineOf(command, 'win32').args[3]).toBe('"a --fast ^"/x^ y/$^(b^).wav^""');
  });

  it.each<[Command, string]>([
    [{ shell: 'a | b' }, 'a | b'],
    [{ shell: '  KEY=sk-1 OTHER=\'a b\' THIRD="c \\" d" ./agent.sh --token sk-2' }, './agent.sh --token …'],
    [{ shell: '(cd x; ls)' }, '(cd x; ls)'],
    [{ shell: 'cd /tmp && API_KEY=sk-1 cat' }, 'cd /tmp && API_KEY=… cat'],
    [{ shell: 'curl -H "Authorization: Bearer sk-1" a.test' }, 'curl -H "Authorization: Bearer …" a.test'],
    [{ shell: 'curl -u me:sk-1 https://me:sk-2@a.test' }, 'curl -u … https://…@a.test'],
    [{ shell: "bot --api-key=sk-1 --password 'sk-2'" }, "bot --api-key=… --password '…'"],
    [{ shell: ' ' }, 'shell'],
    [{ argv: ['/opt/bot', '--token', 'sk-3'] }, 'bot'],
  ])('%j has a name without secrets: %s', (command, name) => {
    expect(nameOf(command)).toBe(name);
  });
});

describe('the echo agent', () => {
  it('answers with the text, and is silent without one', async () => {
    const context = contextIn(temporaryFolder());
    expect(await createEchoAgent().answer(turnWith({ text: ' hi\n' }), context)).toEqual({
      kind: 'reply',
      pieces: [{ text: ' hi\n' }],
    });
    expect(await createEchoAgent().answer(turnWith({ text: ' \n' }), context)).toEqual({ kind: 'silent' });
  });

  it('answers with the files, and says which it did not get', async () => {
    const photo = { kind: 'image', mime: null, sizeBytes: 1, durationMs: null } as const;
    const attachments = [
      { ...photo, path: '/m/1-a.jpg', name: 'a.jpg', error: null },
      { ...photo, path: null, name: null, error: 'gone' },
    ];
    const outcome = await createEchoAgent().answer(
      turnWith({ text: '', attachments }),
      contextIn(temporaryFolder()),
    );
    expect(outcome).toEqual({
      kind: 'reply',
      pieces: [{ text: '[image: gone]' }, { file: '/m/1-a.jpg', name: 'a.jpg' }],
    });
  });
});
