import { RUN_SETTINGS } from '../settings/settings-table.ts';
import { BACKUP_COMMANDS } from './admin/backup-commands.ts';
import type { CommandSpec } from './port/command-spec.ts';
import { ACCESS_COMMANDS } from './web/access-commands.ts';

const USER = {
  '<user>': { en: 'user ID, as in wxagent messages --json', zh: '用户 ID，见 wxagent messages --json' },
};
const SETTING = {
  '<name>': { en: 'option name in camelCase, such as onError', zh: '驼峰式选项名，例如 onError' },
};

export const COMMANDS: readonly CommandSpec[] = [
  {
    name: 'login',
    group: 'start',
    about: {
      en: 'show a QR code and store the bot of whoever scans it',
      zh: '显示二维码，扫码后保存机器人的登录信息',
    },
    settings: ['force', 'name', 'loginTimeout', 'qr', 'qrFile'],
    load: async () => (await import('./login/login.ts')).login,
  },
  {
    name: 'run',
    group: 'start',
    about: { en: 'reply to messages with an agent', zh: '用智能体回复消息' },
    args: {
      '[command...]': {
        en: 'agent: a program and its arguments, run without a shell; -- before it is optional',
        zh: '智能体：程序和参数，不经过 shell；前面的 -- 可省略',
      },
    },
    settings: RUN_SETTINGS,
    isGrouped: true,
    passThrough: true,
    load: async () => (await import('./run/run.ts')).run,
  },
  {
    name: 'send',
    group: 'messages',
    about: {
      en: 'send text, from the arguments or stdin, and files',
      zh: '发送文字（来自参数或标准输入）和文件',
    },
    args: {
      '[text...]': {
        en: 'text; several words are joined by blanks; put -- before text that begins with -',
        zh: '文字；多个词以空格连接；以 - 开头的文字前面加 --',
      },
    },
    settings: [
      'to',
      'file',
      'sendName',
      'stdin',
      'sendFormat',
      'wait',
      'at',
      'id',
      'key',
      'ttl',
      'hold',
      'strict',
    ],
    load: async () => (await import('./send/send.ts')).send,
  },
  {
    name: 'ask',
    group: 'messages',
    about: { en: 'ask the user on the phone; the answer is on stdout', zh: '在手机上提问，回答写到标准输出' },
    args: {
      '[text...]': {
        en: 'question; several words are joined by blanks; without it, stdin is read',
        zh: '问题；多个词以空格连接；不写则读取标准输入',
      },
    },
    settings: ['choices', 'askTimeout', 'default', 'to', 'file', 'hook'],
    load: async () => (await import('./ask/ask.ts')).ask,
  },
  {
    name: 'exec',
    group: 'messages',
    about: { en: 'run a command, and send how it ended', zh: '运行命令，结束后把结果发到手机' },
    args: {
      '[command...]': {
        en: 'program and its arguments, run without a shell; -- before it is optional',
        zh: '程序和参数，不经过 shell；前面的 -- 可省略',
      },
    },
    settings: ['title', 'always', 'onFailure', 'execOutput', 'to'],
    passThrough: true,
    needsNoStore: true,
    load: async () => (await import('./exec/exec.ts')).exec,
  },
  {
    name: 'listen',
    group: 'messages',
    about: { en: 'write messages to stdout, without replying', zh: '把消息写到标准输出，不回复' },
    settings: ['once', 'exitIdle', 'maxMessages', 'owner', 'allow', 'allowAll', 'maxMedia'],
    load: async () => (await import('./run/listen.ts')).listen,
  },
  {
    name: 'download',
    group: 'messages',
    about: { en: 'download the attachments of a message', zh: '下载消息的附件' },
    args: {
      '[message-id|last]': {
        en: 'message ID; last: the newest message with an attachment',
        zh: '消息 ID；last：最近一条带附件的消息',
      },
    },
    settings: ['out', 'wav', 'item', 'param', 'mediaKey', 'largest'],
    load: async () => (await import('./download/download.ts')).download,
  },
  {
    name: 'messages',
    group: 'messages',
    about: { en: 'list received messages and their state', zh: '列出收到的消息及其状态' },
    settings: ['user', 'since', 'grep', 'follow'],
    load: async () => (await import('./admin/messages.ts')).messages,
  },
  {
    name: 'outbox',
    group: 'messages',
    about: { en: 'list unsent messages and why they are not sent', zh: '列出还没发出的消息和原因' },
    subcommands: [
      {
        name: 'list',
        about: { en: 'list unsent messages', zh: '列出还没发出的消息' },
        isDefault: true,
        load: async () => (await import('./admin/outbox.ts')).listOutbox,
      },
      {
        name: 'drop',
        about: { en: 'remove a message from the outbox', zh: '从发件箱移除一条消息' },
        args: { '<id>': { en: 'number of the message in wxagent outbox', zh: 'wxagent outbox 中的序号' } },
        load: async () => (await import('./admin/outbox.ts')).dropFromOutbox,
      },
    ],
  },
  {
    name: 'expect',
    group: 'messages',
    about: { en: 'tell when a text that should come is missing', zh: '应该来的消息没有来时通知' },
    subcommands: [
      {
        name: 'list',
        about: { en: 'list what is expected, and what is missing', zh: '列出应来的消息和没有来的消息' },
        load: async () => (await import('./admin/expect.ts')).listExpected,
      },
      {
        name: 'add',
        about: { en: 'expect texts with this key', zh: '应定期收到带这个键的消息' },
        args: { '[key]': { en: 'key of send --key, or of a push', zh: 'send --key 或推送的键' } },
        settings: ['every', 'to'],
        isDefault: true,
        load: async () => (await import('./admin/expect.ts')).addExpected,
      },
      {
        name: 'remove',
        about: { en: 'expect a key no more', zh: '不再等待这个键' },
        args: { '<key>': { en: 'key, as in wxagent expect list', zh: '键，见 wxagent expect list' } },
        load: async () => (await import('./admin/expect.ts')).removeExpected,
      },
    ],
  },
  {
    name: 'retry',
    group: 'messages',
    about: { en: 'handle a message again, or all failed ones', zh: '重新处理一条消息，或所有失败的消息' },
    args: { '[id]': { en: 'message ID in wxagent messages', zh: 'wxagent messages 中的消息 ID' } },
    settings: ['failed', 'expired'],
    load: async () => (await import('./admin/retry.ts')).retry,
  },
  {
    name: 'accounts',
    group: 'accounts',
    about: { en: 'list the logged-in accounts, choose the default', zh: '列出已登录的账号，选择默认账号' },
    subcommands: [
      {
        name: 'list',
        about: { en: 'list the accounts; * is the default', zh: '列出账号；* 是默认账号' },
        isDefault: true,
        load: async () => (await import('./admin/accounts.ts')).listAccounts,
      },
      {
        name: 'use',
        about: { en: 'make an account the default', zh: '设为默认账号' },
        args: { '<id|name>': { en: 'ID or name of the account', zh: '账号的 ID 或名称' } },
        load: async () => (await import('./admin/accounts.ts')).useAccount,
      },
    ],
  },
  {
    name: 'logout',
    group: 'accounts',
    about: { en: 'log out of an account; its messages stay', zh: '退出登录；消息仍保留' },
    load: async () => (await import('./admin/accounts.ts')).logout,
  },
  {
    name: 'allow',
    group: 'accounts',
    about: {
      en: 'list or change who may write to the bot besides the owner',
      zh: '查看或更改除所有者外放行的用户',
    },
    subcommands: [
      {
        name: 'list',
        about: { en: 'list the allowed users', zh: '列出已放行的用户' },
        isDefault: true,
        load: async () => (await import('./admin/allow.ts')).listAllowed,
      },
      {
        name: 'add',
        about: { en: 'allow a user', zh: '放行一个用户' },
        args: USER,
        load: async () => (await import('./admin/allow.ts')).allowUser,
      },
      {
        name: 'remove',
        about: { en: 'stop allowing a user', zh: '不再放行一个用户' },
        args: USER,
        load: async () => (await import('./admin/allow.ts')).disallowUser,
      },
    ],
  },
  ...ACCESS_COMMANDS,
  {
    name: 'audit',
    group: 'state',
    about: {
      en: 'list what was granted, sent again or removed, by whom and when',
      zh: '列出授权、重试和移除等操作：谁、何时、对什么',
    },
    settings: ['since'],
    load: async () => (await import('./admin/audit.ts')).audit,
  },
  {
    name: 'status',
    group: 'state',
    about: {
      en: 'show logins, queues and how many messages can still be sent',
      zh: '显示登录、排队情况和剩余条数',
    },
    load: async () => (await import('./admin/status.ts')).status,
  },
  {
    name: 'workers',
    group: 'state',
    about: {
      en: 'list the processes that serve the accounts of a database server',
      zh: '列出运行数据库服务器上各账号的进程',
    },
    load: async () => (await import('./admin/workers.ts')).workers,
  },
  {
    name: 'doctor',
    group: 'state',
    about: {
      en: 'check network, clock, login, files, disk and database',
      zh: '检查网络、时钟、登录、文件、磁盘和数据库',
    },
    needsNoStore: true,
    load: async () => (await import('./doctor/doctor.ts')).doctor,
  },
  {
    name: 'agents',
    group: 'state',
    about: { en: 'list the agents that --acp knows by name', zh: '列出 --acp 认识的智能体，以及是否已安装' },
    needsNoStore: true,
    load: async () => (await import('./admin/agents.ts')).agents,
  },
  {
    name: 'web',
    group: 'state',
    about: { en: 'serve a page for browsers, and the API over HTTP', zh: '提供浏览器页面和 HTTP API' },
    settings: ['listen', 'open', 'publicUrl', 'trustProxy', 'tlsCert', 'tlsKey'],
    load: async () => (await import('./web/web.ts')).web,
  },
  {
    name: 'config',
    group: 'state',
    about: { en: 'show and store settings', zh: '查看和保存设置' },
    subcommands: [
      {
        name: 'list',
        about: { en: 'list all settings and where each value comes from', zh: '列出所有设置和每个值的来源' },
        isDefault: true,
        needsNoStore: true,
        repairsSettings: true,
        load: async () => (await import('./admin/config.ts')).listConfig,
      },
      {
        name: 'get',
        about: { en: 'print the value of a setting', zh: '显示一个设置的值' },
        args: SETTING,
        needsNoStore: true,
        repairsSettings: true,
        load: async () => (await import('./admin/config.ts')).getConfig,
      },
      {
        name: 'set',
        about: { en: 'store the value of a setting', zh: '保存一个设置的值' },
        args: {
          ...SETTING,
          '<value>': { en: 'value, as it follows the option', zh: '值，写法与选项后相同' },
        },
        needsNoStore: true,
        repairsSettings: true,
        load: async () => (await import('./admin/config.ts')).setConfig,
      },
      {
        name: 'unset',
        about: { en: 'reset a setting to its default', zh: '把设置恢复为默认值' },
        args: SETTING,
        needsNoStore: true,
        repairsSettings: true,
        load: async () => (await import('./admin/config.ts')).unsetConfig,
      },
    ],
  },
  {
    name: 'store',
    group: 'state',
    about: { en: 'move the store to another database, and back', zh: '把数据迁移到另一个数据库，或迁回来' },
    needsNoStore: true,
    subcommands: [
      {
        name: 'migrate',
        about: {
          en: 'move everything in a store, logins included, and check that it is the same',
          zh: '迁移全部数据（包括登录信息），并逐表核对',
        },
        settings: ['moveFrom', 'moveTo', 'moveCancel'],
        isDefault: true,
        needsNoStore: true,
        load: async () => (await import('./admin/store-migrate.ts')).migrateStore,
      },
    ],
  },
  ...BACKUP_COMMANDS,
  {
    name: 'simulate',
    group: 'testing',
    about: {
      en: 'start a simulated WeChat server; in a browser it is the phone',
      zh: '在本机启动模拟的微信服务器，用浏览器打开就是手机',
    },
    settings: ['port', 'seed', 'scan', 'script', 'tlsCert', 'tlsKey'],
    needsNoStore: true,
    load: async () => (await import('./simulate/simulate.ts')).simulate,
  },
  {
    name: 'demo',
    group: 'testing',
    about: {
      en: 'show a chat, without WeChat, in 10 to 20 seconds',
      zh: '看一段演示，不需要微信，10 到 20 秒',
    },
    settings: ['interactive'],
    needsNoStore: true,
    load: async () => (await import('./simulate/demo.ts')).demo,
  },
];
