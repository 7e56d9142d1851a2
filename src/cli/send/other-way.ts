import { mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { definedOnly } from '../../agents/child/environment.ts';
import { reasonOf } from '../../core/errors.ts';
import type { OtherWay } from '../../runner/fallbacks.ts';
import { documentOf } from '../../runner/port/events.ts';
import { deafSentence } from '../../views/account.ts';
import { killGraceOf } from '../agent/child.ts';
import type { CommandContext } from '../command/context.ts';

/** Longest that a command may take. */
const TIMEOUT_MS = 60_000;
/** How long its pipe is read after its end, when something else keeps it open. */
const DRAIN_MS = 500;
/** For so long no other process takes what a command was started for: longer than the command can take. */
export const COMMAND_LEASE_MS = 3 * TIMEOUT_MS;

/** Runs a command, or the `general` one, with the JSON of a message on stdin, and with the path of a file that has its text as argument. */
export function createOtherWay(context: CommandContext, general: string | null): OtherWay {
  const { cwd, environment } = context;
  return async (event, signal, own) => {
    const command = own ?? general;
    if (command === null) return 'there is no command';
    const { failureOf, runThroughShortages, runProcess } = await import('../../agents/child/process.ts');
    let folder: string | null = null;
    try {
      folder = await mkdtemp(join(tmpdir(), 'wxagent-undelivered-'));
      const path = join(folder, 'text.txt');
      await writeFile(path, event.about === 'message' ? event.text : context.translate(deafSentence(event)), {
        mode: 0o600,
      });
      const end = await runThroughShortages(
        () =>
          runProcess({
            command: { shell: command, args: [path] },
            cwd,
            env: definedOnly(environment.all),
            stdin: Buffer.from(`${JSON.stringify(documentOf(event))}\n`),
            timeoutMs: TIMEOUT_MS,
            killGraceMs: killGraceOf(context),
            drainMs: DRAIN_MS,
            maxStdoutBytes: null,
            signal,
          }),
        signal,
      );
      return failureOf(end, TIMEOUT_MS);
    } catch (error) {
      return reasonOf(error);
    } finally {
      if (folder !== null) await rm(folder, { recursive: true, force: true }).catch(() => {});
    }
  };
}
