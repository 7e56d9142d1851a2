import { RUN_SETTINGS, type SettingName } from '../settings/settings.ts';
import type { CommandContext } from './command/context.ts';

/** What a command does; returns the exit code. */
export type Action = (context: CommandContext, args: string[]) => Promise<number>;

/** One command of the tree. Its code is loaded when it runs. */
export interface CommandSpec {
  name: string;
  about: string;
  /** Its arguments, as commander writes them, and what each is for. */
  args?: Readonly<Record<string, string>>;
  settings: readonly SettingName[];
  /** Everything from the first argument on belongs to the agent's command. */
  passThrough?: boolean;
  /** Runs when no subcommand is named. */
  isDefault?: boolean;
  subcommands?: readonly CommandSpec[];
  load?: () => Promise<Action>;
}

/** The command tree (contract 2). */
export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'login',
    about: 'show a QR code, and store the bot of whoever scans it',
    settings: ['force', 'name', 'loginTimeout', 'qr', 'qrFile'],
    load: async () => (await import('./login/login.ts')).login,
  },
  {
    name: 'accounts',
    about: 'accounts that are logged in here',
    settings: [],
    subcommands: [
      {
        name: 'list',
        about: 'list them; * is the default',
        settings: [],
        isDefault: true,
        load: async () => (await import('./admin/accounts.ts')).listAccounts,
      },
      {
        name: 'use',
        about: 'make one the default',
        args: { '<id|name>': 'the account' },
        settings: [],
        load: async () => (await import('./admin/accounts.ts')).useAccount,
      },
    ],
  },
  {
    name: 'logout',
    about: 'forget the token of an account; its messages stay',
    settings: [],
    load: async () => (await import('./admin/accounts.ts')).logout,
  },
  {
    name: 'run',
    about: 'answer messages with an agent',
    args: { '[command...]': 'agent: a program and its arguments, without a shell; -- before it is optional' },
    settings: RUN_SETTINGS,
    passThrough: true,
    load: async () => (await import('./run/run.ts')).run,
  },
  {
    name: 'agents',
    about: 'the agents --acp knows by name, and which are installed',
    settings: [],
    load: async () => (await import('./admin/agents.ts')).agents,
  },
  {
    name: 'listen',
    about: 'write messages to stdout, answer nothing',
    settings: ['once', 'exitIdle', 'maxMessages', 'owner', 'allow', 'allowAll', 'maxMedia'],
    load: async () => (await import('./run/listen.ts')).listen,
  },
  {
    name: 'send',
    about: 'send a text, from the arguments or from stdin, and files',
    args: { '[text...]': 'the text, joined by blanks; -- before one that begins with -' },
    settings: ['to', 'file', 'sendName', 'stdin', 'sendFormat', 'wait', 'id', 'key', 'ttl', 'hold', 'strict'],
    load: async () => (await import('./send/send.ts')).send,
  },
  {
    name: 'download',
    about: 'fetch the files of a message',
    args: { '[message-id|last]': 'the message; last: the newest one with a file' },
    settings: ['out', 'wav', 'item', 'param', 'mediaKey', 'largest'],
    load: async () => (await import('./download/download.ts')).download,
  },
  {
    name: 'messages',
    about: 'what has come in, and what became of it',
    settings: ['user', 'since'],
    load: async () => (await import('./admin/messages.ts')).messages,
  },
  {
    name: 'outbox',
    about: 'what waits to be delivered, and why',
    settings: [],
    subcommands: [
      {
        name: 'list',
        about: 'parts without a final verdict',
        settings: [],
        isDefault: true,
        load: async () => (await import('./admin/outbox.ts')).listOutbox,
      },
      {
        name: 'drop',
        about: 'take one out for good',
        args: { '<id>': 'the part, as wxagent outbox names it' },
        settings: [],
        load: async () => (await import('./admin/outbox.ts')).dropFromOutbox,
      },
    ],
  },
  {
    name: 'retry',
    about: 'run a message again, or all failed ones',
    args: { '[id]': 'the message, as wxagent messages names it' },
    settings: ['failed', 'expired'],
    load: async () => (await import('./admin/retry.ts')).retry,
  },
  {
    name: 'allow',
    about: 'who may write to the bot beside its owner',
    settings: [],
    subcommands: [
      {
        name: 'list',
        about: 'list them',
        settings: [],
        isDefault: true,
        load: async () => (await import('./admin/allow.ts')).listAllowed,
      },
      {
        name: 'add',
        about: 'let a user in',
        args: { '<user>': 'the user, as wxagent messages --json names him' },
        settings: [],
        load: async () => (await import('./admin/allow.ts')).allowUser,
      },
      {
        name: 'remove',
        about: 'let a user in no more',
        args: { '<user>': 'the user, as wxagent messages --json names him' },
        settings: [],
        load: async () => (await import('./admin/allow.ts')).disallowUser,
      },
    ],
  },
  {
    name: 'status',
    about: 'logins, runners, what waits, what may still be sent',
    settings: [],
    load: async () => (await import('./admin/status.ts')).status,
  },
  {
    name: 'doctor',
    about: 'check network, clock, login, files, disk and database, and say what to mend',
    settings: [],
    load: async () => (await import('./doctor/doctor.ts')).doctor,
  },
  {
    name: 'config',
    about: 'settings and where their values come from',
    settings: [],
    subcommands: [
      {
        name: 'list',
        about: 'all settings',
        settings: [],
        isDefault: true,
        load: async () => (await import('./admin/config.ts')).listConfig,
      },
      {
        name: 'get',
        about: 'one value',
        args: { '<name>': 'a flag in camelCase, such as onError' },
        settings: [],
        load: async () => (await import('./admin/config.ts')).getConfig,
      },
      {
        name: 'set',
        about: 'store a value',
        args: { '<name>': 'a flag in camelCase, such as onError', '<value>': 'as after the flag' },
        settings: [],
        load: async () => (await import('./admin/config.ts')).setConfig,
      },
      {
        name: 'unset',
        about: 'back to the default',
        args: { '<name>': 'a flag in camelCase, such as onError' },
        settings: [],
        load: async () => (await import('./admin/config.ts')).unsetConfig,
      },
    ],
  },
  {
    name: 'simulate',
    about: "WeChat's server on this machine, to try everything without WeChat",
    settings: ['port', 'seed', 'scan', 'script', 'tlsCert', 'tlsKey'],
    load: async () => (await import('./simulate/simulate.ts')).simulate,
  },
  {
    name: 'demo',
    about: 'see it work in 20 seconds, without WeChat',
    settings: ['interactive'],
    load: async () => (await import('./simulate/demo.ts')).demo,
  },
];
