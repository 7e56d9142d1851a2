import { createRequire } from 'node:module';
import type LibsqlDatabase from 'libsql';

/**
 * Loads libsql when a database is needed. It is CommonJS: an `import` would read its code once more, for the names that
 * it exports.
 */
export function loadLibsql(): typeof LibsqlDatabase {
  return createRequire(import.meta.url)('libsql');
}
