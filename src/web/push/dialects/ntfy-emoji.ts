/** The tags of ntfy that people use for alerts, as its apps show them. All others stay words. */
const EMOJI: Readonly<Record<string, string>> = {
  ...{ warning: '⚠️', rotating_light: '🚨', tada: '🎉', partying_face: '🥳', skull: '💀', fire: '🔥' },
  ...{ white_check_mark: '✅', heavy_check_mark: '✔️', x: '❌', no_entry: '⛔', no_entry_sign: '🚫' },
  ...{
    red_circle: '🔴',
    orange_circle: '🟠',
    yellow_circle: '🟡',
    green_circle: '🟢',
    large_blue_circle: '🔵',
  },
  ...{
    loudspeaker: '📢',
    mega: '📣',
    bell: '🔔',
    information_source: 'ℹ️',
    question: '❓',
    exclamation: '❗',
  },
  ...{ computer: '💻', floppy_disk: '💾', cd: '💿', package: '📦', lock: '🔒', unlock: '🔓', key: '🔑' },
  ...{
    hourglass: '⌛',
    test_tube: '🧪',
    facepalm: '🤦',
    '+1': '👍',
    '-1': '👎',
    triangular_flag_on_post: '🚩',
  },
  ...{ email: '📧', calendar: '📆', clock: '⏰', house: '🏠', bug: '🐛', rocket: '🚀', electric_plug: '🔌' },
  ...{ chart_with_upwards_trend: '📈', chart_with_downwards_trend: '📉', thermometer: '🌡️', zap: '⚡' },
};

/** Tags as they are shown: emoji before the text, words behind it. */
export function emojiOf(tags: readonly string[]): { emoji: string; words: string } {
  const named = tags.map((tag) => tag.trim()).filter((tag) => tag !== '');
  const isKnown = (tag: string): boolean => Object.hasOwn(EMOJI, tag);
  return {
    emoji: named
      .filter(isKnown)
      .map((tag) => EMOJI[tag])
      .join(''),
    words: named
      .filter((tag) => !isKnown(tag))
      .map((tag) => `#${tag}`)
      .join(' '),
  };
}
