import { createEchoAgent } from '../../agents/echo.ts';
import { WxError } from '../../core/errors.ts';
import { longFlag, resolveSetting, type SettingOrigin } from '../../settings/resolve-settings.ts';
import { RUN_SETTINGS, SETTINGS, type Setting } from '../../settings/settings-table.ts';
import { AGENT_CHOICES } from '../../settings/tables/agent.ts';
import type { AgentKind } from '../../settings/tables/setting-row.ts';
import type { CommandContext } from '../port/context.ts';
import type { AgentFactory, ChosenAgent } from './agent-factory.ts';

/** The stronger before the weaker. */
const ORIGINS: readonly SettingOrigin[] = ['flag', 'environment', 'config file', 'stored'];

/** One way in which an agent was given. */
interface Given {
  kind: AgentKind;
  /** What the setting says; of a switch and of `-- cmd` nothing of use. */
  value: string;
  origin: SettingOrigin;
  /** How people wrote it. */
  shown: string;
}

/**
 * Checks the choice of agent: exactly one of `--exec`, `-- cmd`, `--coprocess`, `--acp`, `--http`, `--openai`,
 * `--echo`, and nothing that only another one would take notice of. As with every setting, flags win
 * over what is stored. Loads only the code of that agent. Throws WxError `usage`, or `not-found` for what is not there.
 */
export async function chooseAgent(context: CommandContext, command: string[]): Promise<ChosenAgent> {
  const given = theOneGiven(context, command);
  const { kind } = given;
  for (const name of RUN_SETTINGS) {
    const setting: Setting = SETTINGS[name];
    const { goesWith } = setting;
    // What is stored may wait for its agent.
    if (!goesWith || goesWith.includes(kind) || resolveSetting(name, context.sources).origin !== 'flag')
      continue;
    throw new WxError('usage', `${longFlag(setting)} goes with ${agentsShown(goesWith)}`, {
      hint: 'wxagent run --help',
    });
  }
  return { kind, make: await prepare(context, given, command) };
}

function theOneGiven(context: CommandContext, command: string[]): Given {
  const given: Given[] = AGENT_CHOICES.flatMap((kind) => {
    const { value, origin } = resolveSetting(kind, context.sources);
    return value === null || value === false
      ? []
      : [{ kind, value: String(value), origin, shown: longFlag(SETTINGS[kind]) }];
  });
  if (command[0] !== undefined)
    given.push({ kind: 'command', value: '', origin: 'flag', shown: `-- ${command[0]}` });
  const [origin] = ORIGINS.filter((one) => given.some((other) => other.origin === one));
  const [one, ...others] = given.filter((other) => other.origin === origin);
  if (!one) {
    throw new WxError('usage', 'run needs an agent, such as --exec <command>', {
      hint: "wxagent run --exec 'tr a-z A-Z'",
    });
  }
  if (others.length === 0) return one;
  const all = [one, ...others].map(({ shown }) => shown);
  throw new WxError('usage', `run takes one agent, not ${all.length}: ${all.join(', ')}`, {
    hint: 'wxagent run --help',
  });
}

/** Loads the code of one kind, and checks what was given for it. */
async function prepare(
  context: CommandContext,
  { kind, value }: Given,
  command: string[],
): Promise<AgentFactory> {
  switch (kind) {
    case 'exec':
      return (await import('./command.ts')).prepareShellAgent(context, value);
    case 'command':
      return (await import('./command.ts')).prepareCommandAgent(context, command);
    case 'coprocess':
      return (await import('./coprocess.ts')).prepareCoprocessAgent(context, value);
    case 'acp':
      return (await import('./acp.ts')).prepareAcpAgent(context, value);
    case 'http':
      return (await import('./http.ts')).prepareHttpAgent(context, value);
    case 'openai':
      return (await import('./openai.ts')).prepareOpenAiAgent(context, value);
    case 'echo':
      return () => createEchoAgent();
  }
}

function agentsShown(kinds: readonly AgentKind[]): string {
  const shown = kinds.map((kind) => (kind === 'command' ? '-- command' : longFlag(SETTINGS[kind])));
  return new Intl.ListFormat('en', { type: 'disjunction' }).format(shown);
}
