import { readdirSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { hostname } from 'node:os';
import { dirname } from 'node:path';
import { isObject } from '../core/object.ts';
import { claimantId, holderOf, isClaimantAlive, thisProcess } from './claimant.ts';
import { makeFolder } from './make-folder.ts';
import type { Paths } from './paths.ts';

/** A web server of this home that runs on this machine. */
export interface RunningWeb {
  /** Its own address, with the port it has. */
  url: string;
  /** The origin of the proxy in front; null: none. */
  publicOrigin: string | null;
}

/** Notes where this process serves, for commands that make links to it. Returns what ends that. */
export function noteWebServer(paths: Pick<Paths, 'webServer'>, running: RunningWeb): () => void {
  const path = paths.webServer(process.pid);
  makeFolder(dirname(path));
  writeFileSync(path, `${JSON.stringify({ claimant: claimantId(thisProcess()), ...running })}\n`, {
    mode: 0o600,
  });
  return () => rmSync(path, { force: true });
}

/** The web servers that run here, those with a proxy in front first. What a process that was killed has left goes. */
export function runningWebServers(paths: Pick<Paths, 'webServer'>): RunningWeb[] {
  const folder = dirname(paths.webServer(0));
  const found = namesIn(folder).flatMap((name) => {
    const path = paths.webServer(Number.parseInt(name, 10));
    const noted = readNote(path);
    if (noted?.isAlive) return [noted.running];
    rmSync(path, { force: true });
    return [];
  });
  return found.sort((a, b) => Number(a.publicOrigin === null) - Number(b.publicOrigin === null));
}

function namesIn(folder: string): string[] {
  try {
    return readdirSync(folder).filter((name) => /^\d+\.json$/.test(name));
  } catch {
    return [];
  }
}

/** null: another process writes it just now, or it is none of ours. */
function readNote(path: string): { isAlive: boolean; running: RunningWeb } | null {
  let note: unknown;
  try {
    note = JSON.parse(readFileSync(path, 'utf8'));
  } catch {
    return null;
  }
  if (!isObject(note) || typeof note.claimant !== 'string' || typeof note.url !== 'string') return null;
  const { claimant, url, publicOrigin } = note;
  const isAlive = holderOf(claimant).host === hostname() && isClaimantAlive(claimant);
  return { isAlive, running: { url, publicOrigin: typeof publicOrigin === 'string' ? publicOrigin : null } };
}
