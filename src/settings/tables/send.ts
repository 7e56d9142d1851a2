import { flagsOnly } from './setting-row.ts';

export const SEND = flagsOnly({
  to: {
    kind: 'text',
    flag: '--to <user>',
    about: {
      en: 'recipient: a user ID or the name of an account (default: the owner)',
      zh: '收件人：用户 ID 或账号名（默认：所有者）',
    },
  },
  stdin: {
    kind: 'switch',
    flag: '--stdin',
    about: { en: 'read the text from stdin', zh: '从标准输入读取文字' },
  },
  file: {
    kind: 'list',
    flag: '--file <path|->',
    about: { en: 'file to send; -: stdin (repeatable)', zh: '要发送的文件；-：标准输入（可重复）' },
  },
  sendName: {
    kind: 'text',
    flag: '--name <name>',
    about: { en: 'file name shown in the chat', zh: '聊天中显示的文件名' },
  },
  sendFormat: {
    kind: 'choice',
    flag: '--format <form>',
    about: {
      en: 'wechat: convert Markdown; raw: send unchanged; code: send as a code block',
      zh: 'wechat：转换 Markdown；raw：原样；code：代码块',
    },
    choices: ['wechat', 'raw', 'code'],
    default: 'wechat',
  },
  wait: {
    kind: 'duration',
    flag: '--wait <duration>',
    about: { en: 'how long to wait for the result', zh: '等待结果的时间' },
    default: '30s',
  },
  at: {
    kind: 'text',
    flag: '--at <time>',
    about: {
      en: 'send a text later: +2h, 9:00, "tomorrow 9:00" or a date; a runner has to be there then',
      zh: '稍后发送文字：+2h、9:00、"明天 9:00" 或日期；到时需要有 wxagent run',
    },
  },
  ttl: {
    kind: 'duration',
    flag: '--ttl <duration>',
    about: {
      en: 'discard the message if it is still held after this time',
      zh: '超过这个时间还没发出就丢弃',
    },
  },
  id: {
    kind: 'text',
    flag: '--id <key>',
    about: { en: 'idempotency key: the same key is never sent twice', zh: '幂等键：同一个键只发送一次' },
  },
  key: {
    kind: 'text',
    flag: '--key <key>',
    about: { en: 'replaces a held message with the same key', zh: '替换同一个键下暂存的消息' },
  },
  hold: {
    kind: 'switch',
    flag: '--no-hold',
    about: { en: 'send now or discard the message (exit code 69)', zh: '当场发不出就丢弃（退出码 69）' },
    default: 'true',
  },
  strict: {
    kind: 'switch',
    flag: '--strict',
    about: { en: 'exit code 76 if the server does not confirm', zh: '服务器没有确认时，退出码为 76' },
  },
});
