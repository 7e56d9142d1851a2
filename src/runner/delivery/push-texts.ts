import type { ChatLanguage } from '../../core/message/language.ts';
import type { ToldPushes } from '../../store/port/port.ts';
import { stamp, truncate } from './notices.ts';

/** Characters of each push in a text of several, and of all together; what is beyond is counted. */
const PUSH_CHARS = 400;
const ALL_CHARS = 3_500;

const WORDS = {
  en: {
    head: (n: number, times: string) => `📬 ${n} messages (${times})`,
    limit: (n: number) => `${n} held back by the limit`,
    quiet: (n: number) => `${n} in the quiet hours`,
    hidden: (n: number) => `... ${n} more are not shown`,
    uncounted: (n: number) => `... and ${n} more that were not kept`,
    last: (n: number) =>
      n > 0
        ? `This was the last message that WeChat lets through for now. ${n} more wait: send me any word.`
        : 'This was the last message that WeChat lets through for now: send me any word to get more.',
    lastAsked: (n: number) => `This was the last message that WeChat lets through for now. ${n} more wait.`,
    and: '; ',
  },
  zh: {
    head: (n: number, times: string) => `📬 ${n} 条推送（${times}）`,
    limit: (n: number) => `${n} 条因超出频率推迟`,
    quiet: (n: number) => `${n} 条来自免打扰时段`,
    hidden: (n: number) => `……另有 ${n} 条没有显示`,
    uncounted: (n: number) => `……另有 ${n} 条没有保存`,
    last: (n: number) =>
      n > 0
        ? `微信暂时只允许发到这一条。还有 ${n} 条在等：给我发任意一个字就能收到。`
        : '微信暂时只允许发到这一条：给我发任意一个字，才能继续收到。',
    lastAsked: (n: number) => `微信暂时只允许发到这一条。还有 ${n} 条在等。`,
    and: '；',
  },
} as const;

/** The text of pushes: one as it is, several in one text, and behind them what was left out. */
export function tellPushes(
  { pushes, others, uncounted, waiting, isLast, isAsked }: ToldPushes,
  language: ChatLanguage | null,
): string {
  const words = WORDS[language ?? 'en'];
  const after = [
    ...(uncounted > 0 ? [words.uncounted(uncounted)] : []),
    // Nobody is asked twice.
    ...(isLast && !isAsked ? [words.last(waiting)] : []),
    ...(isLast && isAsked && waiting > 0 ? [words.lastAsked(waiting)] : []),
  ];
  const [first] = pushes;
  const count = pushes.length + others.count;
  if (count === 1 && first) return [first.text, ...after].join('\n\n');
  const lines: string[] = [];
  let chars = 0;
  for (const { source, text, cameAtMs } of pushes) {
    const line = `• ${stamp(new Date(cameAtMs), false)} [${source}] ${truncate(text.trim(), PUSH_CHARS)}`;
    chars += line.length;
    if (chars > ALL_CHARS) break;
    lines.push(line);
  }
  const hidden = count - lines.length;
  const lastAtMs = Math.max(others.lastAtMs, pushes.at(-1)?.cameAtMs ?? 0);
  const times = [first?.cameAtMs ?? 0, lastAtMs].map((ms) => stamp(new Date(ms), false));
  const heldBack = (['limit', 'quiet'] as const).flatMap((reason) => {
    const ofReason = others[reason] + pushes.filter((push) => push.reason === reason).length;
    return ofReason > 0 ? [words[reason](ofReason)] : [];
  });
  const head = [words.head(count, [...new Set(times)].join('–')), ...heldBack].join(words.and);
  return [head, ...lines, ...(hidden > 0 ? [words.hidden(hidden)] : []), ...after].join('\n');
}
