import { WxError } from '../../core/errors.ts';

/** Every switch of the simulator, also while it runs; a message keeps the form in which it was written. */
export interface Settings {
  /** `destructive`: a message is gone once it is in a response. `replay`: an old cursor gives out again all that came after it. */
  mode: 'destructive' | 'replay';
  /** Whether a repeated `client_id` is answered with the first message's id and shown once (protocol 4.3). */
  dedupe: boolean;
  /** How long a poll is held while nothing happens; also the hint `longpolling_timeout_ms`. */
  holdMs: number;
  /** A poll held this long ends with HTTP 524, as on some gateways (protocol 3.3); null never. */
  gatewayTimeoutMs: number | null;
  /** How far the `Date` header of answers is from the real time; null: there is none. */
  dateOffsetMs: number | null;
  /** At most this many messages in one response. */
  maxMessagesPerPoll: number;

  /**
   * `guide` speaks the public guide's login and answers the official one with 404 (protocol 2.3). `get-404`, `get-405`:
   * the QR code is to be had by GET only, and POST is answered so (protocol 15a).
   */
  loginShape: 'official' | 'guide' | 'get-404' | 'get-405';
  /** `auto`: every QR scans itself after `scanDelayMs`. */
  scan: 'auto' | 'manual';
  scanDelayMs: number;
  /** How long a QR lives on the simulator's clock (protocol 2.1). */
  qrLifetimeMs: number;
  /** Answer -3 to a `local_token_list` with a token that is not live (protocol 2.1). */
  rejectUnknownTokens: boolean;
  /** Answer `binded_redirect` when the list holds a live token of the user who scans (protocol 2.2). */
  bindedRedirect: boolean;
  /** Digits the phone shows after a scan and the client must send; null asks for none. */
  verifyCode: string | null;
  /** Wrong codes before `verify_code_blocked`. */
  verifyTries: number;
  /** Host named once with `scaned_but_redirect` after a scan; null redirects nobody. */
  redirectHost: string | null;
  /** `baseurl` of `confirmed`: this server, or left out. */
  confirmedBaseUrl: 'own' | 'absent';
  /** The user who scans and writes when nobody is named; empty: one is made from the seed. */
  owner: string;
  /** Whether users other than a bot's owner may write to it. */
  strangers: boolean;
  /** A bot without a message for longer falls asleep, on the simulator's clock: -14 until `notifystart` and a poll (protocol 15a). */
  loginIdleMs: number | null;
  /** Which poll wakes a bot that has fallen asleep: any, or only one without a cursor. */
  loginWakes: 'any-poll' | 'new-cursor';
  /** Longer after `notifystart` sends are answered -2, until `notifystop` and another `notifystart` (protocol 15a). */
  sessionMs: number | null;

  /** How ids look: `number` as captured (bare `message_id`, quoted `msg_id` and `svr_id`), all bare, all quoted, or no id at all. */
  ids: 'number' | 'all-numbers' | 'string' | 'missing';
  /** `snowflake`: ids hold the time, as captured. `dense`: the next id is so near that a double cannot tell the two apart. */
  idSteps: 'snowflake' | 'dense';
  /** `msg_id` of items: `v1:` and another number as captured, the digits of `message_id`, or left out (protocol 15a). */
  itemIds: 'v1' | 'digits' | 'missing';
  /** `create_time_ms`: exact, rounded down to the second, or left out. */
  createTime: 'ms' | 'seconds' | 'missing';
  /** Whether successful answers of `getupdates` say `ret: 0`. */
  updatesRet: 'absent' | 'zero';
  /** Answer `getupdates` with an empty cursor. */
  emptyCursor: boolean;
  /** Hand every message out twice: under the same id, a new one, or none. */
  duplicate: 'off' | 'same-id' | 'new-id' | 'no-id';
  /** How long after the first the duplicate is there. */
  duplicateAfterMs: number;

  /** Body of a successful `sendmessage` (protocol 1.5): `{"message_id":7}`, the same with `"ret":0`, that quoted, `{"ret":0}`, `{}`, nothing. */
  sendAnswer: 'number' | 'ret-number' | 'string' | 'ret' | 'object' | 'empty';
  /** Whether a `context_token` is looked at: not, must be there, must be one issued to this user (protocol 9.3). */
  contextCheck: 'off' | 'present' | 'valid';
  /** Bot messages per user message; 0 is no limit (protocol 9.2). */
  quota: number;
  /** How long after the user's last message the bot may write; 0 is no limit. */
  windowMs: number;
  /** What quota and window answer: -2 with or without `errmsg`, or success and nothing shown. */
  limitAnswer: 'prepare-failed' | 'no-errmsg' | 'drop';
  /** Sends of one bot allowed within `burstWithinMs`; 0 switches the burst rule off (protocol 9.2). */
  burstLimit: number;
  burstWithinMs: number;
  /** How long a burst is punished; every attempt meanwhile starts it again. */
  burstPenaltyMs: number;
  /** Longest text in UTF-8 bytes (protocol 9.1). */
  maxTextBytes: number;

  /** Which upload address `getuploadurl` names (protocol 5.1). */
  uploadAnswer: 'both' | 'full-url' | 'param';
  /** An upload of the wrong size, key or md5: HTTP 400, or accepted and shown as a grey placeholder. */
  uploadChecks: 'refuse' | 'grey';
  /** A file sent twice by a user comes as the first blob with a second key (protocol 5.3). */
  staleBlobs: boolean;
  /** `media.aes_key` of what users send: base64 of 32 hex characters, or of the 16 bytes. */
  mediaKey: 'hex' | 'raw';
  /** Whether what users send carries `full_url`. */
  fullUrl: boolean;
  /** Whether the CDN honours `Range`. */
  ranges: boolean;

  /** Transcript entries kept; 0 records none (long runs, benchmarks). */
  transcriptLimit: number;
  /** Requests kept for `/_sim/requests`. */
  requestLimit: number;
}

interface Field<T> {
  initial: T;
  /** What is accepted, in words. */
  accepts: string;
  allows(value: unknown): boolean;
}

const oneOf = <const T extends readonly string[]>(...words: T): Field<T[number]> => ({
  initial: words[0] as T[number],
  accepts: words.join(', '),
  allows: (value) => words.includes(value as string),
});
const flag = (initial: boolean): Field<boolean> => ({
  initial,
  accepts: 'true or false',
  allows: (value) => typeof value === 'boolean',
});
const whole = (initial: number, least = 0): Field<number> => ({
  initial,
  accepts: `a whole number from ${least}`,
  allows: (value) => Number.isSafeInteger(value) && (value as number) >= least,
});
/** A century: further away a `Date` has no words. */
const LONGEST_OFFSET_MS = 3_153_600_000_000;
const text = (initial: string): Field<string> => ({
  initial,
  accepts: 'text',
  allows: (value) => typeof value === 'string',
});
const optional = <T>(field: Field<T>): Field<T | null> => ({
  initial: null,
  accepts: `${field.accepts}, or null`,
  allows: (value) => value === null || field.allows(value),
});

const FIELDS: { [K in keyof Settings]: Field<Settings[K]> } = {
  mode: oneOf('destructive', 'replay'),
  dedupe: flag(true),
  holdMs: whole(35_000),
  gatewayTimeoutMs: optional(whole(0)),
  dateOffsetMs: { ...optional(whole(0, -LONGEST_OFFSET_MS)), initial: 0 },
  maxMessagesPerPoll: whole(100, 1),
  loginShape: oneOf('official', 'guide', 'get-404', 'get-405'),
  scan: oneOf('auto', 'manual'),
  scanDelayMs: whole(1_000),
  qrLifetimeMs: whole(120_000),
  rejectUnknownTokens: flag(false),
  bindedRedirect: flag(true),
  verifyCode: optional(text('')),
  verifyTries: whole(3, 1),
  redirectHost: optional(text('')),
  confirmedBaseUrl: oneOf('own', 'absent'),
  owner: text(''),
  strangers: flag(false),
  loginIdleMs: optional(whole(0)),
  loginWakes: oneOf('any-poll', 'new-cursor'),
  sessionMs: optional(whole(0)),
  ids: oneOf('number', 'all-numbers', 'string', 'missing'),
  idSteps: oneOf('snowflake', 'dense'),
  itemIds: oneOf('v1', 'digits', 'missing'),
  createTime: oneOf('ms', 'seconds', 'missing'),
  updatesRet: oneOf('absent', 'zero'),
  emptyCursor: flag(false),
  duplicate: oneOf('off', 'same-id', 'new-id', 'no-id'),
  duplicateAfterMs: whole(0),
  sendAnswer: oneOf('number', 'ret-number', 'string', 'ret', 'object', 'empty'),
  contextCheck: oneOf('off', 'present', 'valid'),
  quota: whole(10),
  windowMs: whole(86_400_000),
  limitAnswer: oneOf('prepare-failed', 'no-errmsg', 'drop'),
  burstLimit: whole(2),
  burstWithinMs: whole(1_000),
  burstPenaltyMs: whole(300_000),
  maxTextBytes: whole(16_384),
  uploadAnswer: oneOf('both', 'full-url', 'param'),
  uploadChecks: oneOf('refuse', 'grey'),
  staleBlobs: flag(false),
  mediaKey: oneOf('hex', 'raw'),
  fullUrl: flag(true),
  ranges: flag(true),
  transcriptLimit: whole(10_000),
  requestLimit: whole(200),
};

const names = Object.keys(FIELDS) as (keyof Settings)[];

/** The settings of a simulator that was told nothing. */
export function defaultSettings(): Settings {
  return Object.fromEntries(names.map((name) => [name, FIELDS[name].initial])) as unknown as Settings;
}

/** Changes the named settings, all or none; throws `usage` for a name or value that does not exist. */
export function changeSettings(settings: Settings, patch: object): void {
  const changes = Object.entries(patch).filter(([, value]) => value !== undefined);
  for (const [name, value] of changes) {
    if (!Object.hasOwn(FIELDS, name)) {
      throw new WxError('usage', `the simulator has no setting "${name}"`, {
        hint: `it has: ${names.join(', ')}`,
      });
    }
    const field = FIELDS[name as keyof Settings];
    if (!field.allows(value)) {
      throw new WxError('usage', `${name}: ${field.accepts}; not ${JSON.stringify(value)}`);
    }
  }
  Object.assign(settings, Object.fromEntries(changes));
}
