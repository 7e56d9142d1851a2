import { lstat, readdir, readFile, rm, stat } from 'node:fs/promises';
import { join } from 'node:path';
import { ABOUT, type CachedFile } from './media-cache.ts';

const HOUR_MS = 60 * 60_000;
const DAY_MS = 24 * HOUR_MS;
/** Files are kept this long after their last use, and so many bytes of them (design 4). */
const FILE_MS = 7 * DAY_MS;
const MAX_BYTES = 256 * 1024 * 1024;
/** A file younger than this may be on its way to a turn. */
const YOUNG_MS = HOUR_MS;

interface Entry {
  name: string;
  usedAtMs: number;
  sizeBytes: number;
}

/**
 * Keeps a media cache bounded: what was not used for a week goes, then the longest unused until the rest fits.
 * `needed` names what messages that still have to run, and what they quote, are going to need; it is asked only
 * when something would go.
 */
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
    // Left behind by a process that was killed while it fetched.
    else if (nowMs - entry.usedAtMs > YOUNG_MS) old.push(name);
  }
  const kept = excess(entries, nowMs, new Set()).length === 0 ? new Set<string>() : await needed();
  for (const name of [...old, ...excess(entries, nowMs, kept)]) {
    // What cannot be removed now is tried again: no reason to stop serving.
    await rm(join(folder, name), { recursive: true, force: true }).catch(() => {});
  }
}

/**
 * Keeps what lies in the folders of sessions bounded in the same way: links to files of the cache, which hold their
 * space after the cache has let them go.
 */
export async function sweepSessions(folder: string, nowMs: number): Promise<void> {
  const entries: Entry[] = [];
  for (const name of await readdir(folder, { recursive: true }).catch(() => [])) {
    const file = await lstat(join(folder, name)).catch(() => null);
    // A link is as old as itself: the file has the time at which it came in.
    if (file && !file.isDirectory()) entries.push({ name, usedAtMs: file.ctimeMs, sizeBytes: file.size });
  }
  for (const name of excess(entries, nowMs, new Set())) {
    // The folders stay, empty: a session was told of its own, and a sandbox that misses it runs nothing.
    await rm(join(folder, name), { force: true }).catch(() => {});
  }
}

/** What has to go: too old, or too much, but for what is kept. */
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

/** When a name of the folder was last used, and what it weighs. */
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
