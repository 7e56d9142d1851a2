/** What Slack writes as `<...>`: an address, with or without a label, a person, a channel, everybody. */
const LINK = /<((?:https?|mailto|tel):[^|<>\s]+)(?:\|([^<>\n]*))?>/g;
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
    .replace(MENTION, (_, name: string, label?: string) => `@${label ?? name.replace(/^subteam\^/, '')}`)
    .replace(/(?<![\w*])\*(?=\S)([^*\n]{1,500}?)(?<=\S)\*(?![\w*])/g, '**$1**');
}

function unescaped(text: string): string {
  return text.replaceAll('&lt;', '<').replaceAll('&gt;', '>').replaceAll('&amp;', '&');
}
