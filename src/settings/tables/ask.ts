import { flagsOnly } from './setting-row.ts';

export const ASK = flagsOnly({
  choices: {
    kind: 'text',
    flag: '--choices <list>',
    about: {
      en: 'answers to choose from: yes,no or a=main,b=release; exit code 0 for the first, 1 for any other',
      zh: '可选的回答：yes,no 或 a=main,b=release；选第一个时退出码为 0，其他为 1',
    },
  },
  askTimeout: {
    kind: 'duration',
    flag: '--timeout <duration>',
    about: {
      en: 'how long the user has for the answer (exit code 124)',
      zh: '等待回答的时间（超时的退出码为 124）',
    },
    default: '10m',
  },
  default: {
    kind: 'text',
    flag: '--default <answer>',
    about: { en: 'answer if none comes in time', zh: '超时没有回答时采用的回答' },
  },
  hook: {
    kind: 'choice',
    flag: '--hook <program>',
    about: {
      en: 'answer a hook of this coding agent; reads it from stdin',
      zh: '回答编程智能体的 hook（标准输入）',
    },
    choices: ['claude', 'codex'],
  },
});
