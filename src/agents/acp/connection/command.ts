import { WxError } from '../../../core/errors.ts';
import type { Command } from '../../child/command-line.ts';
import { type CommandSearch, resolveCommand } from '../../child/resolve-command.ts';
import { checkShellLine } from '../../child/shell-line.ts';
import { ACP_PRESETS, type AcpPreset } from './presets.ts';

/** What `--acp` was given, as something that can be started. */
export interface AcpCommand {
  /** The preset's name, or the command as it was given. */
  name: string;
  command: Command;
  /** What is known of it; null: wxagent does not know it by name. */
  preset: AcpPreset | null;
}

/** A preset and what of it is on this machine. */
export interface PresetFound {
  preset: AcpPreset;
  /** Where its program is; null: not on PATH. */
  path: string | null;
  /** What starts it; null: neither its program nor, where npm has it, npx is on PATH. */
  argv: [string, ...string[]] | null;
}

/** Looks for every preset on PATH. */
export function findPresets(search: CommandSearch): PresetFound[] {
  return ACP_PRESETS.map((preset) => findPreset(preset, search));
}

/** Reads `--acp`: a preset, one word that names a program, or a shell line. Throws WxError `usage` or `not-found`. */
export function parseAcpCommand(text: string, search: CommandSearch): AcpCommand {
  const name = text.trim();
  if (name === '') throw new WxError('usage', '--acp needs a command or a name', { hint: 'wxagent agents' });
  const preset = ACP_PRESETS.find((one) => one.name === name);
  if (preset) {
    const { argv } = findPreset(preset, search);
    if (argv) return { name, command: { argv }, preset };
    const either = preset.npmPackage === null ? '' : ', and neither is npx';
    throw new WxError(
      'not-found',
      `${preset.title} is not installed: ${preset.program} is not on PATH${either}`,
      { hint: 'wxagent agents' },
    );
  }
  const isProgram = /^[\w./\\:-]+$/.test(name);
  if (!isProgram) checkShellLine('--acp', name, search, {});
  const command: Command = isProgram ? { argv: [programOf(name, search)] } : { shell: name };
  return { name, command, preset: null };
}

function programOf(name: string, search: CommandSearch): string {
  if (/[/\\]/.test(name) || pathOf(name, search) !== null) return resolveCommand(name, search);
  throw new WxError(
    'not-found',
    `"${name}" is neither an agent wxagent knows by name nor a program on PATH`,
    { hint: 'wxagent agents' },
  );
}

function findPreset(preset: AcpPreset, search: CommandSearch): PresetFound {
  const { program, args, npmPackage } = preset;
  const path = pathOf(program, search);
  if (path !== null) return { preset, path, argv: [path, ...args] };
  const npx = npmPackage === null ? null : pathOf('npx', search);
  return { preset, path, argv: npx && npmPackage ? [npx, '-y', npmPackage, ...args] : null };
}

function pathOf(program: string, search: CommandSearch): string | null {
  try {
    return resolveCommand(program, search);
  } catch {
    return null;
  }
}
