import { readFileSync } from 'node:fs';
import { WxError } from '../core/errors.ts';

/** Open files beside the connection that each account polls over: those of the store, of answers and of agents. */
const BESIDE_POLLS = 64;

/** How many files this process may have open at once; null: that cannot be told. Node raises what may be raised. */
export function openFilesLimit(): number | null {
  try {
    const limit = process.platform === 'linux' ? limitOfLinux() : limitOfShell();
    return Number.isSafeInteger(limit) && limit > 0 ? limit : null;
  } catch {
    return null;
  }
}

function limitOfLinux(): number {
  return Number(/^Max open files\s+(\d+)/m.exec(readFileSync('/proc/self/limits', 'latin1'))?.[1]);
}

function limitOfShell(): number {
  if (process.platform === 'win32') return Number.NaN;
  const { execFileSync } = process.getBuiltinModule('node:child_process');
  return Number(execFileSync('/bin/sh', ['-c', 'ulimit -n'], { encoding: 'utf8', timeout: 2_000 }));
}

/** How many open files it takes to serve so many accounts. */
export function openFilesFor(accounts: number): number {
  return accounts + BESIDE_POLLS;
}

/** How many accounts this process has files for; null: that cannot be told. */
export function mostAccounts(limit = openFilesLimit()): number | null {
  return limit === null ? null : Math.max(0, limit - BESIDE_POLLS);
}

/** The error where this process cannot serve so many accounts; null: it can. Each poll keeps a file open. */
export function tooFewOpenFiles(accounts: number, limit = openFilesLimit()): WxError | null {
  const needed = openFilesFor(accounts);
  if (limit === null || needed <= limit) return null;
  return new WxError(
    'config',
    `${accounts} accounts need ${needed} open files, and this process may have ${limit}`,
    { hint: `ulimit -n ${2 ** Math.ceil(Math.log2(needed * 2))}, or LimitNOFILE= of systemd` },
  );
}
