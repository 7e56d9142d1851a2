import stringWidth from 'string-width';
import { describe, expect, test } from 'vitest';
import { COMMANDS } from '../../../../src/cli/commands.ts';
import { createHelpWriter } from '../../../../src/cli/help.ts';
import { languageOf } from '../../../../src/cli/i18n/language.ts';
import { inChinese, SENTENCES } from '../../../../src/cli/i18n/translate.ts';
import { createProgram } from '../../../../src/cli/parse-arguments.ts';
import { readEnvironment } from '../../../../src/settings/resolve-settings.ts';
import { runHere } from '../../../helpers/in-this-process.ts';
import { isTold, sentencesOf } from '../../../helpers/sentences.ts';
import { loggedIn, simulate } from '../../../helpers/simulated.ts';
import { makeFolder } from '../../../helpers/wxagent.ts';

/** All of the program that people meet: not the controls of the simulator, nor the library. */
const FOLDERS = [
  'cli',
  'agents',
  'ilink',
  'media',
  'runner',
  'store',
  'core',
  'settings',
  'sql',
  'postgres',
  'web',
];

test('every sentence that the program says has a Chinese one', () => {
  const missing = sentencesOf(FOLDERS)
    // Tools that push are answered in the words of their services.
    .filter(({ file }) => !/^web\/push\/(?!port\/template)/.test(file))
    // Some begin with what they are about.
    .filter(
      ({ text }) =>
        isTold(text) &&
        !Object.hasOwn(SENTENCES, text.replace(/^hint: /, '')) &&
        !Object.hasOwn(SENTENCES, `{} ${text}`),
    )
    .map(({ file, text }) => `${file}: ${text}`);
  expect(missing).toEqual([]);
});

test('the Chinese ones are Chinese, and have no more gaps than the English', () => {
  for (const [english, chinese] of Object.entries(SENTENCES)) {
    expect(chinese, english).toMatch(/\p{Script=Han}/u);
    const gaps = (text: string): number => text.match(/\{[~,]?\d?\}/g)?.length ?? 0;
    expect(gaps(chinese), english).toBeLessThanOrEqual(gaps(english));
    expect(chinese, english).not.toMatch(/\p{Script=Han}, ?|, ?\p{Script=Han}/u);
  }
});

describe('a sentence in Chinese', () => {
  test.each([
    ['there is no account "a b"', '没有账号“a b”'],
    ['--proxy names no host', '--proxy 没有主机名'],
    ['agent failed: exit: exit code 3: oops', '智能体失败（exit）：退出码 3：oops'],
    [
      'polling failed: no answer within 50 ms; next try in 2 s',
      '收取消息失败：50 毫秒内没有响应；2 秒后重试',
    ],
    [
      '--timeout takes a duration with its unit (ms, s), not "30"',
      '--timeout 应为带单位的时长（ms、s），不能是“30”',
    ],
    ['--busy is one of queue, latest, not "x, y"', '--busy 只能是 queue、latest 之一，不能是“x, y”'],
    ['run takes one agent, not 2: --exec, --echo', 'run 只接一个智能体，这里有 2 个：--exec、--echo'],
    ['did you mean one of run, retry?', '是不是其中之一：run、retry？'],
    [
      'the top of the response has a, b; give --http-reply the path',
      '响应的顶层有 a、b；请用 --http-reply 给出路径',
    ],
    ['--port takes a whole number from 0 to 65535, not "x"', '--port 应为 0 到 65535 的整数，不能是“x”'],
    ['not given to the agent: stranger', '未交给智能体：未放行的用户'],
    ['process 7 on pi receives the messages of b already', 'pi 上的进程 7 已在收取 b 的消息'],
    ['hint: wxagent login', '提示：wxagent login'],
    [
      'hint: clock: set the clock: timedatectl set-ntp true',
      '提示：clock：请校准时钟：timedatectl set-ntp true',
    ],
    ['agent: the sky is blue', '智能体：the sky is blue'],
    ['agent: no reply', '智能体：no reply'],
    ['wxagent: a.txt: it was stopped', 'wxagent: a.txt：已停止'],
    [
      "too many arguments for 'status'. Expected 0 arguments but got 1",
      '“status”的参数太多：应为 0 个，实为 1 个',
    ],
    [
      'there is no user "x": --to takes an id such as o9cq80z...@im.wechat, or the name of an account; known here: y',
      '没有用户“x”：--to 应为 o9cq80z...@im.wechat 这样的 ID，或账号别名；已知的用户：y',
    ],
  ])('%s', (english, chinese) => {
    expect(inChinese(english)).toBe(chinese);
  });

  test.each(['<- "no reply"', '-> is', 'constructor', '', '你好'])('%s is not ours, and stays', (line) => {
    expect(inChinese(line)).toBe(line);
  });
});

/** Lines without a Chinese character that have a sentence of English words. */
function english(text: string): string[] {
  return text.split('\n').filter((line) => !/\p{Script=Han}/u.test(line) && isTold(line));
}

test.each([
  [{ LANG: 'zh_CN.UTF-8' }, 'zh'],
  [{ LANG: 'zh_CN.GBK' }, 'zh'],
  [{ LANG: 'zh_TW.Big5' }, 'zh'],
  [{ LANG: 'zh-Hans' }, 'zh'],
  [{ LANG: 'zh' }, 'zh'],
  [{ LANG: 'en_US.UTF-8', LC_ALL: 'zh_HK.UTF-8' }, 'zh'],
  [{ LANG: 'en_US.UTF-8', LC_MESSAGES: 'zh_CN' }, 'zh'],
  [{ LANG: 'zh_CN.UTF-8', LC_ALL: '' }, 'zh'],
  [{ LANG: 'zh_CN.UTF-8', LC_ALL: 'C' }, 'en'],
  [{ LANG: 'zh_CN.UTF-8', LC_MESSAGES: 'en_US.UTF-8' }, 'en'],
  [{ LANG: 'lzh_TW' }, 'en'],
  [{ LANG: 'C.UTF-8', LC_CTYPE: 'zh_CN.UTF-8' }, 'en'],
  [{ LANGUAGE: 'zh_CN:en' }, 'en'],
  [{}, 'en'],
])('%j means %s', (environment, language) => {
  expect(languageOf('auto', readEnvironment(environment))).toBe(language);
});

test('under --lang zh the help of every command is Chinese', async () => {
  const home = makeFolder();
  const paths = COMMANDS.flatMap(({ name, subcommands = [] }) => [
    [name],
    ...subcommands.map((one) => [name, one.name]),
  ]);
  for (const path of [[], ...paths]) {
    const { code, stdout } = await runHere([...path, '--help', '--lang', 'zh'], { home });
    expect(code).toBe(0);
    expect(english(stdout), path.join(' ')).toEqual([]);
    // Commander's own headings and lines.
    expect(stdout).not.toMatch(/Usage|Options|Commands|Arguments|\(default|\(preset|display help/);
  }
});

test('help is wrapped between Chinese characters, never before what closes, and not at all where it is narrow', async () => {
  const program = createProgram({ io: { out() {} } as never }, async () => {}, {
    help: createHelpWriter('zh'),
  });
  const send = program.commands.find((one) => one.name() === 'send');
  const helpAt = (helpWidth: number): string[] => {
    send?.configureHelp({ ...send.configureHelp(), helpWidth });
    return send?.helpInformation().split('\n') ?? [];
  };
  const lines = helpAt(80);
  expect(lines.some((line) => stringWidth(line) > 70)).toBe(true);
  for (const line of lines) {
    expect(stringWidth(line), line).toBeLessThanOrEqual(80);
    expect(line).not.toMatch(/^ *[，。、；：）”]/u);
  }
  expect(helpAt(0)).toContain('发送文字（来自参数或标准输入）和文件');
});

test('the help of run shows its options by group, ten of them first', async () => {
  const { stdout } = await runHere(['run', '--help'], { home: makeFolder() });
  const groups = stdout.split('\n\n').flatMap((part) => {
    const [heading = '', ...lines] = part.trim().split('\n');
    return / {2}--/.test(lines[0] ?? '') ? [[heading, lines.length]] : [];
  });
  expect(groups.map(([heading]) => heading)).toEqual([
    'Most used options:',
    'Agent options:',
    'Access options:',
    'Delivery options:',
    'Media options:',
    'Limits:',
    'Web server options:',
    'Output and logging options:',
    'General options:',
  ]);
  expect(groups[0]).toEqual(['Most used options:', 10]);
});

test('under --lang zh no command speaks English', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator, { name: 'mine' });
  const lines = [
    '',
    'accounts',
    'accounts use mine',
    'status',
    'messages',
    'outbox',
    'allow',
    'allow add o9cq80z@im.wechat',
    'allow remove o9cq80z@im.wechat',
    'agents',
    'config list',
    'retry --failed',
    'doctor',
    'run',
    'run --echo --exec cat',
    'run --timeout 30 --echo',
    'run --echo --pace soon',
    'run --http nowhere',
    'run --openai http://127.0.0.1:9',
    'run no-such-program',
    'simulate --port 80808',
    'download last',
    'download nope',
    'retry nope',
    'outbox drop 7',
    'sned',
    'status --jsn',
    'accounts use nobody',
    'accounts use',
    'config get colour',
    'login --name ?',
    'login --qr-file a.gif --timeout 1s',
    'send --file none.txt',
    'logout',
    'status --proxy nowhere',
    'status --config nowhere',
    'simulate --tls-cert nowhere',
    'simulate --tls-cert nowhere --tls-key nowhere',
    'send --to 张三 hi',
    'doctor --proxy nowhere',
    'token',
    'token add x',
    'token add ? --scope read',
    'token add x --scope read --expires 0',
    'token add x --scope read',
    'token add x --scope read',
    'token list',
    'token remove x',
    'token remove x',
    'token code',
    'web --listen nowhere:x',
    'web --listen 192.0.2.1:0',
    'web --public-url nowhere',
    'web --trust-proxy nowhere',
    'web --tls-cert nowhere',
    'web --tls-cert nowhere --tls-key nowhere',
    'run --echo --public-url https://x',
  ];
  for (const line of lines) {
    const ran = await runHere(['--lang', 'zh', ...line.split(' ').filter((word) => word !== '')], { home });
    expect(english(ran.stdout + ran.stderr), line).toEqual([]);
  }
});

test('under --lang zh a whole session is Chinese: login, runs, failures, what is held, the log', async () => {
  const simulator = await simulate({ holdMs: 50 });
  const home = makeFolder();
  const said = async (...args: string[]): Promise<string> => {
    const server = ['--lang', 'zh', '--log-text', '--base-url', simulator.baseUrl];
    const { stdout, stderr } = await runHere([...server, ...args], { home });
    return stdout + stderr;
  };
  const lines = [await said('login', '--qr', 'none'), await said('send', 'held')];
  simulator.control.message({ text: '你好' });
  lines.push(await said('run', '--once', '--pace', '0', '--verbose', '--exec', 'echo 7 >&2; exit 3'));
  simulator.control.message({ text: '/status' });
  lines.push(await said('run', '--once', '--pace', '0', '--retries', '1', '--exec', 'exit 75'));
  for (const command of [
    'status',
    'messages',
    'outbox',
    'send more',
    'doctor',
    'retry --failed',
    'listen --once',
  ])
    lines.push(await said(...command.split(' ')));
  const all = lines.join('');
  expect(english(all)).toEqual([]);
  for (const phrase of ['已登录', '就绪', '智能体失败', '退出码 3', '暂存', '已停止'])
    expect(all, phrase).toContain(phrase);
});

test.each([
  ['the environment', [], { WXAGENT_LANG: 'zh' }],
  ['the locale', [], { LANG: 'zh_CN.UTF-8' }],
  ['a flag behind the mistake', ['--lang=zh'], {}],
])('also a mistake on the command line is told in the language of %s', async (_, args, env) => {
  const { stderr } = await runHere(['status', '--jsn', ...args], { home: makeFolder(), env });
  expect(stderr).toBe('wxagent: 没有选项“--jsn”\n提示：是不是 --json？\n');
  const broken = await runHere(['status', '--config', '/none', ...args], { home: makeFolder(), env });
  expect(broken.stderr).toContain('无法使用 /none：');
});
