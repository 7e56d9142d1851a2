import type { CommandSearch } from '../agents/child/resolve-command.ts';
import type { CommandAgentOptions } from '../agents/command/agent.ts';
import type { Agent } from '../agents/port.ts';
import { longFlag, resolveSetting } from '../config.ts';
import { WxError } from '../core/errors.ts';
import { VERSION } from '../core/version.ts';
import { HTTP } from '../settings/http.ts';
import { SETTINGS, type SettingName } from '../settings.ts';
import type { ChildNotes } from './child-notes.ts';
import type { CommandContext } from './context.ts';

/** Settings that choose the agent of `run`. */
export const AGENT_SETTINGS = [
  'exec',
  'coprocess',
  'coprocessPer',
  'http',
  'openai',
  'model',
  'system',
  'echo',
  'input',
  'output',
  'acp',
  'permission',
] as const;
/** Settings that only `--http` takes notice of. */
export const HTTP_SETTINGS = (Object.keys(HTTP) as (keyof typeof HTTP)[]).filter((name) => name !== 'http');
/** Between TERM and KILL (contract 4); less when `--grace` would be over before that. */
const KILL_GRACE_MS = 5_000;

/** Makes an agent for one account; all of a process are made from one choice. */
export type AgentMaker = (children: ChildNotes, account: { id: string; name: string | null }) => Agent;

/**
 * Checks the choice of agent: exactly one of `--exec`, `-- cmd`, `--coprocess`, `--acp`, `--http`, `--openai`,
 * `--echo` (contract 2). Loads only the code of that one. Throws WxError `usage`, or `not-found` for a command that
 * does not exist.
 */
export async function chooseAgent(context: CommandContext, command: string[]): Promise<AgentMaker> {
  const { exec, coprocess, coprocessPer, acp, permission, http, openai, model, system, echo, input, output } =
    context.settings(AGENT_SETTINGS);
  const given = [
    exec !== null && '--exec',
    command.length > 0 && `-- ${command[0]}`,
    coprocess !== null && '--coprocess',
    acp !== null && '--acp',
    http !== null && '--http',
    openai !== null && '--openai',
    echo && '--echo',
  ].filter((one) => one !== false);
  if (given.length === 0) {
    throw new WxError('usage', 'run needs an agent, such as --exec <command>', {
      hint: "wxagent run --exec 'tr a-z A-Z'",
    });
  }
  if (given.length > 1) {
    throw new WxError('usage', `run takes one agent, not ${given.length}: ${given.join(', ')}`, {
      hint: 'wxagent run --help',
    });
  }
  if (http === null) refuseFlags(context, HTTP_SETTINGS, '--http');
  if (openai === null) refuseFlags(context, ['model', 'system'], '--openai');
  else return openAiAgent(context, openai, model, system);
  if (coprocess === null) refuseFlags(context, ['coprocessPer'], '--coprocess');
  else return coprocessAgent(context, coprocess, coprocessPer);
  if (acp === null) refuseFlags(context, ['permission'], '--acp');
  else return acpAgent(context, acp, permission);
  if (http !== null) {
    const { httpAgent } = await import('./http-agent.ts');
    return httpAgent(context, http);
  }
  if (echo) {
    const { createEchoAgent } = await import('../agents/echo.ts');
    return () => createEchoAgent();
  }
  return commandAgent(context, exec, command, { input, output });
}

/** A flag of another agent than the chosen one would be ignored; what is stored may wait for that agent. */
function refuseFlags(context: CommandContext, names: readonly SettingName[], agent: string): void {
  const given = names.find((name) => resolveSetting(name, context.sources).origin === 'flag');
  if (given) throw new WxError('usage', `${longFlag(SETTINGS[given])} goes with ${agent}`);
}

async function openAiAgent(
  context: CommandContext,
  openai: string,
  model: string | null,
  system: string | null,
): Promise<AgentMaker> {
  const { parseBaseUrl, requireModel } = await import('../agents/openai/options.ts');
  const options = {
    baseUrl: parseBaseUrl(openai),
    model: requireModel(model),
    system,
    apiKey: context.environment.get('OPENAI_API_KEY') || null,
    environment: context.environment.all,
    clock: context.clock,
    log: context.log,
  };
  const { createOpenAiAgent } = await import('../agents/openai/agent.ts');
  return () => createOpenAiAgent(options);
}

async function commandAgent(
  context: CommandContext,
  exec: string | null,
  [program, ...args]: string[],
  forms: Pick<CommandAgentOptions, 'input' | 'output'>,
): Promise<AgentMaker> {
  if (exec !== null) checkShellCommand('--exec', exec);
  let argv: [string, ...string[]] | null = null;
  if (program !== undefined) {
    const { resolveCommand } = await import('../agents/child/resolve-command.ts');
    argv = [resolveCommand(program, commandSearch(context)), ...args];
  }
  // Loaded now, while nothing waits, so that the first message does not pay for it.
  const loading = import('../agents/command/agent.ts');
  const { createCommandAgent } = await loading;
  const options = {
    ...childOptions(context),
    command: argv ? { argv } : { shell: exec as string },
    ...forms,
  };
  return (children) => createCommandAgent({ ...options, onStarted: children.started });
}

async function coprocessAgent(
  context: CommandContext,
  coprocess: string,
  per: 'account' | 'user',
): Promise<AgentMaker> {
  checkShellCommand('--coprocess', coprocess);
  const { createCoprocessAgent } = await import('../agents/coprocess/agent.ts');
  const options = {
    ...childOptions(context),
    command: { shell: coprocess },
    per,
    clock: context.clock,
  };
  return (children, account) =>
    createCoprocessAgent({
      ...options,
      account,
      onStarted: (pid) => children.started(null, pid),
      onEnded: children.ended,
    });
}

async function acpAgent(
  context: CommandContext,
  acp: string,
  permission: 'allow' | 'deny' | 'ask' | null,
): Promise<AgentMaker> {
  const { parseAcpCommand } = await import('../agents/acp/command.ts');
  const command = parseAcpCommand(acp, commandSearch(context));
  const { createAcpAgent } = await import('../agents/acp/agent.ts');
  const { allowAll } = context.settings(['allowAll']);
  const options = {
    ...childOptions(context),
    ...command,
    // Whoever is asked decides what happens on this machine: nobody has chosen these people.
    permission: permission ?? (allowAll ? 'deny' : 'ask'),
    clock: context.clock,
  };
  return (children, account) =>
    createAcpAgent({
      ...options,
      account,
      onStarted: (pid) => children.started(null, pid),
      onEnded: children.ended,
    });
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

function checkShellCommand(flag: string, command: string): void {
  if (command.trim() !== '') return;
  throw new WxError('usage', `${flag} needs a command`, { hint: `${flag} './agent.sh'` });
}

/** What agents that are child processes have in common. */
function childOptions(context: CommandContext) {
  const { baseUrl, cdnUrl, grace } = context.settings(['baseUrl', 'cdnUrl', 'grace']);
  return {
    cwd: context.cwd,
    parentEnv: context.environment.all,
    constants: { home: context.home, baseUrl, cdnUrl, bin: context.bin, version: VERSION },
    log: context.log,
    killGraceMs: Math.min(KILL_GRACE_MS, grace / 2),
  };
}
