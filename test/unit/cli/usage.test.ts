import { existsSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHere } from '../../helpers/in-this-process.ts';
import { configPath, loggedIn, simulate } from '../../helpers/simulated.ts';
import { jsonLines, makeFolder } from '../../helpers/wxagent.ts';

const ECHO = ['run', '--echo'];
const HTTP = ['run', '--http', 'http://127.0.0.1:9'];

test.each([
  [64, ['run'], /run needs an agent/, '--exec'],
  [64, ['run', '--echo', '--exec', 'cat'], /one agent, not 2: --exec, --echo/, 'run --help'],
  [64, ['run', '--http', 'http://127.0.0.1:9', '--', 'cat'], /one agent, not 2/, 'run --help'],
  [64, ['run', '--exec', ' '], /--exec needs a command/, "--exec './agent.sh'"],
  [64, ['run', '--echo', '--no-such-flag'], /unknown option '--no-such-flag'/, 'wxagent run --help'],
  [64, ['run', '--ecco'], /unknown option '--ecco'/, 'did you mean --echo?'],
  [64, ['runn'], /there is no command "runn"/, 'did you mean run?'],
  [64, ['run', '--http', 'not a url'], /not a url/, null],
  [64, ['run', '--http', 'ftp://127.0.0.1/'], /ftp:/, null],
  [64, ['run', '--echo', '--header', 'a: b'], /--header goes with --http/, 'run --help'],
  [64, ['run', '--coprocess', 'cat', '--echo'], /one agent, not 2: --coprocess, --echo/, 'run --help'],
  [64, ['run', '--coprocess', ' '], /--coprocess needs a command/, '--coprocess'],
  [64, ['run', '--http', 'http://127.0.0.1:9', '--header', 'nonsense'], /header/i, null],
  [64, [...HTTP, '--http-preset', 'diffy'], /--http-preset is one of dify, coze, .*not "diffy"/, null],
  [64, [...HTTP, '--http-preset', 'coze'], /uses \$\{COZE_BOT_ID\}, which is not set/, 'export COZE_BOT_ID='],
  [
    64,
    [...HTTP, '--http-body', '{"a":'],
    /--http-body is not a JSON object or list/,
    '--http-body @body.json',
  ],
  [
    64,
    [...HTTP, '--http-body', '{"a":"{{txt}}"}'],
    /has \{\{txt\}\}, which is not a placeholder/,
    'text, message',
  ],
  [64, [...HTTP, '--http-reply', 'a..b'], /--http-reply takes a path/, '--http-reply'],
  [64, [...HTTP, '--http-error', 'a'], /--http-error goes with --http-reply/, '--http-reply'],
  [64, [...HTTP, '--http-attachments', 'ftp'], /--http-attachments is one of path, inline, url/, null],
  [64, [...HTTP, '--http-attachments-host', 'h:1'], /goes with --http-attachments url/, null],
  [64, [...HTTP, '--http-attachments', 'url', '--http-attachments-host', '0.0.0.0'], /takes a host/, ':8900'],
  [66, [...HTTP, '--http-body', '@none.json'], /cannot read the template of --http-body: .*none.json/, null],
  [
    64,
    ['run', '--exec', 'cat', '--timeout', '30'],
    /--timeout takes a duration with its unit/,
    '--timeout 30s',
  ],
  [64, [...ECHO, '--concurrency', '0'], /--concurrency takes a whole number of at least 1, not "0"/, null],
  [64, [...ECHO, '--max-chars', 'many'], /--max-chars takes a whole number/, null],
  [64, [...ECHO, '--format', 'pdf'], /--format is one of wechat, raw, not "pdf"/, null],
  [64, [...ECHO, '--on', 'birthday=true'], /--on takes event=command/, '--on expired='],
  [64, [...ECHO, '--pace'], /--pace <duration>.* argument missing/, 'run --help'],
  [64, [...ECHO, '--proxy', 'nowhere'], /--proxy takes none, env or an address/, null],
  // Also where no server is asked.
  [64, ['status', '--proxy', 'foo'], /--proxy takes none, env or an address/, '--proxy http://'],
  [64, ['accounts', '--cdn-url', 'ftp://x'], /--cdn-url needs an http or https address/, '--cdn-url'],
  [64, ['config', 'set', 'proxy', 'foo'], /--proxy takes none, env or an address/, '--proxy http://'],
  [64, ['config', 'set', 'baseUrl', 'foo'], /--base-url needs an http or https address/, '--base-url'],
  [64, ['source', 'add', 'x', '--title', 'x'.repeat(3_000)], /the title has 3000 characters/, '--title'],
  [64, ['source', 'add', 'x', '--template', `{"text":"${'x'.repeat(10_000)}"}`], /10011 characters/, null],
  [66, ['token', 'add', 'x', '--scope', 'read', '--to', 'nonsense'], /there is no user "nonsense"/, 'status'],
  [66, ['run', '--', '/no/such/program', '--flag'], /\/no\/such\/program/, null],
  [66, ['run', 'no-such-program-anywhere'], /no-such-program-anywhere/, null],
  [66, ['run', '--exec', 'no-such-program-anywhere --flag'], /"no-such-program-anywhere" does not/, 'PATH'],
  [66, ['run', '--coprocess', './nothing-here'], /"\.\/nothing-here" does not exist/, 'paths start at'],
  [66, ['run', '--acp', './nothing-here --acp'], /"\.\/nothing-here" does not exist/, 'paths start at'],
  [66, [...ECHO, '--stt', './nothing-here -f'], /"\.\/nothing-here" does not exist/, 'paths start at'],
  [66, [...ECHO, '--on', 'ready=./nothing-here'], /"\.\/nothing-here" does not exist/, 'paths start at'],
  [66, [...ECHO, '--account', 'nobody'], /there is no account "nobody"/, 'wxagent accounts'],
  [64, ['status', '--store', 'a.db', '--store=b.db'], /--store names two: a\.db and b\.db/, null],
  [64, ['--store', 'a.db', 'status', '--store', 'b.db'], /--store names two: a\.db and b\.db/, null],
  [64, ['store', 'migrate', '--to', 'a', '--to', 'b'], /--to names two: a and b/, null],
  [64, ['status', '--store', ' '], /--store is empty/, 'postgres://'],
  [64, ['retry'], /retry takes the id of one message/, 'wxagent messages'],
  [66, ['retry', '12345'], /there is no finished message 12345/, 'wxagent messages'],
  [64, ['accounts', 'use'], /missing required argument/, 'accounts --help'],
  [64, ['config', 'get', 'colour'], /there is no setting "colour"/, 'wxagent config list'],
  [64, ['config', 'set', 'timeout', '30'], /takes a duration with its unit/, '30s'],
  [64, ['send', 'a', '--stdin'], /not both/, null],
  [64, ['send', '--', ' '], /the text is empty/, null],
  [64, ['send', 'a', '--wait', '3'], /--wait takes a duration/, '--wait 3s'],
  [64, ['login', '--timeout', '3'], /--timeout takes a duration/, '--timeout 3s'],
  [64, ['login', '--qr', 'huge'], /--qr is one of/, 'login --help'],
  [64, ['login', '--qr-file', 'code.gif'], /\.png or \.svg/, '--qr-file login.png'],
  [64, ['--home', '', 'login'], /--home is empty/, '--home '],
] as const)('exit %i for %j', async (code, args, sentence, hint) => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const [end, asJson] = await Promise.all([runHere(args, { home }), runHere(['--json', ...args], { home })]);
  expect([end.code, end.stdout], end.stderr).toEqual([code, '']);
  const [first = '', second = '', ...rest] = end.stderr.split('\n');
  expect(first).toMatch(/^wxagent: /);
  expect(first).toMatch(sentence);
  // Whoever gave a wrong flag is told where the right ones are.
  if (hint === null && code !== 64) expect(`${second}${rest}`).toMatch(/^(hint: .+)?$/);
  else expect(second).toMatch(/^hint: /);
  if (hint !== null) expect(second).toContain(hint);
  // Checked before anything starts: the server has heard nothing.
  expect(simulator.control.requests()).toEqual([]);

  expect([asJson.code, asJson.stdout]).toEqual([code, '']);
  expect(jsonLines(asJson.stderr)).toEqual([
    {
      v: 1,
      type: 'error',
      kind: expect.any(String),
      message: expect.stringMatching(sentence),
      hint:
        hint === null
          ? expect.toSatisfy((value) => value === null || typeof value === 'string')
          : expect.stringContaining(hint),
      exit: code,
    },
  ]);
});

test('nobody is logged in: 77 and what to do; looking makes nothing', async () => {
  const home = makeFolder();
  const stderr = `wxagent: no account is logged in under ${join(home, 'wx')}\nhint: wxagent login\n`;
  const refused = { code: 77, stdout: '', stderr };
  for (const args of [ECHO, ['listen'], ['status'], ['messages'], ['logout'], ['retry', '--failed']]) {
    expect(await runHere(args, { home }), args.join(' ')).toMatchObject(refused);
  }
  expect(existsSync(join(home, 'wx'))).toBe(false);
  expect(await runHere(['send', 'x'], { home })).toMatchObject(refused);
});

test('stored settings that are wrong are 78, and config shows and mends them', async () => {
  const { home } = loggedIn(await simulate());
  const path = configPath(home);
  const stored = { lang: 'fr', quiet: 'maybe', timeout: '30' };
  writeFileSync(path, JSON.stringify({ ...JSON.parse(readFileSync(path, 'utf8')), settings: stored }));
  expect(await runHere(['status'], { home })).toMatchObject({
    code: 78,
    stderr: expect.stringContaining('hint: wxagent config unset '),
  });
  const { stdout } = await runHere(['config', 'list'], { home });
  expect(stdout).toMatch(/^lang +fr +stored$/m);
  expect(await runHere(['config', 'get', 'timeout'], { home })).toMatchObject({ code: 0, stdout: '30\n' });
  expect(await runHere(['config', 'unset', 'quiet'], { home })).toMatchObject({ code: 0 });
  // Whoever has stored their language reads what is wrong in it.
  expect(await runHere(['config', 'set', 'lang', 'zh'], { home })).toMatchObject({ code: 0 });
  const run = await runHere(ECHO, { home });
  expect(run).toMatchObject({
    code: 78,
    stderr: expect.stringContaining('提示：wxagent config unset timeout'),
  });
  expect(await runHere(['config', 'set', 'timeout', '30s'], { home })).toMatchObject({ code: 0 });
  expect((await runHere(['status'], { home })).code).toBe(0);
});

test('settings that come from elsewhere are 78 and say where from', async () => {
  const { home } = loggedIn(await simulate());
  const secret = await runHere(['run', '--http', 'http://127.0.0.1:9'], {
    home,
    env: { WXAGENT_HTTP_SECRET: 'hunter2' },
  });
  expect([secret.code, secret.stdout]).toEqual([78, '']);
  expect(secret.stderr).toContain('WXAGENT_HTTP_SECRET');
  expect(secret.stderr).not.toContain('hunter2');
  const lang = await runHere(['status'], { home, env: { WXAGENT_LANG: 'fr' } });
  expect(lang).toMatchObject({
    code: 78,
    stdout: '',
    stderr: 'wxagent: WXAGENT_LANG is one of auto, zh, en, not "fr"\n',
  });
  const log = await runHere(['status'], { home, env: { WXAGENT_LOG: 'loud' } });
  expect(log).toMatchObject({ code: 78, stdout: '' });

  const file = join(home, 'settings.json');
  for (const [content, sentence] of [
    ['{"pace":', file],
    ['[]', 'not a JSON object'],
    ['{"pase":"1s"}', 'there is no setting "pase"'],
    ['{"json":true}', '"json" can only be given as a flag'],
    ['{"pace":"fast"}', '"pace" of the --config file takes a duration'],
  ] as const) {
    writeFileSync(file, content);
    const end = await runHere([...ECHO, '--config', file], { home });
    expect([end.code, end.stdout], content).toEqual([78, '']);
    expect(end.stderr).toContain(sentence);
  }
  const gone = await runHere([...ECHO, '--config', join(home, 'gone.json')], { home });
  expect(gone.code).toBe(78);
  expect(gone.stderr).toContain('gone.json');
  expect(existsSync(configPath(home))).toBe(true);
});
