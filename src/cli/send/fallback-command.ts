import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { reasonOf } from '../../core/errors.ts';
import type { FallbackCommand } from '../../runner/run-fallbacks.ts';
import { EVENT_COMMAND_MS, runEventCommand } from '../agent/event-command.ts';
import type { CommandContext } from '../port/context.ts';
import { deafSentence } from '../terminal/deaf-sentence.ts';

/** For so long no other process takes what a command was started for: longer than the command can take. */
export const COMMAND_LEASE_MS = 3 * EVENT_COMMAND_MS;

/** Runs a command, or the `general` one, with the JSON of a message on stdin, and with the path of a file that has its text as argument. */
export function createFallbackCommand(context: CommandContext, general: string | null): FallbackCommand {
  return async (event, signal, own) => {
    const command = own ?? general;
    if (command === null) return 'there is no command';
    let folder: string | null = null;
    try {
      folder = await mkdtemp(join(tmpdir(), 'wxagent-undelivered-'));
      const path = join(folder, 'text.txt');
      await writeFile(path, event.about === 'message' ? event.text : context.translate(deafSentence(event)), {
        mode: 0o600,
      });
      return await runEventCommand(context, { command, args: [path] }, event, signal);
    } catch (error) {
      return reasonOf(error);
    } finally {
      if (folder !== null) await rm(folder, { recursive: true, force: true }).catch(() => {});
    }
  };
}
