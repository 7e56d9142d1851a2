import { WxError } from '../../core/errors.ts';
import type { EventSink, RunnerEvent } from '../../runner/port/events.ts';
import { checkCommand, killGraceOf } from '../agent/child.ts';
import { runEventCommand } from '../agent/event-command.ts';
import type { CommandContext } from '../port/context.ts';
import { createFallbackCommand } from '../send/fallback-command.ts';

/** Moments a command can be run at (`--on event=command`). */
const HOOK_EVENTS = ['ready', 'held', 'expired', 'failed', 'undelivered'] as const;
type HookEvent = (typeof HOOK_EVENTS)[number];

/** Hooks that run at the same time; the others are queued. */
const MAX_AT_ONCE = 4;

/** Pauses before a command that has failed is started again, where nobody is told of the event another time. */
const RETRY_MS = [30_000, 120_000];

/** Commands that get events; what they do changes nothing here. */
export interface Hooks {
  fire: EventSink;
  /** The command of `--on undelivered`, which gets what was not confirmed in time; null: there is none. */
  readonly undelivered: string | null;
  /** Waits for the running commands, within `--grace`. Processes that they have left running stay. */
  end(): Promise<void>;
}

/** Parses `--on` and makes the hooks; they run as turns do. Throws WxError `usage`. */
export function createHooks(context: CommandContext, on: readonly string[]): Hooks {
  const { clock, log } = context;
  const hooks = on.map(parseHook);
  for (const { event, command } of hooks) checkCommand(context, `--on ${event}`, command);
  const [undelivered, another] = hooks.filter(({ event }) => event === 'undelivered');
  if (another)
    throw new WxError('usage', '--on undelivered takes one command', {
      hint: "--on undelivered='./by-mail; ./by-sms'",
    });
  const { grace: graceMs } = context.settings;
  const killGraceMs = killGraceOf(context);
  const stop = context.stopSignal();
  let stoppedAtMs: number | null = null;
  const noteStop = (): void => {
    stoppedAtMs = clock.monotonic();
  };
  stop.addEventListener('abort', noteStop, { once: true });
  const ending = new AbortController();
  const leaving = new AbortController();
  /** Aborted when no command is started again. */
  const lastTries = AbortSignal.any([stop, leaving.signal]);
  const waiting: (() => Promise<void>)[] = [];
  const running = new Set<Promise<void>>();

  async function run(command: string, event: RunnerEvent): Promise<void> {
    const { signal } = ending;
    for (const pauseMs of [...(event.type === 'undelivered' ? RETRY_MS : []), null]) {
      const failure =
        event.type === 'undelivered'
          ? await createFallbackCommand(context, command)(event, signal, null)
          : await runEventCommand(context, { command }, event, signal);
      if (failure === null) return;
      log.warn(`the command of --on ${hookOf(event)} failed: ${failure}`);
      if (pauseMs !== null) await clock.sleep(pauseMs, lastTries);
      if (lastTries.aborted) return;
    }
  }

  function pump(): void {
    while (running.size < MAX_AT_ONCE) {
      const start = waiting.shift();
      if (!start) return;
      const one = start().finally(() => {
        running.delete(one);
        pump();
      });
      running.add(one);
    }
  }

  /** How long they may still take. */
  function leftMs(): number {
    return stoppedAtMs === null ? graceMs : stoppedAtMs + graceMs - killGraceMs - clock.monotonic();
  }

  return {
    undelivered: undelivered?.command ?? null,
    fire(event) {
      const name = hookOf(event);
      for (const hook of hooks) {
        if (hook.event === name) waiting.push(() => run(hook.command, event));
      }
      pump();
    },
    async end() {
      leaving.abort();
      const over = new AbortController();
      const noMore = clock.sleep(leftMs(), over.signal).then(() => {
        const left = waiting.splice(0).length;
        if (left > 0) log.warn(`commands of --on that were not run, because wxagent ends: ${left}`);
        if (running.size > 0) ending.abort('stop');
      });
      while (running.size > 0) await Promise.allSettled(running);
      over.abort();
      await noMore;
      stop.removeEventListener('abort', noteStop);
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
    { hint: "--on expired='notify-send wxagent expired'" },
  );
}

function hookOf(event: RunnerEvent): HookEvent | null {
  switch (event.type) {
    case 'ready':
    case 'expired':
    case 'undelivered':
      return event.type;
    case 'part':
      return event.verdict === 'held' ? 'held' : null;
    case 'outcome':
      return event.outcome === 'failed' ? 'failed' : null;
    default:
      return null;
  }
}
