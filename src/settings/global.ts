import type { Setting } from './setting.ts';

/** Settings every command takes, before and after its name. */
export const GLOBAL = {
  account: {
    kind: 'list',
    flag: '--account <id|name>',
    about: { en: 'account to use; run takes several', zh: '使用的账号，run 可以给多个' },
    group: 'access',
    env: 'WXAGENT_ACCOUNT',
  },
  home: {
    kind: 'text',
    flag: '--home <dir>',
    about: { en: 'folder for everything wxagent stores', zh: '存放全部数据的目录' },
    group: 'general',
    env: 'WXAGENT_HOME',
    flagOnly: true,
  },
  store: {
    kind: 'text',
    flag: '--store <url>',
    about: {
      en: 'database: postgres://..., the path of an SQLite file, or @file that has one of these',
      zh: '数据库：postgres://...、SQLite 文件路径，或 @文件（内容是前两者之一）',
    },
    group: 'general',
    env: 'WXAGENT_STORE',
    hasPassword: true,
  },
  storePlaintext: {
    kind: 'switch',
    flag: '--store-plaintext',
    about: {
      en: 'keep logins in PostgreSQL without encryption',
      zh: '登录信息不加密保存在 PostgreSQL 中',
    },
    group: 'general',
  },
  baseUrl: {
    kind: 'text',
    flag: '--base-url <url>',
    about: {
      en: 'iLink server, for example of wxagent simulate',
      zh: 'iLink 服务器地址，例如 wxagent simulate 的',
    },
    group: 'general',
    env: 'WXAGENT_BASE_URL',
  },
  cdnUrl: {
    kind: 'text',
    flag: '--cdn-url <url>',
    about: { en: 'CDN of the iLink server', zh: 'iLink 服务器的 CDN 地址' },
    group: 'general',
    env: 'WXAGENT_CDN_URL',
  },
  proxy: {
    kind: 'text',
    flag: '--proxy <none|env|url>',
    about: { en: 'proxy for iLink and its CDN', zh: '访问 iLink 及其 CDN 的代理' },
    group: 'general',
    default: 'none',
  },
  config: {
    kind: 'text',
    flag: '--config <file>',
    about: { en: 'JSON file with settings', zh: 'JSON 设置文件' },
    group: 'general',
    flagOnly: true,
  },
  json: {
    kind: 'switch',
    flag: '--json',
    about: { en: 'machine-readable output on stdout', zh: '在标准输出写 JSON，供程序读取' },
    group: 'logging',
    flagOnly: true,
  },
  quiet: {
    kind: 'switch',
    flag: '--quiet',
    about: { en: 'only warnings and errors on stderr', zh: '标准错误只写警告和错误' },
    group: 'logging',
  },
  verbose: {
    kind: 'level',
    flag: '--verbose',
    about: { en: 'more detail on stderr (repeatable)', zh: '标准错误写得更详细（可重复）' },
    group: 'logging',
    flagOnly: true,
  },
  logFormat: {
    kind: 'choice',
    flag: '--log-format <format>',
    about: { en: 'format of the log on stderr', zh: '标准错误上日志的格式' },
    group: 'logging',
    choices: ['text', 'json'],
    default: 'text',
  },
  logText: {
    kind: 'switch',
    flag: '--log-text',
    about: {
      en: 'show message text in the log even if stderr is not a terminal',
      zh: '标准错误不是终端时，日志也显示消息内容',
    },
    group: 'logging',
  },
  lang: {
    kind: 'choice',
    flag: '--lang <language>',
    about: { en: 'language of messages', zh: '界面语言' },
    group: 'logging',
    choices: ['auto', 'zh', 'en'],
    default: 'auto',
    env: 'WXAGENT_LANG',
  },
  color: {
    kind: 'switch',
    flag: '--no-color',
    about: { en: 'no colors', zh: '不使用颜色' },
    group: 'logging',
    default: 'true',
  },
} as const satisfies Record<string, Setting>;
