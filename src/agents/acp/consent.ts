/** Words of a yes and of a no; 👍 and 👎 too, which WeChat's own keyboard writes as `[强]` and `[弱]`. */
const YES = [
  'y|yes|yeah|yep|yup|sure|ok|okay|fine|allow|allowed|approve|approved|go ahead|do it|1',
  '是|对|好|行|可以|能|嗯|恩|允许|同意|批准|准许|确认|确定|没问题|执行|继续|要|需要',
  '👍|👌|✅|✔|🆗|\\[强\\]|\\[ok\\]|\\[好的\\]',
];
const NO = [
  "n|no|nope|nah|not|don't|do not|deny|denied|reject|refuse|cancel|stop|never|2",
  '否|不|不是|不要|不行|不可以|不能|不用|不允许|不同意|不准|不许|不好|不必|不批准|不执行|不对',
  '拒绝|取消|算了|别|停|停止|禁止|免了',
  '👎|❌|✖|🙅|🚫|⛔|🛑|\\[弱\\]|\\[no\\]',
];
/** What stands between and behind them and says nothing. A question mark does: `好？`. */
const PAUSE = `[\\s.,;!。、~～…"'“”「」()]*`;
const POLITE = 'please|pls|thanks|thank you|谢谢|吧|啊|呀|哦|噢|哈|啦|滴|嘛|的';

/** Longer texts are no mere answer. */
const MAX_CHARS = 40;

const IS_YES = onlyOf(YES, POLITE);
const IS_NO = onlyOf(NO, `${POLITE}|了`);

/**
 * Whether a person's answer to a question of permission says yes or no; null when it says neither, or both
 * (`好不好`): then they are asked again, since a yes that was not meant cannot be taken back.
 */
export function consentOf(answer: string): boolean | null {
  // Keyboards for Chinese write full-width letters and digits as well, and 👍 comes in five colours.
  const text = answer
    .normalize('NFKC')
    .replace(/\p{Emoji_Modifier}|\ufe0f/gu, '')
    .trim()
    .toLowerCase();
  if (text.length > MAX_CHARS) return null;
  if (IS_NO.test(text)) return false;
  return IS_YES.test(text) ? true : null;
}

/** Matches a text that consists of such words, the longer before those they begin with. */
function onlyOf(lists: readonly string[], polite: string): RegExp {
  const words = lists.flatMap((list) => list.split('|')).sort((a, b) => b.length - a.length);
  return new RegExp(`^${PAUSE}(?:(?:${words.join('|')})${PAUSE}(?:(?:${polite})${PAUSE})*)+$`, 'u');
}
