import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtemp, rm, symlink } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';

/** A TypeScript file made runnable, so that tests can have it run as a process of its own. */
export interface Script {
  /** Starts it; every line it prints is collected. */
  start(...args: string[]): RunningScript;
  /** Kills what still runs and removes the file. */
  dispose(): Promise<void>;
}

/** A process of a {@link Script}. */
export interface RunningScript {
  readonly child: ChildProcess;
  /** Lines printed so far. */
  readonly lines: string[];
  /** The n-th line (from 0), as soon as it is there; rejects when the process ends before. */
  line(n: number): Promise<string>;
  /** Writes a line to its stdin. */
  write(line: string): void;
  /** The exit code, or the signal that ended it, and what it said on stderr. */
  readonly ended: Promise<{ code: number | null; signal: NodeJS.Signals | null; stderr: string }>;
  /** Ends it with SIGKILL and waits until it is gone. */
  kill(): Promise<void>;
}

const root = fileURLToPath(new URL('../../', import.meta.url));

/** Bundles `entry` (from the root of the project), packages left outside. */
export async function makeScript(entry: string): Promise<Script> {
  const folder = await mkdtemp(join(tmpdir(), 'wxagent-script-'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  const outfile = join(folder, 'script.mjs');
  await build({
    cwd: root,
    input: entry,
    external: /^[^./]/,
    platform: 'node',
    output: { file: outfile, codeSplitting: false },
    logLevel: 'warn',
  });
  const running = new Set<RunningScript>();
  return {
    start(...args) {
      const one = run(outfile, args);
      running.add(one);
      void one.ended.then(() => running.delete(one));
      return one;
    },
    async dispose() {
      await Promise.all([...running].map((one) => one.kill()));
      await rm(folder, { recursive: true, force: true });
    },
  };
}

function run(file: string, args: string[]): RunningScript {
  const child = spawn(process.execPath, [file, ...args], { stdio: ['pipe', 'pipe', 'pipe'] });
  const lines: string[] = [];
  const news = new EventTarget();
  let stderr = '';
  let isOver = false;
  createInterface({ input: child.stdout }).on('line', (line) => {
    lines.push(line);
    news.dispatchEvent(new Event('news'));
  });
  child.stderr.on('data', (chunk) => {
    stderr += String(chunk);
  });
  child.stdin.on('error', () => {});
  const ended = once(child, 'close').then(([code, signal]) => {
    isOver = true;
    news.dispatchEvent(new Event('news'));
    return { code, signal, stderr };
  });
  return {
    child,
    lines,
    ended,
    async line(n) {
      while (lines.length <= n) {
        if (isOver)
          throw new Error(`the process ended before it said so much: ${lines.join(' / ')} ${stderr}`);
        await once(news, 'news');
      }
      return lines[n] as string;
    },
    write: (line) => void child.stdin.write(`${line}\n`),
    async kill() {
      child.kill('SIGKILL');
      await ended;
    },
  };
}
