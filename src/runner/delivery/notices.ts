import type { ChatLanguage } from '../../core/message/language.ts';
import type { FailureReason, MissingFile, MissingReason } from '../../core/message/message.ts';
import { readInbound } from '../../ilink/message/inbound.ts';
import { mergeStored } from '../../ilink/message/merged.ts';

const REASONS: Record<FailureReason | 'crash', Record<ChatLanguage, string>> = {
  exit: { zh: '智能体出错了', en: 'the agent reported an error' },
  signal: { zh: '智能体被终止', en: 'the agent was killed' },
  timeout: { zh: '处理超时', en: 'the agent took too long' },
  spawn: { zh: '智能体无法启动', en: 'the agent could not be started' },
  'too-large': { zh: '回复内容过大', en: 'the answer was too large' },
  'bad-output': { zh: '智能体的输出格式不对', en: 'the reply was not understood' },
  http: { zh: '智能体服务没有正常响应', en: 'the agent service did not answer properly' },
  cancelled: { zh: '已取消', en: 'it was cancelled' },
  crash: { zh: '处理时多次意外中断，已放弃', en: 'it was interrupted too often' },
};

/** The notice about a message that has failed. It names the command that runs it again if the user has it. */
export function failureNotice(
  reason: FailureReason | 'crash',
  language: ChatLanguage,
  { detail, hasCommands }: { detail: string | null; hasCommands: boolean },
): string {
  const what = REASONS[reason][language];
  const again = language === 'zh' ? '发送 /重来 再试一次。' : 'Send /again to try once more.';
  const more = `${detail ? `\n${detail}` : ''}${hasCommands ? `\n${again}` : ''}`;
  return language === 'zh'
    ? `⚠️ 这条消息没有处理成功：${what}。${more}`
    : `⚠️ This message could not be answered: ${what}.${more}`;
}

const NOT_SENT: Record<MissingReason | 'refused', Record<ChatLanguage, string>> = {
  'too-large': { zh: '文件过大', en: 'too large' },
  'too-many': { zh: '文件过多', en: 'too many files' },
  'not-found': { zh: '找不到文件', en: 'not found' },
  unreadable: { zh: '无法读取', en: 'cannot be read' },
  refused: { zh: '被微信拒绝', en: 'refused by WeChat' },
};

/** How many files are named to the user, and how much of each name. */
const NAMED_FILES = 5;
const NAME_CHARS = 60;

/** The notice about files of a reply that are not sent. */
export function notSent(
  {
    first,
    count,
  }: { first: readonly (Pick<MissingFile, 'name'> & { reason: MissingReason | 'refused' })[]; count: number },
  language: ChatLanguage,
): string {
  const named = first.slice(0, NAMED_FILES);
  const more = count - named.length;
  const list = named.map(({ name, reason }) => {
    const shown = shortName(name);
    const why = NOT_SENT[reason][language];
    return language === 'zh' ? `${shown}（${why}）` : `${shown} (${why})`;
  });
  if (language === 'zh') {
    return `⚠️ 回复不完整，没有发出的文件：${list.join('、')}${more > 0 ? `，另有 ${more} 个` : ''}。`;
  }
  return `⚠️ The answer is not complete. Not sent: ${list.join(', ')}${more > 0 ? `, and ${more} more` : ''}.`;
}

/** A long name without its middle: its end shows the kind of the file. */
function shortName(name: string): string {
  const characters = [...name];
  const half = NAME_CHARS / 2;
  if (characters.length <= NAME_CHARS) return name;
  return `${characters.slice(0, half).join('')}…${characters.slice(-half).join('')}`;
}

/** The notice that a message is still in progress. It quotes the message, since others may have come after it. */
export function stillWorking(language: ChatLanguage, about: string): string {
  return language === 'zh' ? `⏳ “${about}”还在处理，请稍候` : `⏳ Still working on "${about}"...`;
}

/** The notice that asks for a word, by which WeChat lets the bot write for another day. */
export function wordAsked(language: ChatLanguage): string {
  return language === 'zh'
    ? '⏰ 微信很快就不让我给你发消息了。随便回一句，之后 24 小时内还能收到。'
    : '⏰ WeChat will soon not let me write to you any more. Send me any word, and messages can reach you for another 24 hours.';
}

/** The end of a preview: the whole text follows as a file. */
export function wholeInFile(chars: number, language: ChatLanguage): string {
  return language === 'zh'
    ? `……（全文 ${chars} 字，见下面的文件）`
    : `... (${chars} characters in all: see the file below)`;
}

/** A text that is held for the second time has its time already. */
const STAMPED = /^\[(?:\d\d-\d\d )?\d\d:\d\d\]\n/;

/** Joins held texts. Those of an earlier day and of `send` get their time; a note counts those that have expired. */
export function mergeHeld(
  held: readonly { text: string; createdAtMs: number; origin: string }[],
  expired: number,
  language: ChatLanguage,
  nowMs: number,
): string {
  const today = new Date(nowMs).toDateString();
  const texts = held.map(({ text, createdAtMs, origin }) => {
    const at = new Date(createdAtMs);
    const old = at.toDateString() !== today;
    return (old || origin === 'send') && !STAMPED.test(text) ? `[${stamp(at, old)}]\n${text}` : text;
  });
  const note =
    language === 'zh'
      ? `（还有 ${expired} 条较早的消息已过期，没有发给你）`
      : `(${expired} older messages have expired and were not sent to you)`;
  return (expired > 0 ? [note, ...texts] : texts).join('\n\n');
}

/** The local time in notices: `11-22 13:00`, or `13:00` alone. */
export function stamp(at: Date, withDay: boolean): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  return withDay ? `${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}` : time;
}

/** Characters of a message that a notice about it quotes. */
const QUOTE_CHARS = 40;

/** How a notice quotes a message: the beginning of its text on one line, or its kind. */
export function excerptOf(messages: readonly { raw: Buffer; textFrom: number }[]): string {
  const { text, kind } = readInbound(mergeStored([...messages]));
  const line = text.replace(/\s+/g, ' ').trim() || `[${kind}]`;
  return truncate(line, QUOTE_CHARS);
}

/** A line of at most so many characters. */
export function truncate(line: string, limit: number): string {
  const chars = [...line];
  return chars.length > limit ? `${chars.slice(0, limit - 1).join('')}…` : line;
}
