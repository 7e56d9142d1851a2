import { KILL_GRACE_MS } from '../../agents/child/end-process-group.ts';
import type { CommandSearch } from '../../agents/child/resolve-command.ts';
import { checkShellLine } from '../../agents/child/shell-line.ts';
import { VERSION } from '../../core/version.ts';
import { storeForChildren } from '../account/store-place.ts';
import type { CommandContext } from '../port/context.ts';
import type { ChildRecords } from './child-records.ts';

/** How long a child has between TERM and KILL: less than usual where `--grace` would be over before. */
export function killGraceOf(context: Pick<CommandContext, 'settings'>): number {
  return Math.min(KILL_GRACE_MS, context.settings.grace / 2);
}

/** What agents that are child processes have in common. */
export function childOptions(context: CommandContext) {
  const { baseUrl, cdnUrl } = context.settings;
  return {
    cwd: context.cwd,
    parentEnv: context.environment.all,
    constants: {
      home: context.home,
      store: storeForChildren(context),
      baseUrl,
      cdnUrl,
      bin: context.bin,
      version: VERSION,
    },
    log: context.log,
    killGraceMs: killGraceOf(context),
  };
}

/** What agents whose process outlives a turn tell of it. */
export function residentRecords(children: ChildRecords) {
  return { onStarted: (pid: number) => children.started(null, pid), onEnded: children.ended };
}

/** Where programs are looked for. */
export function commandSearch({ cwd, environment }: CommandContext): CommandSearch {
  return {
    cwd,
    path: environment.get('PATH'),
    pathExt: environment.get('PATHEXT'),
    platform: process.platform,
  };
}

/** Refuses a line for the shell that is empty, or begins with what is no program. Throws WxError `usage` or `not-found`. */
export function checkCommand(context: CommandContext, flag: string, line: string): void {
  checkShellLine(flag, line, commandSearch(context), context.environment.all);
}
