import { lstat, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ABOUT, type CachedFile } from './media-cache.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
/** How long files are kept after their last use, and how many bytes of them. */
const FILE_MS = 7 * DAY_MS;
const MAX_BYTES = 256 * 1024 * 1024;
/** A younger file may be in use by a turn. */
const YOUNG_MS = HOUR_MS;

interface Entry {
  name: string;
  usedAtMs: number;
  sizeBytes: number;
}

/** Removes files not used for a week, then the longest unused over the limit. `needed` names those that stay. */
export async function sweepMediaCache(
  folder: string,
  nowMs: number,
  needed: () => Promise<ReadonlySet<string>>,
): Promise<void> {
  const entries: Entry[] = [];
  const old: string[] = [];
  for (const name of await readdir(folder).catch(() => [])) {
    const entry = await look(folder, name);
    if (entry === null) continue; // gone meanwhile
    if (!isStaging(name)) entries.push(entry);
    // A process was killed while it downloaded.
    else if (nowMs - entry.usedAtMs > YOUNG_MS) old.push(name);
  }
  const kept = excess(entries, nowMs, new Set()).length === 0 ? new Set<string>() : await needed();
  for (const name of [...old, ...excess(entries, nowMs, kept)]) {
    // The next sweep tries again to remove it.
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  }
}

/** Removes old files in the folders of sessions, by the same rules: these links outlive the cache. */
export async function sweepSessions(folder: string, nowMs: number): Promise<void> {
  const entries: Entry[] = [];
  for (const name of await readdir(folder, { recursive: true }).catch(() => [])) {
    const file = await lstat(join(folder, name)).catch(() => null);
    // The change time is that of the link. The modification time is that of the file.
    if (file && !file.isDirectory()) entries.push({ name, usedAtMs: file.ctimeMs, sizeBytes: file.size });
  }
  for (const name of excess(entries, nowMs, new Set())) {
    // The folders stay: the agent of a session knows the path, and its sandbox may need the folder.
    await rm(join(folder, name), { force: true }).catch(() => {});
  }
}

/** The names to remove: too old, or too much, except those that are kept. */
function excess(entries: Entry[], nowMs: number, kept: ReadonlySet<string>): string[] {
  let totalBytes = entries.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  const names: string[] = [];
  for (const { name, usedAtMs, sizeBytes } of entries.sort((a, b) => a.usedAtMs - b.usedAtMs)) {
    const ageMs = nowMs - usedAtMs;
    if (kept.has(name)) continue;
    if (ageMs <= FILE_MS && (totalBytes <= MAX_BYTES || ageMs <= YOUNG_MS)) continue;
    names.push(name);
    totalBytes -= sizeBytes;
  }
  return names;
}

/** When an entry of the folder was last used, and its size. */
async function look(folder: string, name: string): Promise<Entry | null> {
  const path = join(folder, name);
  try {
    const about = join(path, ABOUT);
    const isFile = !isStaging(name);
    const { mtimeMs } = await stat(isFile ? about : path);
    const sizeBytes = isFile ? (JSON.parse(await readFile(about, 'utf8')) as CachedFile).sizeBytes : 0;
    return { name, usedAtMs: mtimeMs, sizeBytes };
  } catch {
    return null;
  }
}

function isStaging(name: string): boolean {
  return name.startsWith('.');
}
