import type { CommandSpec } from '../port/command-spec.ts';

/** Who may use the API: programs, browsers, and guests who add one account. */
export const ACCESS_COMMANDS: readonly CommandSpec[] = [
  {
    name: 'token',
    group: 'accounts',
    about: { en: 'list, add or remove tokens of the API', zh: '查看、添加或移除 API 的访问令牌' },
    subcommands: [
      {
        name: 'list',
        about: { en: 'list the tokens and when each was last used', zh: '列出访问令牌和最近使用时间' },
        isDefault: true,
        load: async () => (await import('./token.ts')).listTokens,
      },
      {
        name: 'add',
        about: { en: 'make a token; it is shown once', zh: '新建访问令牌，只显示一次' },
        args: { '<name>': { en: 'name by which it is listed and removed', zh: '名称，用于查看和移除' } },
        settings: ['tokenScope', 'tokenTo', 'expires'],
        load: async () => (await import('./token.ts')).makeToken,
      },
      {
        name: 'remove',
        about: { en: 'remove a token: it may do nothing any more', zh: '移除访问令牌，立即失效' },
        args: { '<name>': { en: 'name of the token', zh: '访问令牌的名称' } },
        load: async () => (await import('./token.ts')).removeToken,
      },
      {
        name: 'code',
        about: {
          en: 'make a one-time code for a browser, for 10 minutes',
          zh: '生成浏览器用的一次性登录码，10 分钟有效',
        },
        load: async () => (await import('./token.ts')).makeCode,
      },
    ],
  },
  {
    name: 'invite',
    group: 'accounts',
    about: {
      en: 'list, add or remove links by which somebody else adds an account',
      zh: '查看、添加或移除邀请链接，让别人扫码添加一个账号',
    },
    subcommands: [
      {
        name: 'list',
        about: { en: 'list the invitations and whether each was used', zh: '列出邀请，以及是否已使用' },
        isDefault: true,
        load: async () => (await import('./invite.ts')).listInvitations,
      },
      {
        name: 'add',
        about: { en: 'make an invitation; its link is shown once', zh: '新建邀请，链接只显示一次' },
        args: { '<name>': { en: 'name of the account to come', zh: '将要添加的账号的名称' } },
        settings: ['inviteExpires', 'listen', 'publicUrl'],
        load: async () => (await import('./invite.ts')).makeInvitation,
      },
      {
        name: 'remove',
        about: { en: 'remove an invitation: its link opens nothing any more', zh: '移除邀请，链接立即失效' },
        args: { '<name>': { en: 'name of the invitation', zh: '邀请的名称' } },
        load: async () => (await import('./invite.ts')).removeInvitation,
      },
    ],
  },
  {
    name: 'source',
    group: 'accounts',
    about: {
      en: 'list, add or remove programs that may push to a user',
      zh: '查看、添加或移除可以推送的来源',
    },
    subcommands: [
      {
        name: 'list',
        about: { en: 'list the sources and when each last pushed', zh: '列出来源和最近推送时间' },
        isDefault: true,
        load: async () => (await import('./source.ts')).listSources,
      },
      {
        name: 'add',
        about: { en: 'make a source; its token is shown once', zh: '新建来源，令牌只显示一次' },
        args: { '<name>': { en: 'name by which it is listed and removed', zh: '名称，用于查看和移除' } },
        settings: [
          ...(['sourceTo', 'sourceTitle', 'template', 'ttl', 'sourceSecret'] as const),
          ...(['digest', 'sourceLimit', 'sourceQuiet', 'important', 'fallback', 'sourceWithin'] as const),
        ],
        load: async () => (await import('./source.ts')).makeSource,
      },
      {
        name: 'remove',
        about: { en: 'remove a source: it can push no more', zh: '移除来源，立即失效' },
        args: { '<name>': { en: 'name of the source', zh: '来源的名称' } },
        load: async () => (await import('./source.ts')).removeSource,
      },
    ],
  },
];
