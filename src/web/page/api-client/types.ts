import type { auditEntryShown, invitationShown, sourceShown, tokenShown } from '../../../views/access.ts';
import type { accountShown } from '../../../views/account.ts';
import type { eventShown } from '../../../views/event.ts';
import type { partShown, scheduledShown } from '../../../views/part.ts';
import type { shownConversation } from '../../routes/conversations.ts';
import type { shownMessage } from '../../routes/messages.ts';
import type { shownPart } from '../../routes/parts.ts';

/** An account of `GET /accounts`. */
export type Account = ReturnType<typeof accountShown>;
/** A user of an account, with budget and window. */
export type User = Account['users'][number];
/** A part of `GET /accounts/{account}/parts`. */
export type Part = ReturnType<typeof partShown>;
/** A text of `GET /accounts/{account}/scheduled`. */
export type ScheduledText = ReturnType<typeof scheduledShown>;
/** A message of `GET /accounts/{account}/messages`. */
export type Message = ReturnType<typeof shownMessage>;
/** What stands in a conversation. */
export type Entry = { message: Message; part: null } | { message: null; part: ReturnType<typeof shownPart> };
/** A conversation of `GET /accounts/{account}/conversations`. */
export type Conversation = ReturnType<typeof shownConversation>;
/** What has changed, of `GET /events`. */
export type StateEvent = ReturnType<typeof eventShown>;
/** A token of `GET /tokens`. */
export type Token = ReturnType<typeof tokenShown>;
/** A source of `GET /sources`. */
export type Source = ReturnType<typeof sourceShown>;
/** An invitation of `GET /invitations`. */
export type Invitation = ReturnType<typeof invitationShown>;
/** What was done, of `GET /audit`. */
export type AuditEntry = ReturnType<typeof auditEntryShown>;
/** A login of `GET /logins/{login}`. */
export interface Login {
  id: string;
  state: 'starting' | 'waiting' | 'scanned' | 'verify' | 'done' | 'failed' | 'cancelled';
  /** What its QR code says; null: there is none just now. */
  url: string | null;
  expiresAt: string | null;
  isWrongCode: boolean;
  /** null: it is not done, or a guest asks. */
  account: { id: string; name: string | null; owner: string | null } | null;
  /** False: that bot was logged in already. */
  isNew: boolean | null;
  problem: { detail: string } | null;
}

/** A process of `GET /workers`. */
export interface Worker {
  id: string;
  name: string;
  host: string;
  pid: number;
  version: string;
  purpose: 'share' | 'serve' | 'look';
  state: 'serving' | 'leaving' | 'expired';
  accounts: number;
  /** null: any number. */
  capacity: number | null;
  startedAt: string;
  /** How long ago it renewed its leases. */
  lagMs: number;
}

/** What `GET /doctor` has found. */
export type { Checkup } from '../../port/backend.ts';
