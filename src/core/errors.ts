import { EXIT_CODES } from './exit-codes.ts';

/** The one error type. Anything else that is thrown is a bug and leaves with 70. */

/** What went wrong, in the words scripts match on. */
export type ErrorKind = keyof typeof EXIT_CODES;

/** What else an error may carry beside its sentence. */
export interface WxErrorOptions {
  /** A command the reader can run next. */
  hint?: string;
  /** What caused it; shown only with `--verbose`. */
  cause?: unknown;
  /** Overrides the exit code of the kind (143 for a second SIGTERM). */
  exit?: number;
}

/** An expected failure: a sentence a person can act on, a kind, and where there is one a next step. */
export class WxError extends Error {
  override readonly name = 'WxError';
  readonly kind: ErrorKind;
  readonly hint: string | undefined;
  readonly exit: number;

  constructor(kind: ErrorKind, message: string, options: WxErrorOptions = {}) {
    super(message, options.cause === undefined ? undefined : { cause: options.cause });
    this.kind = kind;
    this.hint = options.hint;
    this.exit = options.exit ?? EXIT_CODES[kind];
  }
}

/** Node's code for a module that is not there, and what that means to people. */
const FILE_MISSING = 'ERR_MODULE_NOT_FOUND';
const WHAT_IS_MISSING = 'a file of wxagent is missing: it was updated or removed while it was running';

/** A file of the program that was to be loaded is not there: nothing but a new start helps. */
export class FileMissing extends WxError {
  constructor(cause: unknown) {
    super('internal', WHAT_IS_MISSING, { hint: 'start wxagent again', cause });
  }
}

/** Turns whatever was thrown into a WxError; what is not one already is a bug (`internal`). */
export function asWxError(thrown: unknown): WxError {
  if (thrown instanceof WxError) return thrown;
  if (hasCode(thrown, FILE_MISSING)) return new FileMissing(thrown);
  const message = thrown instanceof Error ? thrown.message : String(thrown);
  return new WxError('internal', `unexpected failure: ${message}`, {
    hint: 'wxagent --verbose ... shows where; please report it',
    cause: thrown,
  });
}

/** The message of anything thrown, for a log line. */
export function reasonOf(thrown: unknown): string {
  try {
    if (hasCode(thrown, FILE_MISSING)) return WHAT_IS_MISSING;
    return thrown instanceof Error && typeof thrown.message === 'string' ? thrown.message : String(thrown);
  } catch {
    // An object without a prototype, or whose getters throw.
    return 'an error without a message';
  }
}

/** The code of a thrown error: that of the system (`ENOENT`), of a database or of Node; '' when there is none. */
export function codeOf(thrown: unknown): string {
  return thrown instanceof Error ? String((thrown as { code?: unknown }).code ?? '') : '';
}

/** Whether a thrown value is a system error with this code (`ENOENT`, ...). */
export function hasCode(thrown: unknown, code: string): boolean {
  return codeOf(thrown) === code;
}

/** What a machine may be short of for a while: files, processes, memory, room on the disk, that of the store's server too. */
const SHORTAGES = new Set(['EMFILE', 'ENFILE', 'EAGAIN', 'ENOMEM', 'ENOBUFS', 'ENOSPC', 'EDQUOT', '53100']);

/** Whether something has failed for what this machine is short of just now: later it may work as it is. */
export function isShortage(thrown: unknown): boolean {
  for (let error = thrown, depth = 0; error instanceof Error && depth < 5; error = error.cause, depth++) {
    if (SHORTAGES.has(codeOf(error))) return true;
  }
  return false;
}
