/** What Slack writes as `<...>`: an address, with or without a label, a time, a person, a channel, everybody. */
const LINK = /<((?:https?|mailto|tel):[^|<>\s]+)(?:\|([^<>\n]*))?>/g;
const HOST_LINK = /<((?:[\w-]+\.)+[a-z]{2,}(?:\/[^|<>\s]*)?)\|([^<>\n]+)>/gi;
/** Its form is of no use without the time zone of who reads it: there is a text for that. */
const TIME = /<!date\^[^|<>\n]*\|([^<>\n]*)>/g;
const MENTION = /<[@#!]([^|<>\s]+)(?:\|([^<>\n]*))?>/g;

/** The text of Slack as Markdown: addresses, people, bold. Code stays as it is. */
export function markdownOfMrkdwn(text: string): string {
  return text
    .split(/(```[\s\S]*?```|`[^`\n]*`)/)
    .map((piece, index) => (index % 2 === 1 ? unescaped(piece) : unescaped(outsideCode(piece))))
    .join('');
}

function outsideCode(text: string): string {
  return text
    .replace(LINK, (_, address: string, label?: string) =>
      label === undefined || label === '' || label === address ? address : `[${label}](${address})`,
    )
    .replace(HOST_LINK, '[$2](http://$1)')
    .replace(TIME, '$1')
    .replace(
      MENTION,
      (_, name: string, label?: string) => `@${(label ?? name).replace(/^(subteam\^|@)/, '')}`,
    )
    .replace(/(?<![\w*])\*(?=\S)([^*\n]{1,500}?)(?<=\S)\*(?![\w*])/g, '**$1**');
}

function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
