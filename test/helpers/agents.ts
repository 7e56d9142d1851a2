import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';

/** A program under test/fixtures/agents as words of a command line. */
export function agent(name: 'misbehave' | 'record' | 'coprocess', ...args: string[]): string[] {
  return [
    process.execPath,
    fileURLToPath(new URL(`../fixtures/agents/${name}.mjs`, import.meta.url)),
    ...args,
  ];
}

/** What the `record` agent was given for a message. */
export interface Given {
  argv: string[];
  env: Record<string, string | undefined>;
  stdin: string;
}

/** Reads what `record` noted under `out`. */
export function given(out: string, messageId: string | null): Given {
  const noted = JSON.parse(readFileSync(join(out, `${messageId}.json`), 'utf8')) as Given;
  return { ...noted, stdin: Buffer.from(noted.stdin, 'base64').toString('utf8') };
}

/** Whether a process lives. One that has ended may wait for its parent, which in a container may take its time. */
export function lives(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return process.platform !== 'linux' || !/\) [ZX] /.test(readFileSync(`/proc/${pid}/stat`, 'latin1'));
  } catch {
    return false;
  }
}
