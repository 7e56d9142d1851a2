import { findPresets, type PresetFound } from '../../agents/acp/connection/command.ts';
import { commandSearch } from '../agent/child.ts';
import type { CommandContext } from '../port/context.ts';
import { table } from '../terminal/table.ts';

/** `wxagent agents`: the agents `--acp` knows by name, and which are on this machine. */
export async function agents(context: CommandContext): Promise<void> {
  const found = findPresets(commandSearch(context));
  if (context.json) return context.printJson('agents', { agents: found.map(agentShown) });
  context.show(
    ...table(found.map((one) => [one.preset.name, one.preset.title, context.translate(stateOf(one))])),
  );
  const first = found.find(({ path }) => path !== null) ?? found.find(({ argv }) => argv !== null);
  context.say(`hint: wxagent run --acp ${first?.preset.name ?? "'<command>'"}`);
}

/** An agent as programs are shown it. */
export function agentShown({ preset, path, argv }: PresetFound): object {
  const { name, title, program, args, npmPackage, login, source } = preset;
  return {
    name,
    title,
    installed: path !== null,
    path,
    program,
    args,
    npmPackage,
    command: argv,
    login,
    source,
  };
}

function stateOf({ preset, path, argv }: PresetFound): string {
  if (path !== null) return `installed: ${path}`;
  if (argv !== null) return `not installed; runs through npx ${preset.npmPackage}`;
  return `not installed: ${preset.program} is not on PATH`;
}
