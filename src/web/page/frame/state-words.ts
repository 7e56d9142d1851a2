import { wordsIn } from '../../../page/language.ts';

const en = {
  verdicts: {
    delayed: 'delayed',
    queued: 'queued',
    uploading: 'uploading',
    sending: 'sending',
    held: 'held',
    confirmed: 'confirmed',
    unconfirmed: 'unconfirmed',
    refused: 'refused',
    merged: 'merged',
    expired: 'expired',
    fallback: 'told another way',
  } as Record<string, string>,
  /** Why parts are held. */
  holds: {
    'first-contact': 'the user has not written to the bot yet',
    quota: 'the 10 messages since the user last wrote are used up',
    window: 'the user last wrote more than 24 hours ago',
    throttle: 'WeChat limits the rate',
    context: 'WeChat does not accept it now',
    code: 'WeChat refused it with an unknown code',
    login: 'it was queued under an earlier login',
  } as Record<string, string>,
  /** Why what a source pushes waits. */
  delays: {
    digest: 'joined with what else its source pushes',
    limit: 'its source has pushed as much as it may',
    quiet: 'quiet hours of its source',
    allowance: 'few messages are left',
    hold: 'others are held before it',
  } as Record<string, string>,
  /** When held parts go. */
  whenHeldGoes: (reason: string): string =>
    reason === 'throttle' ? 'It is tried again by itself.' : 'It goes when the user writes.',
};

/** The words for the states of messages and parts, and for the reasons of them. */
export const stateWords = wordsIn<typeof en>({
  en,
  zh: {
    verdicts: {
      delayed: '延后',
      queued: '排队',
      uploading: '正在上传',
      sending: '正在发送',
      held: '暂存',
      confirmed: '已确认',
      unconfirmed: '未确认',
      refused: '被拒绝',
      merged: '已合并',
      expired: '已过期',
      fallback: '已改用其他方式',
    },
    holds: {
      'first-contact': '对方还没有给机器人发过消息',
      quota: '对方上次发消息后的 10 条已用完',
      window: '对方上次发消息已超过 24 小时',
      throttle: '微信限流',
      context: '微信暂时不接受',
      code: '微信返回了未知代码',
      login: '是在之前的登录下排队的',
    },
    delays: {
      digest: '与同一来源的其他推送合并',
      limit: '这个来源推送得太多',
      quiet: '在来源的免打扰时段',
      allowance: '剩余条数不多',
      hold: '前面有暂存的',
    },
    whenHeldGoes: (reason) => (reason === 'throttle' ? '会自动重试。' : '对方再发消息时发出。'),
  },
});
