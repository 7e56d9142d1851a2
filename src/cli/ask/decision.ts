import { isObject } from '../../core/object.ts';
import type { HookInput, HookProgram } from './hook-input.ts';

/** What the user has decided about a tool; `unasked`: they could not be asked, or have not answered. */
export type Decision = 'allow' | 'deny' | 'unasked';

const ALLOWED = 'Allowed by the user in WeChat.';
const DENIED = 'Denied by the user in WeChat.';
const UNASKED = 'The user could not be asked in WeChat, or has not answered in time.';

/** Modes of Claude Code in which nobody is asked in the terminal: there, `ask` would be an allow. */
const MODES_WITHOUT_A_DIALOG = new Set(['auto', 'bypassPermissions', 'dontAsk']);
/** Tools of Claude Code whose permission only counts with their input. */
const TOOLS_WITH_INPUT = new Set(['AskUserQuestion', 'ExitPlanMode']);

/** A decision in the form of the program; null: nothing is written. `input` replaces the input of the tool. */
export function decisionOf(
  program: HookProgram,
  hook: Pick<HookInput, 'event' | 'mode' | 'tool' | 'toolInput'>,
  decision: Decision,
  input: object | null = null,
): object | null {
  if (hook.event === 'PreToolUse') return beforeTool(program, hook, decision);
  if (decision === 'unasked') return null;
  if (decision === 'deny') return specific(hook, { decision: { behavior: 'deny', message: DENIED } });
  const needsInput = program === 'claude' && TOOLS_WITH_INPUT.has(hook.tool) && isObject(hook.toolInput);
  const updated = input ?? (needsInput ? (hook.toolInput as object) : null);
  return specific(hook, { decision: { behavior: 'allow', ...(updated && { updatedInput: updated }) } });
}

function beforeTool(
  program: HookProgram,
  hook: Pick<HookInput, 'event' | 'mode'>,
  decision: Decision,
): object | null {
  const of = (permissionDecision: string, permissionDecisionReason: string) =>
    specific(hook, { permissionDecision, permissionDecisionReason });
  if (decision === 'deny') return of('deny', DENIED);
  if (program === 'codex') {
    // Codex takes neither `allow` nor `ask` here, and goes on where it should ask: so only a yes is silence.
    return decision === 'allow' ? null : of('deny', UNASKED);
  }
  if (decision === 'allow') return of('allow', ALLOWED);
  return of(MODES_WITHOUT_A_DIALOG.has(hook.mode ?? '') ? 'deny' : 'ask', UNASKED);
}

function specific({ event }: Pick<HookInput, 'event'>, fields: object): object {
  return { hookSpecificOutput: { hookEventName: event, ...fields } };
}
