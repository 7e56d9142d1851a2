/** Words of a yes and of a no; 👍 and 👎 too, which WeChat's own keyboard writes as `[强]` and `[弱]`. */
const YES = [
  'y|yes|yeah|yep|yup|sure|ok|okay|fine|allow|allowed|approve|approved|go ahead|do it|of course|1',
  '是|对|對|好|行|可以|能|嗯|恩|允许|允許|同意|我同意|批准|准许|准許|确认|確認|确定|確定|没问题|沒問題',
  '执行|執行|继续|繼續|当然|當然|要|需要',
  '👍|👌|✅|✔|🆗|\\[强\\]|\\[ok\\]|\\[好的\\]',
];
const NO = [
  "n|no|no way|nope|nah|not|not now|of course not|don't|do not|never|never mind|deny|denied|reject|refuse",
  'cancel|stop|stop it|abort|forget it|2',
  '否|不|不是|不要|不行|不可|不可以|不能|不用|不需要|不允许|不允許|不同意|我不同意|不准|不準|不許|不许|不好|不必|不批准|不对|不對',
  '拒绝|拒絕|取消|算了|别|別|先别|先別|先不|停|停下|停止|禁止|免了',
  '👎|❌|✖|🙅|🚫|⛔|🛑|\\[弱\\]|\\[no\\]',
];
/** What makes a no of the word for an action (`不要执行`), and nobody knows what of another no (`不要停`). */
const NOT = "don't|do not|never|不要|不用|不能|不许|不許|不准|不|先别|先別|先不要|先不|别|別";
const ACTIONS = 'do it|do that|do this|allow|allow it|approve|执行|執行|继续|繼續|动|動|做|运行|運行';
const ENDS = 'stop|cancel|deny|reject|refuse|停|停下|停止|取消|拒绝|拒絕|禁止';
/** What stands between and behind them and says nothing. A question mark does: `好？`. */
const PAUSE = `[\\s.,;!。、~～…"'“”「」()]*`;
const POLITE = 'please|pls|thanks|thank you|谢谢|謝謝|吧|啊|呀|哦|噢|哈|啦|滴|嘛|嘞|哒|的';

/** Longer texts are no mere answer. */
const MAX_CHARS = 40;

const IS_YES = onlyOf(YES, POLITE);
const IS_NO = onlyOf([...NO, `(?:${NOT}) ?(?:${ACTIONS})`], `${POLITE}|了`);
const IS_NO_TO_NO = new RegExp(`(?:${NOT})\\s*(?:${ENDS})`, 'u');

/**
 * Whether a person's answer to a question of permission says yes or no; null when it says neither, or both
 * (`好不好`): then they are asked again, since a yes that was not meant cannot be taken back.
 */
export function consentOf(answer: string): boolean | null {
  // Keyboards for Chinese write full-width letters and digits as well, and 👍 comes in five colours.
  const text = answer
    .normalize('NFKC')
    .replace(/\p{Emoji_Modifier}|\u200d[♀♂]|\ufe0f/gu, '')
    .replace(/[’‘`]/g, "'")
    .trim()
    .toLowerCase();
  if (text.length > MAX_CHARS || IS_NO_TO_NO.test(text)) return null;
  if (IS_NO.test(text)) return false;
  return IS_YES.test(text) ? true : null;
}

/** Matches a text that consists of such words. */
function onlyOf(lists: readonly string[], polite: string): RegExp {
  const word = lists.join('|');
  return new RegExp(`^${PAUSE}[请請]?(?:(?:${word})${PAUSE}(?:(?:${polite})${PAUSE})*)+$`, 'u');
}
