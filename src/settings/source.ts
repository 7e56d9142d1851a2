import type { Setting } from './setting.ts';

/** Settings of `source add`. */
export const SOURCE = {
  sourceTo: {
    kind: 'text',
    flag: '--to <user>',
    about: { en: 'who gets it: a user ID; default: the owner', zh: '发给谁：用户 ID；默认是所有者' },
    flagOnly: true,
  },
  sourceTitle: {
    kind: 'text',
    flag: '--title <text>',
    about: { en: 'title of what comes without one', zh: '没有标题时用的标题' },
    flagOnly: true,
  },
  template: {
    kind: 'text',
    flag: '--template <json|@file>',
    about: {
      en: 'what to tell of JSON in a form of its own; texts have {{path}}',
      zh: '从任意 JSON 取出要通知的内容；文字里写 {{path}}',
    },
    flagOnly: true,
  },
} as const satisfies Record<string, Setting>;
