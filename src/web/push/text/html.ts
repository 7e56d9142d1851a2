/** The marks of Markdown for the elements that a bot of Telegram may use; others lose their tags. */
const MARKS: Readonly<Record<string, string>> = {
  ...{ b: '**', strong: '**', i: '*', em: '*', code: '`', s: '~~', strike: '~~', del: '~~' },
};

const ENTITIES: Readonly<Record<string, string>> = {
  lt: '<',
  gt: '>',
  amp: '&',
  quot: '"',
  apos: "'",
  nbsp: ' ',
};

/** HTML, as far as chats use it, as Markdown. What is no tag stays. */
export function markdownOfHtml(html: string): string {
  /** Addresses of links that are open. */
  const links: (string | null)[] = [];
  let inPre = false;
  return html.replace(
    /<(\/?)([a-z][\w-]*)((?:"[^"<>]*"|'[^'<>]*'|[^"'<>])*)>|&(#?\w{1,10});/gi,
    (whole, ...found) => {
      const [slash, tag, attributes, entity] = found as (string | undefined)[];
      if (entity !== undefined) return decoded(entity) ?? whole;
      const name = (tag ?? '').toLowerCase();
      const isEnd = slash === '/';
      if (name === 'br' || name === 'p') return isEnd || name === 'br' ? '\n' : '';
      if (name === 'pre') {
        inPre = !isEnd;
        return isEnd ? '\n```' : '```\n';
      }
      if (name === 'a') return isEnd ? endOfLink(links.pop() ?? null) : startOfLink(attributes ?? '', links);
      // Code inside `pre` says the language.
      if (inPre && name === 'code') return '';
      return Object.hasOwn(MARKS, name) ? (MARKS[name] ?? '') : '';
    },
  );
}

function startOfLink(attributes: string, open: (string | null)[]): string {
  const [, double, single] = /\bhref\s*=\s*(?:"([^"]*)"|'([^']*)')/i.exec(attributes) ?? [];
  const address = double ?? single ?? null;
  open.push(
    address === null
      ? null
      : address.replace(/&(#?\w{1,10});/g, (whole, name: string) => decoded(name) ?? whole),
  );
  return address === null ? '' : '[';
}

function endOfLink(address: string | null): string {
  return address === null ? '' : `](${address})`;
}

function decoded(entity: string): string | null {
  if (!entity.startsWith('#')) return ENTITIES[entity.toLowerCase()] ?? null;
  const code = /^#x/i.test(entity) ? Number.parseInt(entity.slice(2), 16) : Number(entity.slice(1));
  return Number.isInteger(code) && code > 0 && code <= 0x10ffff ? String.fromCodePoint(code) : null;
}
