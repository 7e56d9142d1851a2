import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../src/cli/commands.ts';
import { VERSION } from '../../../src/core/version.ts';
import { runHere } from '../../helpers/in-this-process.ts';
import { makeFolder } from '../../helpers/wxagent.ts';

test.each([
  ['sned hi', 'there is no command "sned"', 'did you mean send?'],
  ['sttaus', 'there is no command "sttaus"', 'did you mean status?'],
  ['lgoin --force', 'there is no command "lgoin"', 'did you mean login?'],
  ['accounts lst', 'there is no command "lst"', 'did you mean list?'],
  ['allow ad someone', 'there is no command "ad"', 'did you mean add?'],
  ['config gett pace', 'there is no command "gett"', 'did you mean get?'],
  ['outbox o9cq80z', 'there is no command "o9cq80z"', 'wxagent outbox --help'],
  ['help sned', 'there is no command "sned"', 'did you mean send?'],
  ['help accounts us', 'there is no command "us"', 'did you mean use?'],
  ['zzz', 'there is no command "zzz"', 'wxagent --help'],
  ['status --jsn', "unknown option '--jsn'", 'did you mean --json?'],
  ['login --nmae x', "unknown option '--nmae'", 'did you mean --name?'],
  ['run --exce cat', "unknown option '--exce'", 'did you mean --exec?'],
  [
    'simulate --port 80808',
    '--port takes a whole number from 0 to 65535, not "80808"',
    'wxagent simulate --help',
  ],
  ['simulate --port -1', '--port takes a whole number from 0 to 65535, not "-1"', 'wxagent simulate --help'],
  ['run --http http://127.0.0.1:80808', '"http://127.0.0.1:80808" is not an http or https URL', null],
  ['status --base-url http://127.0.0.1:80808', null, null],
  [
    'run --http http://a.test --http-attachments url --http-attachments-host 127.0.0.1:80808',
    '--http-attachments-host takes a host, or host:port',
    null,
  ],
] as const)('%s: 64, and what was meant', async (line, sentence, hint) => {
  const home = makeFolder();
  const { code, stdout, stderr } = await runHere(line.split(' '), { home });
  if (sentence !== null) expect([code, stdout], stderr).toEqual([64, '']);
  if (sentence !== null) expect(stderr).toContain(`wxagent: ${sentence}`);
  if (hint !== null) expect(stderr).toContain(`\nhint: ${hint}\n`);
});

test.each([
  [['send', '\u2013-to', 'x', 'hi'], 'U+2013', 'did you mean --to?'],
  [['send', '\u2014to', 'x', 'hi'], 'U+2014', 'did you mean --to?'],
  [['send', '\u2212\u2212file=a', 'hi'], 'U+2212', 'did you mean --file?'],
  [['send', '\u2011-json', 'hi'], 'U+2011', 'did you mean --json?'],
  [['send', '\uff0d\uff0dno-hold', 'hi'], 'U+FF0D', 'did you mean --no-hold?'],
  [['send', '\u201c--to\u201d', 'x', 'hi'], 'U+201C', 'did you mean --to?'],
  [['send', '\u2015'], 'U+2015', "wxagent send -- '\u2015'"],
  [['send', '\u2014 a list'], 'U+2014', "wxagent send -- '\u2014 a list'"],
  [['send', 'hi', '\u2013-to', 'x'], 'U+2013', 'did you mean --to?'],
  [['--json', 'send', '\u2013-wait=1s', 'hi'], 'U+2013', 'did you mean --wait?'],
  [['run', '\u2014exec', 'cat'], 'U+2014', 'did you mean --exec?'],
  [['run', '\u2013x'], 'U+2013', "wxagent run -- '\u2013x'"],
  [['\u2013-version'], 'U+2013', 'did you mean --version?'],
  [['accounts', '\u2013-json'], 'U+2013', 'did you mean --json?'],
  [['download', '\u2014\u2014item'], 'U+2014', 'did you mean --item?'],
  [['status', '\u2014json'], 'U+2014', 'did you mean --json?'],
  [['download', 'last', '\u2013-wav'], 'U+2013', 'did you mean --wav?'],
  [['download', 'last', '\u2013o', 'x'], 'U+2013', 'did you mean -o?'],
  [['download', 'last', '\u2014o=x'], 'U+2014', 'did you mean -o?'],
  [['outbox', 'drop', '\u20137'], 'U+2013', "wxagent outbox drop -- '\u20137'"],
])('%j: 64, and which dash is no hyphen', async (args, code, hint) => {
  const ran = await runHere(args, { home: makeFolder() });
  expect([ran.code, ran.stdout], ran.stderr).toEqual([64, '']);
  expect(ran.stderr).toContain(`(${code}), which is not a hyphen`);
  expect(ran.stderr).toContain(args.includes('--json') ? `"hint":"${hint}"` : `hint: ${hint}\n`);
});

test.each([
  [['send', '--', '\u2013-to', 'x']],
  [['send', 'hi', '\u2014', 'there']],
  [['send', 'hi', '\u2013-unknown']],
  [['send', 'plan', '\u2013x']],
  [['send', '"quoted"']],
  [['run', 'echo', '\u2013-to']],
])('%j: text is text', async (args) => {
  // Nobody is logged in; that far it comes.
  expect((await runHere(args, { home: makeFolder() })).code).toBe(77);
});

describe('help and version', () => {
  const home = makeFolder;

  test('come by word, by flag, before and after a command', async () => {
    for (const line of [
      'version',
      '-v',
      '--version',
      'status -v',
      '-v status',
      'run --version',
      'accounts use -v',
    ])
      expect(await runHere(line.split(' '), { home: home() }), line).toEqual({
        code: 0,
        stdout: `${VERSION}\n`,
        stderr: '',
      });
    const all = await runHere(['--help'], { home: home() });
    expect(await runHere(['help'], { home: home() })).toEqual(all);
    expect(all.stdout).toContain('Exit codes:');
  });

  test.each(COMMANDS)('help $name is what $name --help says', async ({ name }) => {
    const asked = await runHere(['help', name], { home: home() });
    expect(asked).toEqual(await runHere([name, '--help'], { home: home() }));
    expect([asked.code, asked.stderr]).toEqual([0, '']);
    expect(asked.stdout).toContain(`Usage: wxagent ${name} `);
  });
});

test('a BOM before a file of settings or a script is not there, and null is nothing', async () => {
  const home = makeFolder();
  const settings = join(home, 'settings.json');
  writeFileSync(settings, '\ufeff{"pace":"7s","timeout":null,"exec":null}');
  const listed = await runHere(['config', 'list', '--config', settings, '--json'], { home });
  expect(listed.code, listed.stderr).toBe(0);
  const { settings: rows } = JSON.parse(listed.stdout) as { settings: { name: string }[] };
  expect(rows).toContainEqual({ name: 'pace', value: '7s', origin: 'config file' });
  expect(rows).toContainEqual({ name: 'timeout', value: '30m', origin: 'default' });

  const stored = join(home, 'config.json');
  writeFileSync(stored, '\ufeff{"accounts":null,"defaultAccount":null,"settings":{"pace":null,"lang":"zh"}}');
  const own = await runHere(['config', 'get', 'pace', '--json', '--home', home], { home });
  expect(own.stdout, own.stderr).toContain('{"name":"pace","value":"1500ms","origin":"default"}');

  const script = join(home, 'script.jsonl');
  writeFileSync(script, '\ufeff{"afterMs":null,"call":"nothing-like-that","body":null}\n');
  const played = await runHere(['simulate', '--script', script], { home });
  expect([played.code, played.stderr]).toEqual([64, expect.stringContaining('script line 1: no control')]);
});

test('a stack trace is shown as all else is: without what steers a terminal', async () => {
  const { stderr } = await runHere(['--verbose', 'cmd\x1b[31m\u202e'], { home: makeFolder() });
  expect(stderr).toMatch(/^wxagent: there is no command .*\n(.*\n)* {4}at /);
  expect(stderr).not.toMatch(/(?!\n)\p{Cc}|\u202e/u);
});
