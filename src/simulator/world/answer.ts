/** What became of an answer: `sent`, or how a server that breaks on purpose lost it on the wire. */
export type WireResult = 'sent' | 'aborted' | 'status' | 'reset' | 'cut' | 'garbage' | 'hang' | 'answer';

export interface Answer {
  status: number;
  body: string | Buffer;
  headers?: Record<string, string>;
  /** The cursor that it brings, of a poll. */
  cursor?: string;
  /** Told once what became of the answer. */
  onWireResult?(wireResult: WireResult): void;
}

/** HTTP 200 with a JSON text: how iLink answers everything, errors included (protocol 1.5). */
export function ok(body: string | Buffer, onWireResult?: (wireResult: WireResult) => void): Answer {
  return onWireResult ? { status: 200, body, onWireResult } : { status: 200, body };
}

/** An error in `ret`; without `errmsg` when that is null (protocol 8). */
export function refused(ret: number, errmsg: string | null): Answer {
  return ok(JSON.stringify(errmsg === null ? { ret } : { ret, errmsg }));
}

/** The token is dead, unknown or missing (protocol 1.2). */
export const SESSION_TIMEOUT: Answer = ok('{"errcode":-14,"errmsg":"session timeout"}');

/** A caller's mistake (protocol 8). */
export const INVALID_ARGUMENTS: Answer = refused(-2, 'invalid arguments');
