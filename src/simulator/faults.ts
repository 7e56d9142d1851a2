import { validateHeaderName, validateHeaderValue } from 'node:http';
import { WxError } from '../core/errors.ts';
import { isRecord } from './reading.ts';
import { count, type World } from './world.ts';

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

const KINDS = [
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
const ENCODINGS = ['gzip', 'deflate', 'br'] as const;
const GARBAGE = ['html', 'half-json', 'big', 'empty'] as const;

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

/** Checks a fault from outside; throws `usage`. */
export function readFault(input: unknown): FaultInput {
  if (!isRecord(input)) throw new WxError('usage', 'a fault is an object');
  expectWord(input, 'endpoint', ['*', ...ENDPOINTS]);
  expectWord(input, 'kind', KINDS);
  for (const name of ['count', 'skip', 'afterMs', 'bytes']) {
    const value = input[name] ?? 0;
    if (!Number.isSafeInteger(value) || Number(value) < 0)
      throw new WxError('usage', `${name}: a whole number`);
  }
  const { probability = 1, status } = input;
  if (typeof probability !== 'number' || !(probability >= 0 && probability <= 1)) {
    throw new WxError('usage', 'probability: from 0 to 1');
  }
  if (
    input.kind === 'status' &&
    !(Number.isInteger(status) && Number(status) >= 200 && Number(status) <= 599)
  ) {
    throw new WxError('usage', 'status: from 200 to 599');
  }
  if (input.headers !== undefined && !areHeaders(input.headers))
    throw new WxError('usage', 'headers: an object of names and texts that HTTP allows');
  if (input.kind === 'length' && input.bytes === undefined) throw new WxError('usage', 'length: needs bytes');
  if (input.kind === 'encoded') expectWord(input, 'encoding', ENCODINGS);
  if (input.kind === 'garbage') expectWord(input, 'garbage', GARBAGE);
  if (input.kind === 'answer' && !isRecord(input.body))
    throw new WxError('usage', 'answer: needs a body, an object');
  return input as unknown as FaultInput;
}

function areHeaders(value: unknown): boolean {
  if (!isRecord(value)) return false;
  try {
    for (const [name, text] of Object.entries(value)) {
      validateHeaderName(name);
      validateHeaderValue(name, text as string);
    }
    return true;
  } catch {
    return false;
  }
}

function expectWord(input: Record<string, unknown>, name: string, words: readonly string[]): void {
  if (words.includes(input[name] as string)) return;
  throw new WxError('usage', `${name}: one of ${words.join(', ')}; not ${JSON.stringify(input[name])}`);
}

/** The fault that strikes this request, if any; it is used up by that. */
export function takeFault(world: World, endpoint: Endpoint): FaultRule | null {
  for (const rule of world.faults) {
    if (rule.endpoint !== '*' && rule.endpoint !== endpoint) continue;
    if (rule.passed < (rule.skip ?? 0)) {
      rule.passed += 1;
      continue;
    }
    if (rule.count !== undefined && rule.struck >= rule.count) continue;
    if (world.rollFault() >= (rule.probability ?? 1) * 2 ** 32) continue;
    rule.struck += 1;
    count(world, 'faults');
    return rule;
  }
  return null;
}
