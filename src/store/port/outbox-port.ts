import type { ShownAs } from '../../core/message/media.ts';

/** Where a part of the outbox stands (design 3). */
export type PartState =
  | 'queued'
  | 'uploading'
  | 'sending'
  | 'confirmed'
  | 'unconfirmed'
  | 'held'
  | 'refused'
  | 'merged'
  | 'expired';

/** Who wrote a part. */
export type PartOrigin = 'answer' | 'notice' | 'send';

/** A file to be sent: our own copy, which stays until the part is final (design 4). */
export interface PartFile {
  path: string;
  /** The name the phone shows. */
  name: string;
  /** As what the phone shows it. */
  kind: ShownAs;
  /** How long it is, and the hex md5 of it; null in parts of versions that did not look. */
  sizeBytes: number | null;
  md5: string | null;
}

/** A part to be queued: a text, or a file. */
export interface NewPart {
  clientId: string;
  origin: PartOrigin;
  /** Groups all parts of one turn (`run_id`). */
  runId: string | null;
  /** '' for a file. */
  text: string;
  file: PartFile | null;
}

/** A held part about to be released. */
export interface HeldPart {
  text: string;
  file: PartFile | null;
  createdAtMs: number;
  origin: PartOrigin;
}

/** What held parts become when their user writes again, in the order of sending. */
export type MergedHolds = { text: string; file: PartFile | null }[];

/** A part as lists and logs show it. */
export interface PartView {
  seq: number;
  account: string;
  user: string;
  clientId: string;
  message: string | null;
  origin: PartOrigin;
  kind: 'text' | ShownAs;
  text: string;
  file: PartFile | null;
  state: PartState;
  reason: string | null;
  serverId: string | null;
  createdAtMs: number;
  heldAtMs: number | null;
  /** The part this one was merged into. */
  mergedInto: number | null;
}

/** A part claimed for one request. */
export interface ClaimedPart {
  seq: number;
  user: string;
  /** The exact bytes to send; the same on every repeat (design 3). */
  body: Buffer;
  /** Sends of this part so far whose result stayed unknown. */
  repeats: number;
  /** The part as it stands now. */
  view: PartView;
}

/** What `claimPart` found. */
export type Claim =
  | { kind: 'part'; part: ClaimedPart }
  /** A file that has to be uploaded before it can be sent. */
  | { kind: 'upload'; seq: number; user: string; file: PartFile; tries: number }
  /** Nothing can go now; ask again after `waitMs`. */
  | { kind: 'wait'; waitMs: number }
  /** Nothing to send, or only held parts. `held` are the parts this call has put on hold. */
  | { kind: 'nothing'; held: PartView[] };

/** What became of parts that a step has queued. */
export interface QueuedParts {
  /** The claim of the first one, where that was asked for. */
  claim: Claim | null;
  /** Those that are held from the start, behind held ones. */
  held: PartView[];
}

/** What the wire needs to send one part. */
export interface PartContent {
  user: string;
  clientId: string;
  contextToken: string | null;
  runId: string | null;
  text: string;
  /** What `settleUpload` was given for a file; null for a text. */
  upload: string | null;
}

/** Who delivers, and how fast. */
export interface DeliveryTerms {
  account: string;
  user: string;
  nowMs: number;
  /** Milliseconds between parts of this account beyond the first two; 0 turns the pace off. */
  paceMs: number;
  /** Makes the request body of a part. */
  encode: (part: PartContent) => Buffer;
}

/** How the server answered a sendmessage. */
export type SendReply =
  | { kind: 'accepted'; messageId: string | null }
  | { kind: 'refused'; code: number; errmsg: string }
  /** An HTTP status that says the request itself is wrong: 4xx but 408, 425, 429. */
  | { kind: 'rejected'; status: number }
  /** It may have arrived or not: no answer, 5xx, a body that is not understood. */
  | { kind: 'unknown'; detail: string }
  /** It has not arrived: no connection, or a server that has not looked at it (425, 429). */
  | { kind: 'unsent'; detail: string };

/** An upload that a living process is at. */
export interface UploadView {
  seq: number;
  /** How much has gone up, of how much; null: nothing was said of it yet. */
  progress: { sentBytes: number; totalBytes: number } | null;
}

/** How an upload ended. `upload` is kept with the part and handed to `encode`. */
export type UploadResult =
  | { kind: 'uploaded'; upload: string }
  | { kind: 'refused'; reason: string }
  | { kind: 'again'; detail: string };

/** What is known of a part after a request. */
export interface Verdict {
  part: PartView;
  /** When the user's next part may be tried; null: now. */
  waitMs: number | null;
  /** Other parts of the user that this verdict put on hold. */
  held: PartView[];
  /** Messages the user may still get before they must write again (design 3). */
  budgetLeft: number;
  /** What may go to the user now, where it was asked for or is known anyway. */
  next: Claim | null;
}

/** What `send` was given. */
export interface SendRequest {
  account: string;
  user: string;
  parts: NewPart[];
  /** Message this answers, when sent from inside an agent. */
  message: string | null;
  /** `--id`: parts queued under it before are returned instead of new ones. */
  id: string | null;
  /** `--key`: parts under it that still wait are replaced. */
  key: string | null;
  /** `--ttl`: when a part that still waits is dropped. */
  expiresAtMs: number | null;
  nowMs: number;
}
