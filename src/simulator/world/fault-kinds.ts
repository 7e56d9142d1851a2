/** Every endpoint a fault, a request or a figure can name. */
export const ENDPOINTS = [
  'get_bot_qrcode',
  'get_qrcode_status',
  'getupdates',
  'sendmessage',
  'getuploadurl',
  'getconfig',
  'sendtyping',
  'notifystart',
  'notifystop',
  'upload',
  'download',
] as const;
export type Endpoint = (typeof ENDPOINTS)[number];

/** What can go wrong. */
export const KINDS = [
  'status',
  'reset',
  'cut',
  'length',
  'endless',
  'garbage',
  'delay',
  'hang',
  'answer',
  'encoded',
  'bom',
  'drop',
] as const;
/** Encodings of `encoded`. */
export const ENCODINGS = ['gzip', 'deflate', 'br'] as const;
/** What stands in place of an answer for `garbage`. */
export const GARBAGE = ['html', 'half-json', 'big', 'empty'] as const;

/** Something that is to go wrong. */
export interface FaultInput {
  /** `*` is every endpoint. */
  endpoint: Endpoint | '*';
  /**
   * `status`: that HTTP status. `reset`: the connection is reset. `cut`: the true answer up to `bytes` (half of
   * it), then the end of the connection. `length`: the true answer, said to be of `bytes`. `endless`: the true answer
   * over and over, of no said length, up to `bytes` (for ever). `garbage`: HTTP 200 with something else. `delay`: only `afterMs`. `hang`: no answer at all.
   * `answer`: this JSON. `encoded`: the true answer in an `encoding`, asked for or not. `bom`: the true answer after a
   * byte order mark. `drop`: `sendmessage` is accepted and nothing shown.
   */
  kind: (typeof KINDS)[number];
  /** How often; unlimited when absent. */
  count?: number;
  /** How likely each time, 0 to 1, rolled with the seed; 1 when absent. */
  probability?: number;
  /** Requests to let pass before. */
  skip?: number;
  /** Real milliseconds before it strikes. */
  afterMs?: number;
  /** Whether the request takes effect all the same: the answer is lost, not the request. What shows the true answer implies it. */
  processed?: boolean;
  /** For `cut`, `length`, `endless`. */
  bytes?: number;
  /** For `status`. */
  status?: number;
  /** For `status`: additional response headers. */
  headers?: Record<string, string>;
  /** For `answer` an object, for `status` a text or an object. */
  body?: unknown;
  /** For `encoded`. */
  encoding?: (typeof ENCODINGS)[number];
  /** For `garbage`; `big` is 10 MiB. */
  garbage?: (typeof GARBAGE)[number];
}

/** A fault with its number and how often it has struck. */
export interface FaultRule extends FaultInput {
  id: number;
  struck: number;
  passed: number;
}
