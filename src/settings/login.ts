import type { Setting } from './setting.ts';

/** Settings of `login` (contract 2). */
export const LOGIN = {
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
} as const satisfies Record<string, Setting>;
