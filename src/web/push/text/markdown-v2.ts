/** Code, an escaped character, or a mark, of Telegram's MarkdownV2. */
const PIECE = /```[\s\S]*?```|`[^`\n]*`|\\([\s\S])|\|\||__|\*\*|[*_~]/g;

/** Marks of MarkdownV2 in those of everybody else; underlined and hidden text has none. Some write two stars, as elsewhere. */
const MARKS: Readonly<Record<string, string>> = {
  '*': '**',
  '**': '**',
  _: '*',
  '~': '~~',
  __: '',
  '||': '',
};

/** Telegram's MarkdownV2, and its older Markdown, as Markdown: an escaped character stands for itself. */
export function markdownOfV2(text: string): string {
  return text.replace(PIECE, (piece, escaped: string | undefined) => {
    if (escaped !== undefined) return escaped;
    return MARKS[piece] ?? piece;
  });
}
