import type { Setting } from './setting.ts';

/** Settings of agents that speak ACP. */
export const ACP = {
  acp: {
    kind: 'text',
    flag: '--acp <command|name>',
    about: 'agent: one that speaks ACP; wxagent agents lists names',
  },
  permission: {
    kind: 'choice',
    flag: '--permission <policy>',
    about: 'what an ACP agent may do that needs permission; default ask, with --allow-all deny',
    choices: ['allow', 'deny', 'ask'],
  },
} as const satisfies Record<string, Setting>;
