/** What a state event is about; see {@link StateEvent}. */
export type EventKind = 'message' | 'turn' | 'part' | 'verdict' | 'scheduled' | 'login' | 'worker' | 'audit';

/** Where an event is in the log. No other one is there, in no other log and in no older copy of this one. */
export interface EventPlace {
  /** The transaction, on a server; 0 on SQLite. */
  xid: number;
  seq: number;
  atMs: number;
}

/** A state has changed: of what, and to which. */
export interface StateEvent extends EventPlace {
  kind: EventKind;
  /** Key of the account; null: that of a worker as such. */
  account: string | null;
  user: string | null;
  /** ID of the message that it is about, or that the part answers. */
  message: string | null;
  /** Number of the part or of the scheduled text, or name of the worker. */
  subject: string | null;
  state: string;
  /** How long a turn took that has ended. */
  ms: number | null;
}

/** What follows a place in the log. */
export interface Following {
  events: StateEvent[];
  /** Whether the place is still in the log: otherwise some that followed it may have gone, too. */
  isWhole: boolean;
}

/** How often an event of a kind and state was noted; turns also by how long they took. */
export interface EventCount {
  kind: EventKind;
  state: string;
  /** The first of the limits that these turns did not exceed; null: longer than all, or no turn that has ended. */
  withinMs: number | null;
  count: number;
  /** All of them together. */
  ms: number;
}

/**
 * The log of state events. They are in one order, in which nothing is ever put in front of what was read. They are kept for
 * a day. SQLite writes the log while somebody reads it, and for a day after: places from before are in it no more.
 */
export interface Events {
  /** The newest event; null: there is none. */
  newest(): Promise<EventPlace | null>;
  /** The event at a place; null: there is none, or no longer. */
  at(place: EventPlace): Promise<StateEvent | null>;
  /** The oldest events behind a place, in their order. */
  after(input: { place: EventPlace; limit: number }): Promise<Following>;
  /** How often each event was noted behind a place, up to another one; turns by these limits. */
  counts(input: { after: EventPlace; upTo: EventPlace; limitsMs: readonly number[] }): Promise<EventCount[]>;
}
