import { readdirSync } from 'node:fs';
import { createRequire } from 'node:module';
import type LibsqlDatabase from 'libsql';

/**
 * Loads libsql, a native CommonJS package, when a database is needed. On Linux it asks Node for a whole
 * diagnostic report only to learn which C library is in use; that takes longer than all the rest of
 * opening a database. Where musl has no loader the answer is known without.
 */
export function loadLibsql(): typeof LibsqlDatabase {
  const require = createRequire(import.meta.url);
  const { report } = process;
  if (!report || process.platform !== 'linux' || hasMusl()) return require('libsql');
  const { getReport } = report;
  report.getReport = () => ({ header: { glibcVersionRuntime: 'some' } });
  try {
    return require('libsql');
  } finally {
    report.getReport = getReport;
  }
}

function hasMusl(): boolean {
  try {
    return readdirSync('/lib').some((name) => name.startsWith('ld-musl-'));
  } catch {
    return true;
  }
}
