import { WxError } from '../core/errors.ts';
import { documentOf, type EventSink, type RunnerEvent } from '../runner/events.ts';
import type { CommandContext } from './context.ts';

/** Moments a command can be run at (`--on event=command`). */
const HOOK_EVENTS = ['ready', 'held', 'expired', 'failed'] as const;
type HookEvent = (typeof HOOK_EVENTS)[number];

/** Longest a hook may take. */
const HOOK_TIMEOUT_MS = 60_000;

/** Commands that are told of events; what they do changes nothing here. */
export interface Hooks {
  fire: EventSink;
  /** Waits for the commands under way. */
  idle(): Promise<void>;
}

/** Parses `--on` and makes the hooks. Throws WxError `usage`. */
export function createHooks(context: CommandContext, on: readonly string[]): Hooks {
  const hooks = on.map(parseHook);
  const running = new Set<Promise<void>>();

  async function start(command: string, event: RunnerEvent): Promise<void> {
    const { execa } = await import('execa');
    const result = await execa(command, {
      shell: true,
      input: `${JSON.stringify(documentOf(event))}\n`,
      stdout: 'ignore',
      stderr: 'pipe',
      reject: false,
      timeout: HOOK_TIMEOUT_MS,
      cwd: context.cwd,
      windowsHide: true,
    });
    if (result.failed)
      context.log.warn(`the command of --on ${hookOf(event)} failed: ${result.shortMessage}`);
  }

  return {
    fire(event) {
      const name = hookOf(event);
      for (const hook of hooks) {
        if (hook.event !== name) continue;
        const one = start(hook.command, event).finally(() => running.delete(one));
        running.add(one);
      }
    },
    async idle() {
      await Promise.allSettled(running);
    },
  };
}

function parseHook(text: string): { event: HookEvent; command: string } {
  const at = text.indexOf('=');
  const event = HOOK_EVENTS.find((one) => one === text.slice(0, at));
  const command = text.slice(at + 1).trim();
  if (event && command) return { event, command };
  throw new WxError(
    'usage',
    `--on takes event=command with one of ${HOOK_EVENTS.join(', ')}, not "${text}"`,
    {
      hint: "--on expired='notify-send wxagent expired'",
    },
  );
}

function hookOf(event: RunnerEvent): HookEvent | null {
  switch (event.type) {
    case 'ready':
    case 'expired':
      return event.type;
    case 'part':
      return event.verdict === 'held' ? 'held' : null;
    case 'outcome':
      return event.outcome === 'failed' ? 'failed' : null;
    default:
      return null;
  }
}
