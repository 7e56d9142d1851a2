import { WxError } from '../../core/errors.ts';

/** A lease on an account: who may move its cursor, run its turns and send its parts. */
export interface Lease {
  account: string;
  /** The worker that holds it: an id that is new with every start. */
  worker: string;
  /** Grows with every change of the owner, also to the same worker. */
  epoch: number;
  /** The worker that held it before, which may have left claims; null: none. */
  former: string | null;
}

/** How long a worker that ends tries to give its leases back. */
export const LEAVE_MS = 10_000;

/** The account has another owner by now: the step has changed nothing but for messages of a poll, which are stored. */
export class LeaseLost extends WxError {
  readonly account: string;

  constructor(account: string) {
    super('busy', `another worker serves ${account} by now`, { hint: 'wxagent status' });
    this.account = account;
  }
}

/** Tells a runner whether its process may still act for an account; see docs/decisions/0028. */
export interface Trust {
  /** Whether a poll, a turn or a request may begin. By the clocks of this process, at this moment. */
  isTrusted(): boolean;
  /** Aborted when trust ends, maybe only until the next renewal. Another signal from then on. */
  readonly signal: AbortSignal;
  /** Resolves when it is trusted (again), or the signal is aborted. */
  regained(signal: AbortSignal): Promise<void>;
}
