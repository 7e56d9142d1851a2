import type { Command } from '../../agents/child/command-line.ts';
import { resolveCommand } from '../../agents/child/resolve-command.ts';
import { createCommandAgent } from '../../agents/command/agent.ts';
import type { CommandContext } from '../port/context.ts';
import type { AgentFactory, PrepareAgent } from './agent-factory.ts';
import { checkCommand, childOptions, commandSearch } from './child.ts';

export const prepareShellAgent: PrepareAgent<string> = async (context, shell) => {
  checkCommand(context, '--exec', shell);
  return factoryOf(context, { shell });
};

export const prepareCommandAgent: PrepareAgent<string[]> = async (context, [program = '', ...args]) =>
  factoryOf(context, { argv: [resolveCommand(program, commandSearch(context)), ...args] });

function factoryOf(context: CommandContext, command: Command): AgentFactory {
  const { input, output } = context.settings;
  const options = { ...childOptions(context), input, output, command };
  return (children) => createCommandAgent({ ...options, onStarted: children.started });
}
