import { setTimeout as delay } from 'node:timers/promises';
import { reasonOf, WxError } from '../../core/errors.ts';
import { isObject } from '../../core/object.ts';
import { withoutBom } from '../../core/strip.ts';
import { LONGEST_TIMER_MS } from '../world/world.ts';
import { CALLS } from './calls.ts';
import type { SimulatorControl } from './control.ts';

/** One line of a script: a control, and how long after the line before it runs. */
export interface ScriptStep {
  line: number;
  afterMs: number;
  call: string;
  body: Record<string, unknown>;
}

/** Reads `{"afterMs":500,"call":"message","body":{"text":"hi"}}` line by line; throws `usage` and names the line. */
export function parseScript(text: string): ScriptStep[] {
  return withoutBom(text)
    .split('\n')
    .flatMap((source, index) => (source.trim() === '' ? [] : [readStep(source, index + 1)]));
}

function readStep(source: string, line: number): ScriptStep {
  let step: unknown;
  try {
    step = JSON.parse(source);
  } catch {
    throw new WxError('usage', `script line ${line} is no JSON`);
  }
  if (!isObject(step)) throw new WxError('usage', `script line ${line} is no object`);
  const { call } = step;
  const afterMs = step.afterMs ?? 0;
  const body = step.body ?? {};
  if (typeof call !== 'string' || !Object.hasOwn(CALLS, call)) {
    throw new WxError('usage', `script line ${line}: no control ${JSON.stringify(call)}`, {
      hint: `controls: ${Object.keys(CALLS).join(', ')}`,
    });
  }
  if (!Number.isSafeInteger(afterMs) || Number(afterMs) < 0) {
    throw new WxError('usage', `script line ${line}: afterMs is a whole number from 0`);
  }
  if (!isObject(body)) throw new WxError('usage', `script line ${line}: body is an object`);
  return { line, afterMs: Number(afterMs), call, body };
}

/** Runs a script to its end or until the signal; rejects at the first call that fails, naming its line. */
export async function runScript(
  control: SimulatorControl,
  steps: ScriptStep[],
  signal: AbortSignal,
): Promise<void> {
  for (const { line, afterMs, call, body } of steps) {
    if (afterMs > 0) await delay(Math.min(afterMs, LONGEST_TIMER_MS), undefined, { signal }).catch(() => {});
    if (signal.aborted) return;
    try {
      await CALLS[call]?.(control, body);
    } catch (thrown) {
      throw new WxError('data', `script line ${line}, ${call}: ${reasonOf(thrown)}`, { cause: thrown });
    }
  }
}
