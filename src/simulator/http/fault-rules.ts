import { validateHeaderName, validateHeaderValue } from 'node:http';
import { WxError } from '../../core/errors.ts';
import { isObject } from '../../core/object.ts';
import {
  ENCODINGS,
  ENDPOINTS,
  type Endpoint,
  type FaultInput,
  type FaultRule,
  GARBAGE,
  KINDS,
} from '../world/fault-kinds.ts';
import { count, type World } from '../world/world.ts';

/** Checks a fault from outside; throws `usage`. */
export function readFault(input: unknown): FaultInput {
  if (!isObject(input)) throw new WxError('usage', 'a fault is an object');
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
  if (input.kind === 'answer' && !isObject(input.body))
    throw new WxError('usage', 'answer: needs a body, an object');
  return input as unknown as FaultInput;
}

function areHeaders(value: unknown): boolean {
  if (!isObject(value)) return false;
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
