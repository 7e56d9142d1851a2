import type { Command, Option } from 'commander';
import stringWidth from 'string-width';
import type { ErrorKind } from '../core/errors.ts';
import { EXIT_CODES } from '../core/exit-codes.ts';
import { SETTINGS, type Setting, type SettingName } from '../settings/settings-table.ts';
import type { Localized, SettingGroup } from '../settings/tables/setting-row.ts';
import type { Language } from './i18n/language.ts';
import type { CommandGroup, CommandSpec } from './port/command-spec.ts';

/** What commander writes by itself. */
const HEADINGS: Readonly<Record<string, string>> = {
  'Usage:': '用法:',
  'Arguments:': '参数：',
  'Options:': '选项：',
  'Commands:': '命令：',
};

const SETTING_GROUPS: Readonly<Record<SettingGroup, Localized>> = {
  main: { en: 'Most used options:', zh: '常用选项：' },
  agents: { en: 'Agent options:', zh: '智能体选项：' },
  access: { en: 'Access options:', zh: '账号和放行选项：' },
  delivery: { en: 'Delivery options:', zh: '发送选项：' },
  media: { en: 'Media options:', zh: '附件选项：' },
  limits: { en: 'Limits:', zh: '限制选项：' },
  web: { en: 'Web server options:', zh: 'Web 服务选项：' },
  logging: { en: 'Output and logging options:', zh: '输出和日志选项：' },
  general: { en: 'General options:', zh: '通用选项：' },
};

const COMMAND_GROUPS: Readonly<Record<CommandGroup, Localized>> = {
  start: { en: 'Chat:', zh: '聊天：' },
  messages: { en: 'Messages:', zh: '消息：' },
  accounts: { en: 'Accounts and users:', zh: '账号和用户：' },
  state: { en: 'State and settings:', zh: '状态和设置：' },
  testing: { en: 'Without WeChat:', zh: '不用微信：' },
};

/** When a command ends with the code of a kind. */
const EXIT_REASONS = {
  usage: { en: 'flags or arguments are wrong; nothing was started', zh: '选项或参数有误，什么都没有启动' },
  data: { en: 'refused by the server, or unusable input', zh: '服务器拒绝，或输入无法使用' },
  'not-found': { en: 'no such file, account, message or program', zh: '文件、账号、消息或程序不存在' },
  network: {
    en: 'server unreachable; send --no-hold: not now',
    zh: '无法连接服务器；send --no-hold：当场发不出',
  },
  internal: { en: 'a bug: please report it', zh: '程序缺陷，请报告' },
  'cannot-create': { en: 'the output cannot be written', zh: '无法写入输出' },
  storage: { en: 'database or disk', zh: '数据库或磁盘' },
  busy: {
    en: 'another runner has the account; send: kept, do not send again',
    zh: '账号正由其他进程收取；send：已保存，请勿重发',
  },
  protocol: {
    en: 'unexpected response; send --strict: not confirmed',
    zh: '响应无法识别；send --strict：没有确认',
  },
  'not-logged-in': {
    en: 'no account, login expired, or login not finished',
    zh: '没有账号、登录已失效，或登录没有完成',
  },
  config: { en: 'a setting or a file is broken', zh: '设置或文件已损坏' },
  cancelled: {
    en: 'stopped at once by a second Ctrl-C; 143 by TERM or HUP',
    zh: '第二次 Ctrl-C 立即停止；143：TERM 或 HUP',
  },
} as const satisfies Record<ErrorKind, Localized>;

const DONE: Localized = { en: 'done', zh: '成功' };
const EXIT_CODES_HEADING: Localized = { en: 'Exit codes:', zh: '退出码：' };
const GLOBAL_HEADING: Localized = { en: 'Global options:', zh: '全局选项：' };

/** Lines that belong to no row of the tables. */
const TEXTS = {
  program: {
    en: 'Connects any agent to personal WeChat. Docs: README.md, 中文: README.zh-CN.md',
    zh: '把任何智能体接到个人微信。文档：README.zh-CN.md',
  },
  showHelp: { en: 'show help', zh: '显示帮助' },
  showVersion: { en: 'print the version', zh: '显示版本' },
  helpCommand: { en: 'show the help of a command', zh: '显示一个命令的帮助' },
} as const satisfies Record<string, Localized>;

/** Writes into a command tree what help says of it. Without it the tree parses all the same. */
export interface HelpWriter {
  /** Settings in the order of their groups. */
  byGroup(names: readonly SettingName[]): SettingName[];
  option(option: Option, setting: Setting, isGrouped: boolean | null): void;
  command(command: Command, spec: CommandSpec): void;
  program(program: Command): void;
  /** `help` and `version`, which other programs have as well. */
  helpCommands(help: Command, version: Command): void;
}

export function createHelpWriter(language: Language): HelpWriter {
  function style(command: Command): void {
    command.configureHelp({
      // Commander would add what it knows of an option, in English.
      optionDescription: ({ description }) => description,
      styleTitle: (title) => (language === 'zh' ? (HEADINGS[title] ?? title) : title),
      displayWidth: stringWidth,
      boxWrap: wrapped,
    });
    command.helpOption('-h, --help', TEXTS.showHelp[language]);
    const version = command.options.find(({ long }) => long === '--version');
    if (version) version.description = TEXTS.showVersion[language];
  }

  return {
    byGroup(names) {
      const groups = Object.keys(SETTING_GROUPS);
      const placeOf = (name: SettingName): number =>
        groups.indexOf((SETTINGS[name] as Setting).group ?? 'general');
      return [...names].sort((a, b) => placeOf(a) - placeOf(b));
    },
    option(option, setting, isGrouped) {
      option.description = aboutOption(setting, language);
      if (isGrouped === null) return;
      const { group } = setting;
      option.helpGroup((isGrouped && group ? SETTING_GROUPS[group] : GLOBAL_HEADING)[language]);
    },
    command(command, spec) {
      style(command);
      command.description(spec.about[language]);
      if (spec.group) command.helpGroup(COMMAND_GROUPS[spec.group][language]);
      for (const argument of command.registeredArguments) {
        const [, about] =
          Object.entries(spec.args ?? {}).find(([term]) => term.includes(argument.name())) ?? [];
        argument.description = about?.[language] ?? '';
      }
      if (spec.subcommands) command.helpCommand('help [command]', TEXTS.helpCommand[language]);
    },
    program(program) {
      style(program);
      program.description(TEXTS.program[language]).addHelpText('after', exitTable(language));
    },
    helpCommands(help, version) {
      for (const one of [help, version]) one.helpGroup(COMMAND_GROUPS.state[language]);
      help.description(TEXTS.helpCommand[language]);
      version.description(TEXTS.showVersion[language]);
    },
  };
}

/** What an option is for, with its choices and its default. */
function aboutOption(setting: Setting, language: Language): string {
  const isChinese = language === 'zh';
  const notes = [
    setting.choices && (isChinese ? setting.choices.join('、') : `one of ${setting.choices.join(', ')}`),
    setting.kind !== 'switch' &&
      setting.default !== undefined &&
      `${isChinese ? '默认' : 'default'} ${setting.default}`,
    setting.preset && `${isChinese ? '不带值时为' : 'without a value'} ${setting.preset}`,
    setting.env && `${isChinese ? '环境变量' : 'env'} ${setting.env}`,
  ].filter((note) => note);
  const about = setting.about[language];
  if (notes.length === 0) return about;
  return isChinese ? `${about}（${notes.join('；')}）` : `${about} (${notes.join('; ')})`;
}

/** The table of exit codes under the help of the program. */
function exitTable(language: Language): string {
  const rows = Object.entries(EXIT_CODES).map(([kind, code]) => {
    return `  ${String(code).padEnd(4)}${kind.padEnd(14)} ${EXIT_REASONS[kind as ErrorKind][language]}`;
  });
  return `\n${EXIT_CODES_HEADING[language]}\n  0   ${DONE[language]}\n${rows.join('\n')}\n`;
}

/** Where a line may break: at blanks, and before a Chinese character; not before what closes. */
const CHUNK = /\s*[“（]*(?:\p{Script=Han}|[^\s\p{Script=Han}]+?(?=\s|\p{Script=Han}|$))[，。、；：）”]*/gu;

/** Narrower than this, a column is left to the terminal to wrap, as commander has it. */
const NARROWEST = 40;

function wrapped(text: string, width: number): string {
  if (width < NARROWEST) return text;
  const lines: string[] = [];
  let line = '';
  for (const chunk of text.match(CHUNK) ?? []) {
    if (line !== '' && stringWidth(line + chunk) > width) {
      lines.push(line);
      line = chunk.trimStart();
    } else line += chunk;
  }
  return [...lines, line].join('\n');
}
