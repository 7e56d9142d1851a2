import type { Setting } from './setting.ts';

/** Settings every command takes, before and after its name (contract 1). */
export const GLOBAL = {
  account: {
    kind: 'list',
    flag: '--account <id|name>',
    about: 'account to use (run: repeatable)',
    env: 'WXAGENT_ACCOUNT',
  },
  home: {
    kind: 'text',
    flag: '--home <dir>',
    about: 'keep everything under this folder',
    env: 'WXAGENT_HOME',
    flagOnly: true,
  },
  baseUrl: {
    kind: 'text',
    flag: '--base-url <url>',
    about: 'iLink server, e.g. of wxagent simulate',
    env: 'WXAGENT_BASE_URL',
  },
  cdnUrl: { kind: 'text', flag: '--cdn-url <url>', about: 'CDN of the iLink server', env: 'WXAGENT_CDN_URL' },
  proxy: {
    kind: 'text',
    flag: '--proxy <none|env|url>',
    about: 'proxy for iLink and its CDN',
    default: 'none',
  },
  config: { kind: 'text', flag: '--config <file>', about: 'JSON file with settings', flagOnly: true },
  json: { kind: 'switch', flag: '--json', about: 'machine-readable output on stdout', flagOnly: true },
  quiet: { kind: 'switch', flag: '--quiet', about: 'only warnings and errors on stderr' },
  verbose: { kind: 'level', flag: '--verbose', about: 'say more on stderr (repeatable)', flagOnly: true },
  logFormat: {
    kind: 'choice',
    flag: '--log-format <format>',
    about: 'form of the log on stderr',
    choices: ['text', 'json'],
    default: 'text',
  },
  logText: {
    kind: 'switch',
    flag: '--log-text',
    about: 'show message text in the log even when it is no terminal',
  },
  lang: {
    kind: 'choice',
    flag: '--lang <language>',
    about: 'language for people',
    choices: ['auto', 'zh', 'en'],
    default: 'auto',
    env: 'WXAGENT_LANG',
  },
  color: { kind: 'switch', flag: '--no-color', about: 'no colours', default: 'true' },
} as const satisfies Record<string, Setting>;
