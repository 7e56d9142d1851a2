/** What text of a tool call is shown of, when it is long: its beginning and its end. */
const LIMIT_CHARS = 1_200;

/** What stands in place of a secret. */
const MASK = '•••';

/** Values that are secrets by what stands before them, and by how they begin themselves. */
const SECRETS: readonly [RegExp, string][] = [
  [
    /-----BEGIN [A-Z ]*PRIVATE KEY-----[\s\S]*?(?:-----END [A-Z ]*PRIVATE KEY-----|$)/g,
    `-----PRIVATE KEY ${MASK}`,
  ],
  [/(\bauthorization["']?\s*[:=]\s*["']?(?:bearer|basic|token)?\s*)[^\s"']{6,}/gi, `$1${MASK}`],
  [/(\bbearer\s+)[\w.~+/=-]{12,}/gi, `$1${MASK}`],
  [
    /((?<![a-z])(?:[\w-]*(?:api|access|secret|private|auth)[_-]?key|[\w-]*(?:secret|token|passwd|password|passphrase|pwd))["']?\s*[:=]\s*["']?)[^\s"'&,;)]{4,}/gi,
    `$1${MASK}`,
  ],
  [/(--(?:[\w-]*(?:password|passphrase|token|secret|api-key)))(?:[ =]+)(?!-)[^\s]{4,}/gi, `$1 ${MASK}`],
  [/(\s(?:-u|--user)[ =]+["']?[^\s:"']+:)(?!\d+\b)[^\s"']+/g, `$1${MASK}`],
  [/(:\/\/[^\s/:@]+:)[^\s/@]+@/g, `$1${MASK}@`],
  [
    /\b(sk-|gh[opsur]_|github_pat_|glpat-|xox[abeprs]-|AKIA|ASIA|AIza|hf_|npm_|whsec_|SG\.)[\w.-]{10,}/g,
    `$1${MASK}`,
  ],
];

/** Characters that steer what is shown, or have no look: somebody who approves has to see that they are there. */
const HIDDEN =
  /(?![\n\t])[\p{Cc}\p{Zl}\p{Zp}\u00ad\u061c\u180e\u200b-\u200f\u202a-\u202e\u2060-\u2069\ufeff]/gu;

/** A text of a tool call for the phone: without secrets, without hidden characters, and of bounded length. */
export function shown(text: string, limit = LIMIT_CHARS): string {
  const whole = text.length <= 4 * limit ? masked(text) : null;
  if (whole !== null && whole.length <= limit) return visible(whole);
  // Of megabytes only the ends are looked through, somewhat further than they are shown.
  const head = (whole ?? masked(text.slice(0, 2 * limit))).slice(0, Math.ceil((limit * 2) / 3));
  const tail = (whole ?? masked(text.slice(-2 * limit))).slice(-Math.floor(limit / 3));
  const hidden = (whole ?? text).length - head.length - tail.length;
  return visible(`${head.toWellFormed()}\n⚠️ […${hidden}…]\n${tail.toWellFormed()}`);
}

function masked(text: string): string {
  return SECRETS.reduce((rest, [secret, mask]) => rest.replace(secret, mask), text);
}

function visible(text: string): string {
  return text.replace(HIDDEN, (one) => `\\u{${one.codePointAt(0)?.toString(16)}}`);
}
