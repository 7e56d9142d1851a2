import type { Setting } from './setting.ts';

/** Settings of the commands that look at things, and of the simulator (contract 2). */
export const OTHER = {
  user: { kind: 'text', flag: '--user <user>', about: 'only of this user', flagOnly: true },
  since: {
    kind: 'duration',
    flag: '--since <duration>',
    about: 'only of the last ... (e.g. 24h)',
    flagOnly: true,
  },
  failed: { kind: 'switch', flag: '--failed', about: 'all failed messages', flagOnly: true },
  expired: { kind: 'switch', flag: '--expired', about: 'all parts that expired while held', flagOnly: true },
  port: {
    kind: 'count',
    flag: '--port <n>',
    about: 'port; 0: any free one',
    default: '0',
    min: 0,
    max: 65_535,
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
  tlsCert: {
    kind: 'text',
    flag: '--tls-cert <file>',
    about: 'speak https, with this certificate (PEM)',
    flagOnly: true,
  },
  tlsKey: { kind: 'text', flag: '--tls-key <file>', about: 'the key to it (PEM)', flagOnly: true },
  interactive: { kind: 'switch', flag: '--interactive', about: 'type as the phone', flagOnly: true },
} as const satisfies Record<string, Setting>;
