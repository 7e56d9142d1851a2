import { execFile } from 'node:child_process';
import { open, realpath } from 'node:fs/promises';
import { basename } from 'node:path';
import { promisify } from 'node:util';
import { WxError } from '../../../core/errors.ts';
import { type CommandSearch, resolveCommand } from '../../child/resolve-command.ts';
import type { AcpCommand } from './command.ts';

/** How long a program may take to say its version. */
const VERSION_MS = 10_000;

/** Refuses an agent that needs a newer Node.js than the one on PATH. Throws WxError `not-found`. */
export async function checkNode({ command, preset }: AcpCommand, search: CommandSearch): Promise<void> {
  if (!preset?.node || !('argv' in command) || !(await runsOnNode(command.argv[0]))) return;
  const version = await nodeVersion(search);
  if (version === null || version.localeCompare(preset.node, 'en', { numeric: true }) >= 0) return;
  const start = `npx -y -p node@24 -p ${preset.npmPackage} ${preset.program} ${preset.args.join(' ')}`;
  throw new WxError(
    'not-found',
    `${preset.title} needs Node.js ${preset.node} or newer; the one on PATH is ${version}`,
    { hint: `wxagent run --acp '${start}'` },
  );
}

/** Whether a program is a script for Node.js. */
async function runsOnNode(path: string): Promise<boolean> {
  if (/^npx\b/.test(basename(path))) return true;
  const file = await open(path).catch(() => null);
  if (!file) return false;
  try {
    const { buffer, bytesRead } = await file.read(Buffer.alloc(128), 0, 128, 0);
    return /^#!.*\bnode\b/.test(buffer.toString('latin1', 0, bytesRead));
  } catch {
    return false;
  } finally {
    await file.close();
  }
}

/** The version of the Node.js on PATH; null: there is none, or it does not say. */
async function nodeVersion(search: CommandSearch): Promise<string | null> {
  try {
    const node = resolveCommand('node', search);
    if ((await realpath(node)) === process.execPath) return process.versions.node;
    const { stdout } = await promisify(execFile)(node, ['--version'], { timeout: VERSION_MS });
    return /^v(\d+\.\d+\.\d+)/.exec(stdout)?.[1] ?? null;
  } catch {
    return null;
  }
}
