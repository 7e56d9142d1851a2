import { flagsOnly } from './setting-row.ts';

export const SOURCE = flagsOnly({
  sourceTo: {
    kind: 'text',
    flag: '--to <user>',
    about: { en: 'who gets it: a user ID; default: the owner', zh: '发给谁：用户 ID；默认是所有者' },
  },
  sourceTitle: {
    kind: 'text',
    flag: '--title <text>',
    about: { en: 'title of what comes without one', zh: '没有标题时用的标题' },
  },
  digest: {
    kind: 'duration',
    flag: '--digest <duration>',
    about: { en: 'join what comes within this time into one text', zh: '这段时间内的推送合成一条' },
  },
  sourceQuiet: {
    kind: 'text',
    flag: '--quiet-hours <from-to>',
    about: {
      en: 'keep what comes at these times of the day until they end: 23:00-07:00',
      zh: '每天这段时间的推送留到结束后再发：23:00-07:00',
    },
  },
  sourceLimit: {
    kind: 'text',
    flag: '--limit <count/time>',
    about: { en: 'at most so many texts in a time: 6/h', zh: '一段时间内最多几条：6/h' },
  },
  important: {
    kind: 'switch',
    flag: '--important',
    about: { en: 'never let it wait for others', zh: '从不等待，立即发送' },
  },
  fallback: {
    kind: 'text',
    flag: '--fallback <command>',
    about: {
      en: 'command that tells another way what is not confirmed in time',
      zh: '没有及时确认的推送，用这个命令以其他方式通知',
    },
  },
  sourceWithin: {
    kind: 'duration',
    flag: '--within <duration>',
    about: {
      en: 'with --fallback: how long a push may be unconfirmed (10m)',
      zh: '与 --fallback 连用：推送多久没有确认就算没送到（10m）',
    },
  },
  sourceSecret: {
    kind: 'text',
    flag: '--secret <file|->',
    about: {
      en: 'take only pushes signed with the secret in this file, or on stdin (-)',
      zh: '只接受用这个密钥签名的推送；密钥从文件或 stdin（-）读取',
    },
  },
  template: {
    kind: 'text',
    flag: '--template <json|@file>',
    about: {
      en: 'what to tell of JSON in a form of its own; texts have {{path}}',
      zh: '从任意 JSON 取出要通知的内容；文字里写 {{path}}',
    },
  },
});
