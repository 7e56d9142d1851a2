import type { Agent } from '../../agents/port/port.ts';
import { eventOf, type Turn } from '../../core/message/message.ts';
import { DEFAULT_RUNNER_OPTIONS } from '../../runner/port/options.ts';
import { chooseAccount, withOwner } from '../account/choose-account.ts';
import type { CommandContext } from '../port/context.ts';
import { createFallbackCommand } from '../send/fallback-command.ts';
import { sanitized } from '../terminal/printer.ts';
import { createEventLog } from './print-events.ts';
import { serveAccounts } from './serve-accounts.ts';

/** `wxagent listen`: writes every message to stdout, and answers nothing. */
export async function listen(context: CommandContext): Promise<number> {
  const { once, maxMessages, exitIdle, allow, allowAll, maxMedia } = context.settings;
  const settings = {
    ...DEFAULT_RUNNER_OPTIONS,
    // One line after the other, in the order of arrival.
    concurrency: 1,
    language: context.language,
    typing: false,
    commands: false,
    once,
    maxMessages,
    exitIdleMs: exitIdle,
    allow: allowAll ? ('all' as const) : new Set(allow),
  };
  return serveAccounts(
    context,
    {
      makeAgent: () => writer(context),
      settings,
      keepFiles: false,
      // A line may be read long after it was written.
      received: { maxBytes: maxMedia, stt: null, sttAlways: false, place: 'cache' },
      emit: createEventLog({ ...context, json: false }),
      undelivered: { tell: createFallbackCommand(context, null), withinMs: null },
      watchLogins: false,
      waitLogin: context.settings.waitLogin,
    },
    withOwner(context, [chooseAccount(context)]),
  );
}

/** An agent that writes the message down: done when its line is written. */
function writer(context: CommandContext): Agent {
  return {
    name: 'listen',
    async answer(turn) {
      if (context.json) context.io.out(`${JSON.stringify(eventOf(turn))}\n`);
      else context.io.out(lineOf(turn));
      return { kind: 'silent' };
    },
  };
}

/** `time<TAB>user<TAB>kind<TAB>text`, with newlines, tabs and backslashes of the text escaped. */
function lineOf(turn: Turn): string {
  const cells = [new Date(turn.timeMs).toISOString(), turn.user, turn.kind, turn.text];
  return `${cells.map((cell) => sanitized(escaped(cell))).join('\t')}\n`;
}

function escaped(text: string): string {
  return text.replaceAll('\\', '\\\\').replaceAll('\n', '\\n').replaceAll('\t', '\\t');
}
