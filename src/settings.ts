/**
 * Every setting of wxagent in one table: its flag, what it takes, its default. Flags, `--help`,
 * `--config` files and `wxagent config` are all made from it (contract 1, 2).
 */

/** What a setting takes. `switch` has no value; `list` and `level` add up when repeated. */
export type SettingKind = 'text' | 'list' | 'switch' | 'level' | 'count' | 'duration' | 'size' | 'choice';

/** One setting. */
export interface Setting {
  kind: SettingKind;
  /** The flag as commander and `--help` show it. */
  flag: string;
  about: string;
  /** Default as a user would write it; none: unset. */
  default?: string;
  /** Environment variable that sets it. */
  env?: string;
  choices?: readonly string[];
  /** Smallest count allowed. */
  min?: number;
  /** Only as a flag: not in config files, not in `wxagent config`. */
  flagOnly?: boolean;
}

/** All settings by their camelCase name, which is also their name in config files. */
export const SETTINGS = {
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

  force: {
    kind: 'switch',
    flag: '--force',
    about: 'log in anew although this bot is bound here already',
    flagOnly: true,
  },
  name: { kind: 'text', flag: '--name <alias>', about: 'alias of the account', flagOnly: true },
  loginTimeout: {
    kind: 'duration',
    flag: '--timeout <duration>',
    about: 'how long to wait for the scan',
    default: '8m',
    flagOnly: true,
  },
  qr: {
    kind: 'choice',
    flag: '--qr <size>',
    about: 'QR code on the terminal',
    choices: ['small', 'large', 'none'],
    default: 'small',
  },
  qrFile: { kind: 'text', flag: '--qr-file <png|svg>', about: 'also write the QR code to this file' },

  exec: {
    kind: 'text',
    flag: '--exec <command>',
    about: 'agent: a shell command; message on stdin, answer on stdout',
  },
  http: { kind: 'text', flag: '--http <url>', about: 'agent: POST each message to this address' },
  header: {
    kind: 'list',
    flag: "--header <'Name: value'>",
    about: 'header for --http, ${VAR} from the environment (repeatable)',
  },
  echo: { kind: 'switch', flag: '--echo', about: 'agent: send every text back' },
  allAccounts: { kind: 'switch', flag: '--all-accounts', about: 'serve every account that is logged in' },
  input: {
    kind: 'choice',
    flag: '--input <form>',
    about: 'what the command gets on stdin',
    choices: ['text', 'raw', 'json'],
    default: 'text',
  },
  timeout: {
    kind: 'duration',
    flag: '--timeout <duration>',
    about: 'longest turn; 0: no limit',
    default: '30m',
  },
  concurrency: {
    kind: 'count',
    flag: '--concurrency <n>',
    about: 'users served at once, per account',
    default: '4',
    min: 1,
  },
  grace: {
    kind: 'duration',
    flag: '--grace <duration>',
    about: 'time for running turns when stopping',
    default: '10s',
  },
  retries: {
    kind: 'count',
    flag: '--retries <n>',
    about: 'retries of a message (exit 75, HTTP 429/5xx, crash)',
    default: '3',
    min: 0,
  },
  onError: {
    kind: 'choice',
    flag: '--on-error <what>',
    about: 'what the user sees of a failure',
    choices: ['notice', 'detail', 'silent'],
    default: 'notice',
  },
  errorText: { kind: 'text', flag: '--error-text <text>', about: 'text of the failure notice' },
  allow: { kind: 'list', flag: '--allow <user>', about: 'let this user in beside the owner (repeatable)' },
  allowAll: { kind: 'switch', flag: '--allow-all', about: 'let everyone in' },
  maxChars: {
    kind: 'count',
    flag: '--max-chars <n>',
    about: 'longest text part, in UTF-16 units',
    default: '4000',
    min: 20,
  },
  pace: {
    kind: 'duration',
    flag: '--pace <duration>',
    about: 'time between parts after the first two; 0: none',
    default: '1500ms',
  },
  format: {
    kind: 'choice',
    flag: '--format <form>',
    about: 'wechat: shape Markdown for the phone',
    choices: ['wechat', 'raw'],
    default: 'wechat',
  },
  typing: {
    kind: 'switch',
    flag: '--no-typing',
    about: 'do not show "typing" on the phone',
    default: 'true',
  },
  maxAge: {
    kind: 'duration',
    flag: '--max-age <duration>',
    about: 'older messages are not answered; 0: any age',
    default: '24h',
  },
  dedupeWindow: {
    kind: 'duration',
    flag: '--dedupe-window <duration>',
    about: 'same text of a user within this time counts once',
    default: '0',
  },
  keepFiles: { kind: 'switch', flag: '--keep-files', about: 'keep the folders of turns' },
  on: {
    kind: 'list',
    flag: '--on <event=command>',
    about: 'run a command on ready, expired, held or failed (repeatable)',
  },
  once: { kind: 'switch', flag: '--once', about: 'answer what waits, then end', flagOnly: true },
  maxMessages: {
    kind: 'count',
    flag: '--max-messages <n>',
    about: 'end after this many messages',
    min: 1,
    flagOnly: true,
  },
  exitIdle: {
    kind: 'duration',
    flag: '--exit-idle <duration>',
    about: 'end after this long with nothing to do',
    flagOnly: true,
  },

  to: { kind: 'text', flag: '--to <user>', about: 'who gets it (default: the owner)', flagOnly: true },
  stdin: { kind: 'switch', flag: '--stdin', about: 'read the text from stdin', flagOnly: true },
  sendFormat: {
    kind: 'choice',
    flag: '--format <form>',
    about: 'wechat, raw, or code: as a code block',
    choices: ['wechat', 'raw', 'code'],
    default: 'wechat',
    flagOnly: true,
  },
  wait: {
    kind: 'duration',
    flag: '--wait <duration>',
    about: 'how long to wait for the verdict',
    default: '30s',
    flagOnly: true,
  },
  strict: {
    kind: 'switch',
    flag: '--strict',
    about: 'exit 76 when the server did not confirm',
    flagOnly: true,
  },

  user: { kind: 'text', flag: '--user <user>', about: 'only of this user', flagOnly: true },
  since: {
    kind: 'duration',
    flag: '--since <duration>',
    about: 'only of the last ... (e.g. 24h)',
    flagOnly: true,
  },
  failed: { kind: 'switch', flag: '--failed', about: 'all failed messages', flagOnly: true },

  port: {
    kind: 'count',
    flag: '--port <n>',
    about: 'port; 0: any free one',
    default: '0',
    min: 0,
    flagOnly: true,
  },
  seed: {
    kind: 'count',
    flag: '--seed <n>',
    about: 'makes ids and faults repeatable',
    default: '1',
    min: 0,
    flagOnly: true,
  },
  scan: {
    kind: 'choice',
    flag: '--scan <mode>',
    about: 'who scans the QR code',
    choices: ['auto', 'manual'],
    default: 'auto',
    flagOnly: true,
  },
  script: {
    kind: 'text',
    flag: '--script <file>',
    about: 'JSON lines of control calls to play',
    flagOnly: true,
  },
  interactive: { kind: 'switch', flag: '--interactive', about: 'type as the phone', flagOnly: true },
} as const satisfies Record<string, Setting>;

/** Name of a setting. */
export type SettingName = keyof typeof SETTINGS;

/** The settings every command takes, before and after its name. */
export const GLOBAL_SETTINGS = [
  'account',
  'home',
  'baseUrl',
  'cdnUrl',
  'proxy',
  'config',
  'json',
  'quiet',
  'verbose',
  'logFormat',
  'logText',
  'lang',
  'color',
] as const satisfies readonly SettingName[];

type KindValue = {
  text: string;
  list: string[];
  switch: boolean;
  level: number;
  count: number;
  duration: number;
  size: number;
  choice: string;
};
type Row<N extends SettingName> = (typeof SETTINGS)[N];
type Filled<N extends SettingName> =
  Row<N> extends { choices: readonly (infer C)[] } ? C : KindValue[Row<N>['kind']];
type AlwaysSet = 'list' | 'switch' | 'level';

/** The value of a setting: null when it is unset and has no default. */
export type SettingValue<N extends SettingName> =
  Row<N> extends { default: string }
    ? Filled<N>
    : Row<N>['kind'] extends AlwaysSet
      ? Filled<N>
      : Filled<N> | null;

/** Settings resolved for one command. */
export type Settings<N extends SettingName> = { [K in N]: SettingValue<K> };
