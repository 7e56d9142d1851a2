import type { ChatLanguage } from '../../core/message/language.ts';
import type { FailureReason } from '../../core/message/message.ts';

const REASONS: Record<FailureReason | 'crash', Record<ChatLanguage, string>> = {
  exit: { zh: '智能体出错了', en: 'the agent reported an error' },
  signal: { zh: '智能体被终止', en: 'the agent was killed' },
  timeout: { zh: '处理超时', en: 'the agent took too long' },
  spawn: { zh: '智能体无法启动', en: 'the agent could not be started' },
  'too-large': { zh: '回复内容过大', en: 'the answer was too large' },
  'bad-output': { zh: '智能体的输出格式不对', en: 'the answer was not understood' },
  http: { zh: '智能体服务没有正常应答', en: 'the agent service did not answer properly' },
  cancelled: { zh: '已取消', en: 'it was cancelled' },
  crash: { zh: '处理时多次意外中断，已放弃', en: 'it was interrupted too often' },
};

/** What the user is told when a message failed for good (contract 4); with the command that runs it again, where they have it. */
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

/** Says that a message is still being worked on; others may have come after it. */
export function stillWorking(language: ChatLanguage, about: string): string {
  return language === 'zh' ? `⏳ “${about}”还在处理，请稍候` : `⏳ Still working on "${about}"...`;
}

/** Says that the whole of a long text follows as a file. */
export function wholeInFile(chars: number, language: ChatLanguage): string {
  return language === 'zh'
    ? `……（全文 ${chars} 字，见下面的文件）`
    : `... (${chars} characters in all: see the file below)`;
}

/** A text that was held, released and refused again has its time already. */
const STAMPED = /^\[(?:\d\d-\d\d )?\d\d:\d\d\]\n/;

/**
 * Joins held texts into what is sent first when the user writes again: an empty line between, old
 * ones and those of `send` stamped with their time, a note when others have expired (design 3).
 */
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

/** A local time as notices give it: `11-22 13:00`, or `13:00` alone. */
export function stamp(at: Date, withDay: boolean): string {
  const two = (n: number): string => String(n).padStart(2, '0');
  const time = `${two(at.getHours())}:${two(at.getMinutes())}`;
  return withDay ? `${two(at.getMonth() + 1)}-${two(at.getDate())} ${time}` : time;
}
