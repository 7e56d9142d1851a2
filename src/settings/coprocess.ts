import type { Setting } from './setting.ts';

/** Settings of `run --coprocess` (contract 2). */
export const COPROCESS = {
  coprocess: {
    kind: 'text',
    flag: '--coprocess <command>',
    about: 'agent: a shell command that stays running; JSON lines in and out',
  },
  coprocessPer: {
    kind: 'choice',
    flag: '--coprocess-per <what>',
    about: 'one coprocess for the account, or one for each user',
    choices: ['account', 'user'],
    default: 'account',
  },
} as const satisfies Record<string, Setting>;
