/** Words of a yes and of a no. Chinese is told apart, because only letters are parted by blanks: `要是` (if) is no 要. */
interface Words {
  letters: string;
  /** The answer by its number, alone. */
  number: string;
  /** Chinese that may only be repeated: `好好好`. */
  alone: string;
  /** Chinese that may stand right behind other such words: `确认执行`. */
  joined: string;
  /** Chinese that may stand right before any of the others: `嗯好`. */
  before: string;
  /** 👍 and 👎 too, which WeChat's own keyboard writes as `[强]` and `[弱]`. */
  signs: string;
}

/** What makes a no of the word for an action (`不要执行`), and nobody knows what of another no (`不要停`). */
const NOT = {
  letters: "don't|do not|never",
  chinese: '不要|不用|不能|不许|不許|不准|不|先别|先別|先不要|先不|别|別',
};
const ACTIONS = {
  letters: 'do it|do that|do this|allow|allow it|approve',
  chinese: '执行|執行|继续|繼續|动|動|做|运行|運行',
};
const ENDS = { letters: 'stop|cancel|deny|reject|refuse', chinese: '停|停下|停止|取消|拒绝|拒絕|禁止' };

const YES: Words = {
  letters:
    'y|yes|yeah|yep|yup|sure|ok(?:ok)*|okay|fine|allow|allowed|approve|approved|go ahead|do it|of course',
  number: '1',
  alone: '是|对|對|好|行|能|要|需要',
  joined: '可以|我?(?:允许|允許|同意|批准|准许|准許|确认|確認|确定|確定)|没问题|沒問題|执行|執行|继续|繼續',
  before: '嗯|恩|当然|當然',
  signs: '👍|👌|✅|✔|🆗|\\[强\\]|\\[ok\\]|\\[好的\\]',
};
const NO: Words = {
  letters: [
    "n|no(?:no)*|no way|nope|nah|not|not now|of course not|don't|do not|never|never mind|deny|denied|reject|refuse",
    'cancel|stop|stop it|abort|forget it',
    `(?:${NOT.letters}) (?:${ACTIONS.letters})`,
  ].join('|'),
  number: '2',
  alone: [
    '否|不|不是|不行|不可|不可以|不能|不用|不需要|不準|不好|不必|不对|不對|不干|不幹',
    '我?(?:不要|不想|不想要|不允许|不允許|不同意|不准|不許|不许|不批准|不确认|不確認|反对|反對)',
    '先不要|先不用|暂不|暫不|暂时不|暫時不|暂时不要|暫時不要|暂时不用|暫時不用',
    '别|別|先别|先別|先不|停|停下|停止|禁止|免了',
    `(?:${NOT.chinese}) ?(?:${ACTIONS.chinese})`,
  ].join('|'),
  joined: '我?(?:拒绝|拒絕)|取消',
  before: '算了',
  signs: '👎|❌|✖|🙅|🚫|⛔|🛑|\\[弱\\]|\\[no\\]',
};
/** What stands between and behind them and says nothing. A question mark does: `好？`. */
const PAUSE = `[\\s.,;!。、~～…"'“”「」()]*`;
const POLITE = {
  letters: 'please|pls|thanks|thank you',
  chinese: '谢谢|謝謝|吧|啊|呀|哦|噢|哈|啦|滴|嘛|嘞|哒|的',
};

/** Longer texts are no mere answer. */
const MAX_CHARS = 40;

const IS_YES = onlyOf(YES, POLITE.chinese);
const IS_NO = onlyOf(NO, `${POLITE.chinese}|了`);
const IS_NO_TO_NO = new RegExp(
  `(?:${NOT.letters}|${NOT.chinese})\\s*(?:${ENDS.letters}|${ENDS.chinese})`,
  'u',
);

/** Whether an answer says yes or no; null for neither or both (`好不好`): a yes that was not meant cannot be taken back. */
export function consentOf(answer: string): boolean | null {
  // Keyboards for Chinese write full-width letters and digits as well, and 👍 comes in five colours.
  const text = answer
    .normalize('NFKC')
    .replace(/\p{Emoji_Modifier}|\u200d[♀♂]|[\ufe0f\u20e3]/gu, '')
    .replace(/[’‘`]/g, "'")
    .trim()
    .toLowerCase();
  if (text.length > MAX_CHARS || IS_NO_TO_NO.test(text)) return null;
  if (IS_NO.test(text)) return false;
  return IS_YES.test(text) ? true : null;
}

/** Matches a text that consists of such words, each of them whole. */
function onlyOf({ letters, number, alone, joined, before, signs }: Words, particles: string): RegExp {
  const whole = (words: string) => `(?<![a-z\\d'])(?:${words})(?![a-z\\d'])`;
  const run = (name: string) =>
    `(?:${before})*(?:(?<${name}>${alone})\\k<${name}>*|(?:${joined})+|(?:${before}))`;
  const chinese = `(?<!\\p{Script=Han})[请請]?${run('first')}(?:(?:${particles})+${run('next')})*(?:${particles})*(?!\\p{Script=Han})`;
  const polite = `(?:(?:${whole(POLITE.letters)}|(?:${particles})+(?!\\p{Script=Han}))${PAUSE})*`;
  const first = `(?:${whole(POLITE.letters)}${PAUSE})*`;
  const unit = `(?:${whole(letters)}|${chinese}|${signs})`;
  const one = `${number}(?:${particles})*`;
  return new RegExp(`^${PAUSE}${first}(?:${one}${PAUSE}${polite}|(?:${unit}${PAUSE}${polite})+)$`, 'u');
}
