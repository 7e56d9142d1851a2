import { execFileSync } from 'node:child_process';
import { mkdirSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { afterEach } from 'vitest';
import type { SessionMemory, TurnContext } from '../../../src/agents/port/port.ts';
import type { Log } from '../../../src/core/log.ts';
import type { Attachment, ReplyPiece, Turn } from '../../../src/core/message/message.ts';

const MISBEHAVE = fileURLToPath(new URL('../../fixtures/agents/misbehave.mjs', import.meta.url));

/** The argv of the misbehaving child. */
export function misbehave(...args: string[]): { argv: [string, ...string[]] } {
  return { argv: [process.execPath, MISBEHAVE, ...args] };
}

const folders: string[] = [];

afterEach(() => {
  for (const folder of folders.splice(0)) rmSync(folder, { recursive: true, force: true });
});

/** A folder that is removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'wxagent-agents-'));
  folders.push(folder);
  return folder;
}

export function turnWith(changes: Partial<Turn> = {}): Turn {
  return {
    id: '7312345678901234567',
    account: 'c41f09aa77be@im.bot',
    accountName: 'home',
    user: 'o9cq80z@im.wechat',
    sessionId: '5a0d9f3e-4f8e-4f5c-9d0e-1d2f3a4b5c6d',
    turn: 3,
    timeMs: Date.UTC(2026, 10, 22, 13, 0, 0, 123),
    kind: 'text',
    text: 'hello',
    attachments: [],
    quote: null,
    attempt: 1,
    ...changes,
  };
}

/** A picture on disk, or what is said otherwise. */
export function attachment(changes: Partial<Attachment> = {}): Attachment {
  return {
    kind: 'image',
    path: '/tmp/a.jpg',
    name: 'a.jpg',
    mime: 'image/jpeg',
    sizeBytes: 3,
    durationMs: null,
    error: null,
    ...changes,
  };
}

/** A context with real folders, and what was emitted into it. */
export function contextIn(
  root: string,
  changes: Partial<TurnContext> = {},
): TurnContext & { emitted: ReplyPiece[] } {
  const emitted: ReplyPiece[] = [];
  const paths = { media: join(root, 'media'), reply: join(root, 'reply'), state: join(root, 'state') };
  for (const folder of Object.values(paths)) mkdirSync(folder, { recursive: true });
  return {
    signal: new AbortController().signal,
    folders: () => paths,
    folderPaths: () => paths,
    timeoutMs: 0,
    emit: async (piece) => void emitted.push(piece),
    alive() {},
    ask: async () => null,
    language: 'en',
    memory: memoryOf(new Map()),
    emitted,
    ...changes,
  };
}

/** The memory of a session that is kept in a map. */
export function memoryOf(values: Map<string, string>): SessionMemory {
  return {
    get: async (name) => values.get(name) ?? null,
    set: async (name, value) => void (value === null ? values.delete(name) : values.set(name, value)),
  };
}

/** A log that remembers its lines. */
export function recordingLog(): Log & { lines: string[] } {
  const lines: string[] = [];
  const keep = (line: string) => void lines.push(line);
  return { debug: keep, info: keep, warn: keep, error: keep, showsText: false, lines };
}

/** Waits until the condition holds; the test's own timeout is the limit. */
export async function eventually(condition: () => boolean): Promise<void> {
  while (!condition()) await delay(5);
}

/** Whether any process of this group runs; a zombie that nobody has collected yet does not. */
export function groupAlive(leader: number | null): boolean {
  const rows = execFileSync('ps', ['-eo', 'pgid=,stat='], { encoding: 'utf8' }).split('\n');
  return rows.some((row) => {
    const [group, state] = row.trim().split(/\s+/);
    return group === String(leader) && !state?.startsWith('Z');
  });
}

/** Ends one process a test left running, or its group. Refuses the pids that mean "everybody". */
export function killLeftover(pid: number | undefined, whole: 'group' | 'process' = 'process'): void {
  if (pid === undefined || !Number.isSafeInteger(pid) || pid <= 1)
    throw new Error(`no pid of a child: ${pid}`);
  process.kill(whole === 'group' ? -pid : pid, 'SIGKILL');
}

/** Keeps the event loop from turning, as a loaded machine or SIGSTOP does. */
export function busyFor(ms: number): void {
  for (const until = performance.now() + ms; performance.now() < until; );
}

/** The same until a child has exited: nobody has heard of it yet. */
export function untilExited(pid: number): void {
  while (isRunning(pid));
}

export function isRunning(pid: number): boolean {
  try {
    return !/^State:\s+Z/m.test(readFileSync(`/proc/${pid}/status`, 'utf8'));
  } catch {
    return false;
  }
}
