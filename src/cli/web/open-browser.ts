import { resolveCommand } from '../../agents/child/resolve-command.ts';
import { within } from '../../core/time/event-loop.ts';
import { commandSearch } from '../agent/child.ts';
import type { CommandContext } from '../port/context.ts';

/** What opens a browser may be that browser: who has not failed within this time has opened one. */
const FAILS_WITHIN_MS = 3_000;

/** Opens an address in the browser of this machine, which outlives this process. False: there is none, or it refused. */
export async function openBrowser(context: CommandContext, url: string): Promise<boolean> {
  const opener = openerOf(process.platform, context.environment);
  if (opener === null) return false;
  const [name, ...args] = opener;
  const { execa } = await import('execa');
  try {
    const program = resolveCommand(name, commandSearch(context));
    const child = execa(program, [...args, url], { stdio: 'ignore', detached: true, cleanup: false });
    child.unref();
    await within(FAILS_WITHIN_MS, child);
    return true;
  } catch {
    return false;
  }
}

/** The words before an address that open it; null: there is no screen. */
export function openerOf(
  platform: NodeJS.Platform,
  environment: { get(name: string): string | undefined },
): [string, ...string[]] | null {
  if (platform === 'darwin') return ['open'];
  if (platform === 'win32') return ['rundll32', 'url.dll,FileProtocolHandler'];
  // An editor that is connected from elsewhere opens it there.
  const [named = ''] = (environment.get('BROWSER') ?? '').split(':');
  if (/^[^\s%]+$/.test(named)) return [named];
  if (environment.get('WSL_DISTRO_NAME') !== undefined)
    return ['rundll32.exe', 'url.dll,FileProtocolHandler'];
  // Without a screen xdg-open takes a browser of the terminal, which this process has.
  const screens = [environment.get('DISPLAY'), environment.get('WAYLAND_DISPLAY')];
  return screens.some((screen) => screen !== undefined && screen !== '') ? ['xdg-open'] : null;
}
