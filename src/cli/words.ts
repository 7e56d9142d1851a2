import type { Environment } from '../config.ts';

/** Languages wxagent speaks to people. */
export type Language = 'zh' | 'en';

/** The language of `--lang`; `auto` follows LC_ALL, LC_MESSAGES and LANG. */
export function languageOf(lang: 'auto' | Language, environment: Environment): Language {
  if (lang !== 'auto') return lang;
  const locale = environment.get('LC_ALL') ?? environment.get('LC_MESSAGES') ?? environment.get('LANG') ?? '';
  return /^zh/i.test(locale) ? 'zh' : 'en';
}

/** What people read in the course of normal use, by language. Errors are English: scripts and searches meet them. */
const WORDS = {
  en: {
    whatItIs: 'wxagent connects any agent (a script, an HTTP service, a model) to your personal WeChat.',
    nextLogin: 'Next: wxagent login       (no WeChat at hand? wxagent demo)',
    nextRun: "Next: wxagent run --exec './agent.sh'",
    help: 'Help: wxagent --help',
    docs: '中文文档: README.zh-CN.md',
    oneBot: 'One WeChat user has one live bot: scanning this code ends an older one.',
    scan: 'Scan with WeChat:',
    openLink: 'or open this link on the phone:',
    askCode: 'The phone shows a number. Type it here: ',
    wrongCode: 'That number was wrong. Type the one the phone shows now: ',
    scaned: 'scanned; confirm on the phone',
    expired: 'this code has expired; a new one follows',
    loggedIn: (id: string) => `Logged in as ${id}.`,
    already: 'This bot is logged in here already; nothing to do (--force makes a new login).',
    sayHello: 'Now say something to the bot in WeChat: before your first message it may not write to you.',
    heard: 'Your message has arrived; it will be answered by the first run.',
    notHeard: 'No message yet. That is fine: the bot can write to you as soon as you have written to it.',
    ready: (name: string) => `ready: ${name}; waiting for messages (Ctrl-C ends)`,
    confirmed: (n: number) => `${n} ${n === 1 ? 'part' : 'parts'} confirmed`,
    unconfirmed: (n: number) => `${n} unconfirmed (the server did not say that it arrived)`,
    refused: (n: number, reason: string) => `${n} refused (${reason})`,
    held: (n: number, reason: string) => `${n} held (${reason})`,
    heldUntil: (n: number, reason: string) =>
      `${n} held (${reason}): will go when the user writes, do not send again`,
    dropped: (n: number) => `${n} could not go now and ${n === 1 ? 'was' : 'were'} dropped`,
    waiting: (n: number) => `${n} queued; will be delivered, do not send again`,
    left: (n: number) => `${n} left`,
    stopping: (n: number) => `stopping; ${n} at work (once more to stop at once)`,
    stopped: 'stopped; all that came in is kept',
    bytesOf: (done: string, total: string) => `${done} of ${total}`,
    timeLeft: (seconds: number) => `${seconds} s left`,
    tokenDead: 'the login of this bot is dead: it was bound elsewhere or has expired',
  },
  zh: {
    whatItIs: 'wxagent 把任何智能体（脚本、HTTP 服务、大模型）接到你的个人微信。',
    nextLogin: '下一步：wxagent login      （手边没有微信？wxagent demo）',
    nextRun: "下一步：wxagent run --exec './agent.sh'",
    help: '帮助：wxagent --help',
    docs: '中文文档：README.zh-CN.md',
    oneBot: '一个微信用户只能有一个在线的机器人：扫描此码会让旧的失效。',
    scan: '请用微信扫描：',
    openLink: '或在手机上打开此链接：',
    askCode: '手机上显示了一个数字，请在此输入：',
    wrongCode: '数字不对，请输入手机上现在显示的数字：',
    scaned: '已扫描，请在手机上确认',
    expired: '二维码已过期，换一个新的',
    loggedIn: (id: string) => `已登录：${id}。`,
    already: '这个机器人已经在本机登录，无需再做什么（--force 可重新登录）。',
    sayHello: '现在请在微信里对机器人说句话：在你发第一条消息之前，它不能给你发消息。',
    heard: '已收到你的消息，下次 run 时会回答。',
    notHeard: '还没有收到消息。没关系：你写给它之后，它就能写给你。',
    ready: (name: string) => `就绪：${name}；等待消息（Ctrl-C 结束）`,
    confirmed: (n: number) => `${n} 条已确认`,
    unconfirmed: (n: number) => `${n} 条未确认（服务器没有说已送达）`,
    refused: (n: number, reason: string) => `${n} 条被拒绝（${reason}）`,
    held: (n: number, reason: string) => `${n} 条暂存（${reason}）`,
    heldUntil: (n: number, reason: string) => `${n} 条暂存（${reason}）：对方发消息后会自动送达，请勿重发`,
    dropped: (n: number) => `${n} 条现在无法发送，已丢弃`,
    waiting: (n: number) => `${n} 条排队中，会自动送达，请勿重发`,
    left: (n: number) => `还可发 ${n} 条`,
    stopping: (n: number) => `正在停止；${n} 个任务进行中（再按一次立即停止）`,
    stopped: '已停止，收到的消息都已保存',
    bytesOf: (done: string, total: string) => `${done} / ${total}`,
    timeLeft: (seconds: number) => `还需 ${seconds} 秒`,
    tokenDead: '这个机器人的登录已失效：可能在别处绑定，或已过期',
  },
} as const;

/** The words of a language. */
export type Words = (typeof WORDS)['en'] | (typeof WORDS)['zh'];

/** See {@link Words}. */
export function wordsOf(language: Language): Words {
  return WORDS[language];
}
