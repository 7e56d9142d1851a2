import { wordsIn } from '../../../../page/language.ts';

const plural = (n: number, one: string, many: string): string => (n === 1 ? `1 ${one}` : `${n} ${many}`);

const en = {
  nothing: 'Nothing waits. Everything has a final verdict.',
  more: 'Show older ones',
  goesByItself: 'It goes by itself, in this order.',
  waitsForLogin: 'It goes when the bot has logged in again.',
  /** What happens when the user writes. */
  whenTheyWrite(texts: number, files: number): string {
    const joined =
      texts > 1 ? `the ${texts} texts go first, joined` : texts === 1 ? 'the text goes first' : '';
    const after = plural(files, 'file', 'files');
    if (files === 0) return `When they write, ${joined}, and then the reply.`;
    return joined === ''
      ? `When they write, the ${after} ${files === 1 ? 'goes' : 'go'} first, and then the reply.`
      : `When they write, ${joined}, then ${after}, and then the reply.`;
  },
  whenTheyWriteAny: 'When they write, what is held goes first, and then the reply.',
  whenThrottleEnds: 'It is tried again by itself when the limit ends.',
  held: (why: string) => `Held: ${why}.`,
  since: (time: string) => `since ${time}`,
  until: (time: string) => `given up on ${time}`,
  untilByRunner: (time: string) => `given up about ${time}`,
  holdMax: 'A runner gives up what it has held for 7 days, or for its --hold-max.',
  files: { image: 'picture', video: 'video', file: 'file' } as Record<string, string>,
  drop: 'Drop',
  dropNamed: (text: string) => `Drop: ${text}`,
  ask: {
    title: 'Drop this part?',
    laterTitle: 'Drop this text?',
    about: (text: string, user: string) => `“${text}” is never sent to ${user}. That cannot be taken back.`,
  },
  later: 'To be sent later',
  laterAbout: 'A running wxagent run queues each at its time.',
  at: (time: string) => `at ${time}`,
  gone: 'Nothing was dropped: it was sent or dropped already.',
  dropped: 'Dropped.',
  droppedUnsure: 'Dropped. It was sent before without an answer, so it may have arrived.',
  already: (verdict: string) => `Nothing was dropped: it is ${verdict} already.`,
};

export const outboxWords = wordsIn<typeof en>({
  en,
  zh: {
    nothing: '没有等待发送的内容，全部都有最终结果。',
    more: '显示更早的',
    goesByItself: '会按此顺序自动发出。',
    waitsForLogin: '机器人重新登录后发出。',
    whenTheyWrite(texts, files) {
      const joined = texts > 1 ? `先把这 ${texts} 条文字合并发出` : texts === 1 ? '先发出这条文字' : '';
      if (files === 0) return `对方发消息后，${joined}，然后是回复。`;
      return joined === ''
        ? `对方发消息后，先发出 ${files} 个文件，然后是回复。`
        : `对方发消息后，${joined}，再发 ${files} 个文件，然后是回复。`;
    },
    whenTheyWriteAny: '对方发消息后，先发出暂存的内容，然后是回复。',
    whenThrottleEnds: '限流结束后会自动重试。',
    held: (why) => `暂存：${why}。`,
    since: (time) => `${time} 起`,
    until: (time) => `${time} 放弃`,
    untilByRunner: (time) => `约 ${time} 放弃`,
    holdMax: '暂存满 7 天，或满运行进程的 --hold-max，就不再发送。',
    files: { image: '图片', video: '视频', file: '文件' },
    drop: '移除',
    dropNamed: (text) => `移除：${text}`,
    ask: {
      title: '移除这一条？',
      laterTitle: '移除这条文字？',
      about: (text, user) => `“${text}”将不会发给 ${user}，无法撤销。`,
    },
    later: '稍后发送',
    laterAbout: '到时间后，由正在运行的 wxagent run 放入队列。',
    at: (time) => `${time} 发送`,
    gone: '没有移除：已经发出，或已被移除。',
    dropped: '已移除。',
    droppedUnsure: '已移除。之前发送过但没有得到响应，对方可能已经收到。',
    already: (verdict) => `没有移除：状态已经是“${verdict}”。`,
  },
});
