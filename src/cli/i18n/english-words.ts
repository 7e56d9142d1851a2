/** Why parts are held, as the store names it (src/store/outbox/hold-policy.ts), in a sentence each. */
const HOLDS: Record<string, string> = {
  'first-contact': 'the user has not written to the bot yet; it goes once they have',
  quota: 'the 10 messages since the user last wrote are used up; it goes when they write',
  window: 'the user last wrote more than 24 hours ago; it goes when they write',
  throttle: 'WeChat limits the rate; wxagent tries again by itself',
  context: 'the server does not accept it now; it goes when the user writes',
  code: 'the server refused it with an unknown code; it goes when the user writes',
};

/** Pieces of what people read in the course of normal use. Whole sentences are translated as they are (sentences.ts). */
export const english = {
  whatItIs: 'wxagent connects any agent (a script, an HTTP service, a model) to your personal WeChat.',
  nextLogin: 'Next: wxagent login       (no WeChat at hand? wxagent demo)',
  nextRun: (account: string | null) =>
    `Next: wxagent run ${account === null ? '' : `--account ${account} `}--exec './agent.sh'`,
  help: 'Help: wxagent --help',
  docs: '中文文档: README.zh-CN.md',
  oneBot: 'A WeChat account has one active bot: scanning this code disconnects an older one.',
  scan: 'Scan with WeChat:',
  openLink: 'or open this link on the phone:',
  openOnlyLink: 'Open this link on the phone:',
  askCode: 'Enter the verification code shown on your phone: ',
  wrongCode: 'Wrong code. Enter the one shown now: ',
  scaned: 'scanned; confirm on the phone',
  expired: 'this code has expired; a new one follows',
  loggedIn: (id: string) => `Logged in as ${id}.`,
  already: 'This bot is already logged in here (--force logs in again).',
  sayHello: 'Now send the bot a message in WeChat: it can write to you only after you have written to it.',
  heard: 'Your message has arrived; wxagent run will reply to it.',
  notHeard: 'No message yet. That is fine: write to the bot whenever you like.',
  ready: (name: string) => `ready: ${name}; waiting for messages (Ctrl-C ends)`,
  confirmed: (n: number) => `${n} ${n === 1 ? 'part' : 'parts'} confirmed`,
  unconfirmed: (n: number) => `${n} unconfirmed (the server returned no message ID)`,
  refused: (n: number, reason: string) => `${n} refused (${reason})`,
  held: (n: number, reason: string) => {
    const why = Object.hasOwn(HOLDS, reason) ? `: ${HOLDS[reason]}` : '';
    return `${n} held (${reason})${why}`;
  },
  doNotRepeat: 'do not send again',
  dropped: (n: number, why: string) =>
    `${n} could not go now and ${n === 1 ? 'was' : 'were'} dropped (${why})`,
  waiting: (n: number, why: string) => `${n} queued; will be delivered, do not send again (${why})`,
  kept: (n: number) => `${n} kept: to be delivered after wxagent login, do not send again`,
  /** Why what `send` was given has no verdict yet. */
  whyWaiting: {
    'first-contact': 'first-contact: the user has not written to the bot yet',
    quota: 'quota: the 10 messages since the user last wrote are used up',
    window: 'window: the user last wrote more than 24 hours ago',
    throttle: 'throttle: WeChat limits the rate',
    context: 'context: the server does not accept it now',
    code: 'code: the server refused it with an unknown code',
    unanswered: 'the server has not answered yet',
    uploading: 'the file is still being uploaded',
    behind: 'earlier ones to the same user go first',
    runner: 'the runner has not sent it yet',
    login: 'the login has expired',
    'not-yet': 'not sent yet',
  } as Record<string, string>,
  looking: 'checking for messages of the user, up to 35 s',
  serverToAnswer: 'waiting for the server',
  took: (seconds: string) => `${seconds} s`,
  left: (n: number, all: number) => `${n} of ${all} left until the user writes`,
  stopping: (n: number) => `stopping; ${n} in progress (once more to stop at once)`,
  stopped: 'stopped; all received messages are stored',
  stoppedUnread: (n: number) =>
    `stopped; ${n} ${n === 1 ? 'response' : 'responses'} of the server could not be read and may have contained messages`,
  bytesOf: (done: string, total: string) => `${done} of ${total}`,
  timeLeft: (seconds: number) => `${seconds} s left`,
  tokenDead: 'the login of this bot has expired, or the bot was logged in elsewhere',
  characters: (n: number) => `${n} ${n === 1 ? 'character' : 'characters'}`,
  unknownKind: (types: string) => `unknown (type ${types})`,
  /** Between the pieces of one line. */
  colon: ': ',
  comma: ', ',
  semicolon: '; ',
  /** Behind a word, what it is in detail. */
  inDetail: (word: string, detail: string) => `${word} (${detail})`,
  kinds: {
    text: 'text',
    image: 'image',
    voice: 'voice',
    file: 'file',
    video: 'video',
    mixed: 'mixed',
    unknown: 'unknown',
  } as Record<string, string>,
  /** States of messages and of parts. */
  states: {} as Record<string, string>,
  /** Why a message ended as it did. */
  reasons: {} as Record<string, string>,
  /** Where a setting comes from. */
  origins: {} as Record<string, string>,
  login: { ok: 'login ok', expired: 'login expired' },
  running: (pid: number, host: string) => `running (pid ${pid} on ${host})`,
  notRunning: 'not running',
  accounts: (n: number) => `${n} ${n === 1 ? 'account' : 'accounts'}`,
  renewed: (seconds: number) => `renewed ${seconds} s ago`,
  workerStates: { serving: '', leaving: 'leaving', expired: 'expired' },
  owner: (user: string | null) => `owner ${user ?? 'not known yet'}`,
  lastPoll: (time: string | null) => `last poll ${time ?? 'never'}`,
  inbox: (n: Record<'received' | 'running' | 'failed' | 'ignored', number>) =>
    `inbox: ${n.received} received, ${n.running} running, ${n.failed} failed, ${n.ignored} ignored`,
  unknownItems: (n: number) => `${n} with items of a kind unknown to this version`,
  outbox: (n: Record<'queued' | 'sending' | 'held' | 'delayed' | 'scheduled', number>) =>
    `outbox: ${n.queued} queued, ${n.sending} sending, ${n.held} held, ${n.delayed} delayed, ${n.scheduled} scheduled`,
  lastWrote: (user: string, time: string | null) => `${user}: last wrote ${time ?? 'never'}`,
  asksAt: (time: string) => `asks for a word at ${time}`,
  toldElsewhere: (n: number) => `${n} told another way`,
  /** Of a text that was not confirmed in time, and went to a command. */
  fellBack: (reason: string | null) =>
    `-> not confirmed in time${reason === null ? '' : ` (${reason})`}: told another way`,
  /** Where `simulate` listens, and how to use it. */
  simulating: (baseUrl: string) =>
    `Simulated WeChat server: ${baseUrl} (open it in a browser: it is the phone; Ctrl-C ends). Next: wxagent login --home ./simulated --base-url ${baseUrl}`,
  /** What `doctor` checks. */
  checks: {} as Record<string, string>,
  hint: 'hint: ',
};

/** What every language has. */
export type Words = typeof english;
