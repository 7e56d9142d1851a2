import { flagsOnly } from './setting-row.ts';

export const EXEC = flagsOnly({
  title: {
    kind: 'text',
    flag: '--title <title>',
    about: { en: 'what the message calls it (default: the command)', zh: '消息里的名称（默认：命令本身）' },
  },
  always: {
    kind: 'switch',
    flag: '--always',
    about: { en: 'send a message however it ends (the default)', zh: '无论结果如何都发消息（默认）' },
  },
  onFailure: {
    kind: 'switch',
    flag: '--on-failure',
    about: { en: 'send a message only if it fails', zh: '只在失败时发消息' },
  },
  execOutput: {
    kind: 'choice',
    flag: '--output <how>',
    about: {
      en: 'output in the message: its last lines, a file as well, or nothing',
      zh: '消息里的输出：最后几行，另附文件，或不带',
    },
    choices: ['lines', 'file', 'none'],
    default: 'lines',
  },
});
