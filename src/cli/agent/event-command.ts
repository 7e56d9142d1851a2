import { definedOnly } from '../../agents/child/environment.ts';
import { documentOf, type RunnerEvent } from '../../runner/port/events.ts';
import type { CommandContext } from '../port/context.ts';
import { killGraceOf } from './child.ts';

/** Longest that the command of an event may take. */
export const EVENT_COMMAND_MS = 60_000;

/** Runs a command for an event, whose JSON is on its stdin, with `args` behind it. Returns what went wrong, or null. */
export async function runEventCommand(
  context: CommandContext,
  { command, args = [] }: { command: string; args?: readonly string[] },
  event: RunnerEvent,
  signal: AbortSignal,
): Promise<string | null> {
  const { failureOf, runThroughShortages, runProcess } = await import('../../agents/child/run-process.ts');
  const run = () =>
    runProcess({
      command: { shell: command, args },
      cwd: context.cwd,
      env: definedOnly(context.environment.all),
      stdin: Buffer.from(`${JSON.stringify(documentOf(event))}\n`),
      timeoutMs: EVENT_COMMAND_MS,
      killGraceMs: killGraceOf(context),
      maxStdoutBytes: null,
      signal,
    });
  return failureOf(await runThroughShortages(run, signal), EVENT_COMMAND_MS);
}
