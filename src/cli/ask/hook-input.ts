import { basename } from 'node:path';
import { reasonOf, WxError } from '../../core/errors.ts';
import { isObject } from '../../core/object.ts';
import { withoutBom } from '../../core/strip.ts';

/** The programs whose hooks are understood. */
export type HookProgram = 'claude' | 'codex';

export interface HookInput {
  /** The event, as the program names it; `notify` is the command of Codex' `notify`. */
  event: string;
  /** Name of the folder that the program works in; null: unknown. */
  project: string | null;
  /** `bypassPermissions` and the like; null: unknown. */
  mode: string | null;
  tool: string;
  toolInput: unknown;
  /** Of a notification. */
  message: string;
  /** What the program said last. */
  lastMessage: string;
}

/** Reads what a program tells its hook. Throws WxError `data` for what is no hook input. */
export function readHookInput(json: string): HookInput {
  const hint = 'docs/recipes.md shows the settings of a hook';
  let input: unknown;
  try {
    input = JSON.parse(withoutBom(json));
  } catch (error) {
    throw new WxError('data', `the input of the hook is not JSON: ${reasonOf(error)}`, { hint });
  }
  if (!isObject(input)) throw new WxError('data', 'the input of the hook is not a JSON object', { hint });
  const text = (...names: string[]): string => {
    const value = names.map((name) => input[name]).find((one) => typeof one === 'string');
    return typeof value === 'string' ? value : '';
  };
  const event = input.type === 'agent-turn-complete' ? 'notify' : text('hook_event_name');
  if (event === '') throw new WxError('data', 'the input of the hook names no event', { hint });
  const cwd = text('cwd');
  return {
    event,
    // Programs of Windows have hooks, too.
    project: basename(cwd.replaceAll('\\', '/')) || null,
    mode: text('permission_mode') || null,
    tool: text('tool_name'),
    toolInput: input.tool_input,
    message: text('message'),
    lastMessage: text('last_assistant_message', 'last-assistant-message'),
  };
}
