import type { Setting } from './setting.ts';

/** Settings of `send` (contract 2). */
export const SEND = {
  to: { kind: 'text', flag: '--to <user>', about: 'who gets it (default: the owner)', flagOnly: true },
  stdin: { kind: 'switch', flag: '--stdin', about: 'read the text from stdin', flagOnly: true },
  file: {
    kind: 'list',
    flag: '--file <path|->',
    about: 'send this file after the text; -: what stdin brings (repeatable)',
    flagOnly: true,
  },
  sendName: {
    kind: 'text',
    flag: '--name <name>',
    about: 'what the phone calls the file',
    flagOnly: true,
  },
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
  ttl: {
    kind: 'duration',
    flag: '--ttl <duration>',
    about: 'drop it when it still waits after this',
    flagOnly: true,
  },
  id: { kind: 'text', flag: '--id <key>', about: 'never send the same key twice', flagOnly: true },
  key: {
    kind: 'text',
    flag: '--key <key>',
    about: 'replaces what waits under the same key',
    flagOnly: true,
  },
  hold: {
    kind: 'switch',
    flag: '--no-hold',
    about: 'now or never: exit 69 instead of waiting in the outbox',
    default: 'true',
    flagOnly: true,
  },
  strict: {
    kind: 'switch',
    flag: '--strict',
    about: 'exit 76 when the server did not confirm',
    flagOnly: true,
  },
} as const satisfies Record<string, Setting>;
