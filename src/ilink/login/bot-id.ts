import { createHash } from 'node:crypto';

/** The bot of a token: what is before its last colon if it ends in `@im.bot`, else `token-` and 8 hex of its sha256. */
export function botIdOfToken(token: string): string {
  const prefix = token.slice(0, Math.max(token.lastIndexOf(':'), 0));
  if (prefix.endsWith('@im.bot')) return prefix;
  return `token-${createHash('sha256').update(token, 'utf8').digest('hex').slice(0, 8)}`;
}
