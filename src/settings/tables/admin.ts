import { flagsOnly } from './setting-row.ts';

/** Settings of the commands that look at what is stored, or change it. */
export const ADMIN = flagsOnly({
  user: {
    kind: 'text',
    flag: '--user <user>',
    about: { en: 'only messages of this user', zh: '只列出这个用户的消息' },
  },
  since: {
    kind: 'duration',
    flag: '--since <duration>',
    about: {
      en: 'only what is from this last period, for example 24h',
      zh: '只列出最近一段时间的，例如 24h',
    },
  },
  every: {
    kind: 'duration',
    flag: '--every <duration>',
    about: { en: 'how long the key may be silent', zh: '这个键最长可以多久没有消息' },
  },
  grep: {
    kind: 'text',
    flag: '--grep <pattern>',
    about: {
      en: 'only messages whose text or file name matches this regular expression, in any case',
      zh: '只列出文字或文件名匹配这个正则表达式的消息，不分大小写',
    },
  },
  follow: {
    kind: 'switch',
    flag: '--follow',
    about: { en: 'go on, and list new messages as they come', zh: '继续运行，有新消息就列出' },
  },
  failed: {
    kind: 'switch',
    flag: '--failed',
    about: { en: 'retry all failed messages', zh: '重试所有失败的消息' },
  },
  expired: {
    kind: 'switch',
    flag: '--expired',
    about: { en: 'send all replies that expired while held', zh: '重新发送所有暂存后过期的回复' },
  },
  moveFrom: {
    kind: 'text',
    flag: '--from <store>',
    about: {
      en: 'postgres://..., SQLite file or folder of a home; default: this home',
      zh: 'postgres://...、SQLite 文件或主目录；默认是当前主目录',
    },
    hasPassword: true,
  },
  moveTo: {
    kind: 'text',
    flag: '--to <store>',
    about: { en: 'the same, for the place it moves to', zh: '迁移到哪里，写法相同' },
    hasPassword: true,
  },
  moveCancel: {
    kind: 'switch',
    flag: '--cancel',
    about: {
      en: 'give up a move that was killed, and use --from again',
      zh: '放弃被中断的迁移，继续使用 --from 的数据库',
    },
  },
  replaceFile: {
    kind: 'switch',
    flag: '--force',
    about: { en: 'replace the file if it is there', zh: '文件已存在时替换它' },
  },
});
