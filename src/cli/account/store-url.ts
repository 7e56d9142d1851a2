export type StoreForm = 'server' | 'path' | 'other';

/** A password that stands where none is shown. */
const HIDDEN = '***';

/** What is meant: a server, the path of a file, or something that is neither. */
export function formOfStore(text: string): StoreForm {
  if (/^postgres(?:ql)?:/i.test(text)) return 'server';
  // A word alone is a slip of the pen; and libpq has a form with blanks, which has the password in it.
  if (/^(?:postgres(?:ql)?|sqlite3?|mysql)$|(?:^|\s)(?:host|hostaddr|user|password|dbname)\s*=/i.test(text))
    return 'other';
  // The letter of a drive is no scheme. Beside it, a colon or an "@" is a piece of a URL sooner than one of a path.
  const rest = text.replace(/^[a-z]:(?=[\\/])/i, '');
  return /^['"`]|^[a-z][\w+.-]*:|:\/\/|:[^/\\]*@|^\/\/[^/]*@/i.test(rest) ? 'other' : 'path';
}

/** What names a store, for people: without the password of a URL, however that is written. */
export function shownStore(text: string): string {
  if (formOfStore(text) === 'path') return text;
  const [, quote = '', scheme = ''] = /^(['"`]?)([a-z][\w+.-]*:\/\/)/i.exec(text.trim()) ?? [];
  if (scheme === '') return HIDDEN;
  const rest = text.slice(text.indexOf(scheme) + scheme.length).replace(/['"`\s]+$/, '');
  const at = rest.lastIndexOf('@');
  // Without an "@", what looks like a host with its port may be a user with their password.
  const shown = (what: string): string => `${quote}${scheme}${what}${quote}`;
  if (at < 0) return shown(/^[\w.-]*(?::\d{1,5})?(?:[/?]|$)/.test(rest) ? masked(rest) : HIDDEN);
  const [user = '', ...password] = rest.slice(0, at).split(':');
  const login = password.length > 0 ? `${user}:${HIDDEN}` : user;
  return shown(`${login}@${masked(rest.slice(at + 1))}`);
}

function masked(rest: string): string {
  return rest.replace(/([?&][^=&]*(?:pass|pwd|secret|token|key)[^=&]*=)[^&#]*/gi, `$1${HIDDEN}`);
}
