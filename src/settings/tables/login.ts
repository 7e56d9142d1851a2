import type { Setting } from './setting-row.ts';

export const LOGIN = {
  force: {
    kind: 'switch',
    flag: '--force',
    about: {
      en: 'log in again although this bot is already logged in here',
      zh: '即使已在本机登录，也重新登录',
    },
    flagOnly: true,
  },
  name: {
    kind: 'text',
    flag: '--name <alias>',
    about: { en: 'alias of the account', zh: '账号的别名' },
    flagOnly: true,
  },
  loginTimeout: {
    kind: 'duration',
    flag: '--timeout <duration>',
    about: { en: 'how long to wait for the scan', zh: '等待扫码的时间' },
    default: '8m',
    flagOnly: true,
  },
  qr: {
    kind: 'choice',
    flag: '--qr <size>',
    about: {
      en: 'size of the QR code on the terminal; none: only the link',
      zh: '终端中二维码的大小；none：只显示链接',
    },
    choices: ['small', 'large', 'none'],
    default: 'small',
  },
  qrFile: {
    kind: 'text',
    flag: '--qr-file <png|svg>',
    about: { en: 'also write the QR code to this file', zh: '同时把二维码写入这个文件' },
  },
} as const satisfies Record<string, Setting>;
