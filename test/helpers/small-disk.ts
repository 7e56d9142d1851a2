import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdirSync, readdirSync, rmSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { onTestFinished } from 'vitest';
import { pollUntil } from './poll-until.ts';
import { makeFolder } from './wxagent.ts';

/** A disk of its own for a test: a tmpfs in a mount namespace, which takes no root, and goes with its processes. */
export interface SmallDisk {
  /** Where it is mounted, for programs started `through` it. */
  home: string;
  /** Starts programs where the disk is mounted. */
  through: readonly [string, ...string[]];
  /** The same folder as this process sees it. */
  outside: string;
  /** Fills it to the last block. */
  fill(): void;
  /** Removes what `fill` has written. */
  makeRoom(): void;
}

/** Mounts a disk of `sizeMiB`; or, with `readOnly`, the folder `home` as one that nobody can write to. */
export async function smallDisk(options: { sizeMiB: number } | { readOnly: string }): Promise<SmallDisk> {
  const home = 'readOnly' in options ? options.readOnly : makeFolder();
  const mount =
    'readOnly' in options
      ? 'mount --bind "$0" "$0" && mount -o remount,bind,ro "$0"'
      : `mount -t tmpfs -o size=${options.sizeMiB}m,mode=700 tmpfs "$0"`;
  const keeper = spawn('unshare', ['-rm', 'sh', '-c', `${mount} && echo ready && exec sleep 600`, home], {
    stdio: ['ignore', 'pipe', 'inherit'],
  });
  onTestFinished(async () => {
    keeper.kill('SIGKILL');
    if (keeper.exitCode === null && keeper.signalCode === null) await once(keeper, 'exit');
  });
  await ready(keeper);
  const outside = join('/proc', String(keeper.pid), 'root', home);
  const ballast = join(outside, 'ballast');
  const through = [
    'nsenter',
    '-U',
    '-m',
    '--preserve-credentials',
    '-t',
    String(keeper.pid),
    process.execPath,
  ];
  return {
    home,
    through: through as [string, ...string[]],
    outside,
    fill() {
      mkdirSync(ballast, { recursive: true });
      // Smaller and smaller files, until not even a block fits.
      for (let sizeBytes = 4 * 1024 * 1024; sizeBytes >= 4096; ) {
        const file = join(ballast, `${readdirSync(ballast).length}`);
        try {
          writeFileSync(file, Buffer.alloc(sizeBytes));
        } catch {
          rmSync(file, { force: true });
          sizeBytes /= 4;
        }
      }
    },
    makeRoom: () => rmSync(ballast, { recursive: true, force: true }),
  };
}

async function ready(keeper: ChildProcess): Promise<void> {
  let said = '';
  keeper.stdout?.on('data', (chunk) => {
    said += String(chunk);
  });
  await pollUntil('the disk is mounted', () => said.includes('ready') || keeper.exitCode !== null);
  if (!said.includes('ready')) throw new Error('no disk of its own could be mounted (unshare -rm)');
}
