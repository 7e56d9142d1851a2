import { WxError } from '../../core/errors.ts';
import { terminalText } from '../../core/terminal.ts';
import { parseQuietHours } from '../../core/time/quiet-hours.ts';
import type { Account } from '../../home/config-file.ts';
import { tooFewOpenFiles } from '../../home/open-files.ts';
import type { EventSink } from '../../runner/port/events.ts';
import type { RunnerOptions } from '../../runner/port/options.ts';
import { longFlag } from '../../settings/resolve-settings.ts';
import { SETTINGS } from '../../settings/settings-table.ts';
import { RUN_WEB } from '../../settings/tables/web.ts';
import { DEFAULT_LIMITS, fits } from '../../text/part-limits.ts';
import { withOwner, withoutRepeats } from '../account/choose-account.ts';
import type { ChosenAgent } from '../agent/agent-factory.ts';
import { checkCommand } from '../agent/child.ts';
import { chooseAgent } from '../agent/choose-agent.ts';
import type { CommandContext } from '../port/context.ts';
import { createFallbackCommand } from '../send/fallback-command.ts';
import { openWebBeside, type WebBeside } from '../web/web-beside.ts';
import type { AttachmentOptions } from './attachments.ts';
import { accountsToServe } from './first-login.ts';
import { createHooks } from './hooks.ts';
import { createEventLog } from './print-events.ts';
import { serveAccounts } from './serve-accounts.ts';

/** From so many accounts on, the limit of open files is looked at. */
const MANY_ACCOUNTS = 50;

/** `wxagent run`: serves one or more accounts with an agent until it is stopped. */
export async function run(context: CommandContext, command: string[]): Promise<number> {
  const agent = await chooseAgent(context, command);
  return runAgent(context, agent, createEventLog(context));
}

/** Serves the accounts that the settings name, and tells what happens. Returns the exit code. */
export async function runAgent(
  context: CommandContext,
  agent: ChosenAgent,
  onEvent: EventSink,
): Promise<number> {
  const settings = runnerSettings(context, agent.kind === 'echo');
  const { allAccounts, keepFiles, on, maxMedia, stt, sttAlways } = context.settings;
  if (stt !== null) checkCommand(context, '--stt', stt);
  if (sttAlways && stt === null)
    throw new WxError('usage', '--stt-always goes with --stt', {
      hint: "--stt-always --stt 'whisper-cli -m model.bin -nt -f'",
    });
  // Who remembers what was said is asked about the files of earlier messages as well.
  const remembers = agent.kind === 'acp' || agent.kind === 'coprocess';
  const received: AttachmentOptions = {
    maxBytes: maxMedia,
    stt,
    sttAlways,
    place: remembers ? 'session' : 'turn',
  };
  const hooks = createHooks(context, on);
  const emit: EventSink = (event) => {
    onEvent(event);
    hooks.fire(event);
  };
  const { within, waitLogin, web } = context.settings;
  const server = await openServer(context);
  const own = server?.context ?? context;
  const service = {
    ...{ makeAgent: agent.make, settings, keepFiles, received, emit, watchLogins: allAccounts },
    onStarted: () => server?.begin(),
    // On a page, somebody can log in again: it must not go when they need it.
    waitLogin: waitLogin || (web !== null && !context.isInteractive),
    undelivered: {
      tell: createFallbackCommand(context, hooks.undelivered),
      withinMs: hooks.undelivered === null ? null : within,
    },
  };
  try {
    const isAwaited = waitLogin || web !== null;
    const accounts = await accountsToServe(own, { all: allAccounts, isAwaited });
    if (accounts === null) return 0;
    checkAccounts(context, accounts, allAccounts);
    return await serveAccounts(own, service, withOwner(context, accounts));
  } finally {
    await server?.close();
    await hooks.end();
  }
}

/** Throws WxError `config` for more accounts than files may be open. */
function checkAccounts(context: CommandContext, { length }: readonly Account[], allAccounts: boolean): void {
  if (length >= MANY_ACCOUNTS) {
    // A worker takes no more than it has files for.
    const tooFew = tooFewOpenFiles(context.server && allAccounts ? 1 : length);
    if (tooFew) throw tooFew;
  }
  if (!context.server && withoutRepeats(context.file.accounts).length < context.file.accounts.length)
    context.log.warn(`${context.paths.config} names an account twice: the first one counts`);
}

/** The web server of `--web`, in this process; null: none is asked for. */
async function openServer(context: CommandContext): Promise<WebBeside | null> {
  const { web } = context.settings;
  if (web !== null) return openWebBeside(context, web);
  const stray = RUN_WEB.find((name) => context.sources.flags[name] !== undefined);
  if (stray !== undefined)
    throw new WxError('usage', `${longFlag(SETTINGS[stray])} goes with --web`, {
      hint: 'wxagent run --web --echo',
    });
  return null;
}

/** The flags of `run` that concern messages and answers. */
function runnerSettings(context: CommandContext, isEcho: boolean): RunnerOptions {
  const { settings, language } = context;
  return {
    language,
    concurrency: settings.concurrency,
    timeoutMs: settings.timeout,
    silenceMs: settings.silenceTimeout,
    // Nothing on the phone should flicker for an agent that answers at once.
    workingNoticeMs: isEcho ? 0 : settings.workingNotice,
    typing: settings.typing && !isEcho,
    graceMs: settings.grace,
    retries: settings.retries,
    onError: settings.onError,
    errorText: settings.errorText,
    allow: settings.allowAll ? 'all' : new Set(settings.allow),
    commands: settings.commands,
    busy: settings.busy,
    mergeMs: settings.merge,
    maxChars: settings.maxChars,
    maxParts: settings.maxParts,
    longAs: settings.longAs,
    holdMaxMs: settings.holdMax,
    keeper: keeperSettings(context),
    paceMs: settings.pace,
    format: settings.format,
    maxAgeMs: settings.maxAge,
    dedupeWindowMs: settings.dedupeWindow,
    once: settings.once,
    maxMessages: settings.maxMessages,
    exitIdleMs: settings.exitIdle,
  };
}

/** `--keep-window`; without it, what is stored counts. Throws WxError `usage`. */
function keeperSettings(context: CommandContext): RunnerOptions['keeper'] {
  const { keepWindow, quietHours, keepText } = context.settings;
  const hours = quietHours === null ? null : parseQuietHours(quietHours, '--quiet-hours');
  if (keepWindow === 'on') return { quietHours: hours, text: keepTextOf(keepText) };
  const stray = (['quietHours', 'keepText'] as const).find(
    (name) => context.sources.flags[name] !== undefined,
  );
  if (stray !== undefined)
    throw new WxError('usage', `${longFlag(SETTINGS[stray])} goes with --keep-window`, {
      hint: 'wxagent run --keep-window --quiet-hours 23:00-07:00 --echo',
    });
  return keepWindow === 'off' ? null : 'stored';
}

/** `--keep-text` as one message; null: the usual text. Throws WxError `usage`. */
function keepTextOf(text: string | null): string | null {
  const shown = terminalText(text ?? '').trim();
  if (fits(shown, DEFAULT_LIMITS)) return shown === '' ? null : shown;
  throw new WxError('usage', `--keep-text takes at most ${DEFAULT_LIMITS.maxChars} characters`, {
    hint: "wxagent run --keep-window --keep-text 'are you there?' --echo",
  });
}
