import {
  type Access,
  type BrowserSession,
  browserName,
  type Invitation,
  invitationName,
  USE_NOTED_EVERY_MS,
} from '../../store/port/port.ts';
import type { Credential } from '../guard/read-credential.ts';
import type { CallerScope } from '../guard/scope.ts';
import { storeAnswer } from '../port/store-answer.ts';
import { digestOf, idOfInvitation, idOfToken, isSame } from './secrets.ts';

/** Who asks, and what they may. */
export interface Caller {
  /** As the audit names them. */
  name: string;
  scope: CallerScope;
  /** Key of the only account they may see; null: all. */
  account: string | null;
  /** The only user; null: all. */
  user: string | null;
  /** When they may no longer; null: as long as their token or session is there. */
  expiresAtMs: number | null;
  /** The session of a browser; null: a program. */
  session: Pick<BrowserSession, 'digest' | 'createdAtMs'> | null;
  /** The invitation of a guest, also when it is used or expired; null: nobody's. */
  invitation: Invitation | null;
  /** The cookie of a session that lasts longer from now on: it is set again. */
  renewedCookie: string | null;
}

/** Compared with when there is no such token, so that both take as long. */
const NOBODY = digestOf('');

/** Whose credential this is; null: nobody's. Throws WxError `storage` for a slow store: nothing was done yet. */
export function callerOf(access: Access, credential: Credential, nowMs: number): Promise<Caller | null> {
  return storeAnswer(find(access, credential, nowMs));
}

async function find(access: Access, credential: Credential, nowMs: number): Promise<Caller | null> {
  if (credential.kind === 'cookie') return ofCookie(access, credential.value, nowMs);
  if (credential.kind === 'none') return null;
  const invited = idOfInvitation(credential.text);
  if (invited !== null) return ofInvitation(access, invited, credential.text);
  const id = idOfToken(credential.text);
  const token = id === null ? null : await access.token(id);
  const isRight = isSame(digestOf(credential.text), token?.digest ?? NOBODY);
  if (!token || !isRight || (token.expiresAtMs !== null && token.expiresAtMs <= nowMs)) return null;
  // Who may read can do so while nothing can be written.
  if (isUseToNote(token.lastUsedAtMs, nowMs))
    await access.noteTokenUse({ id: token.id, nowMs }).catch(() => {});
  const { scope, account, user, expiresAtMs } = token;
  return {
    name: `token ${token.name}`,
    scope,
    account,
    user,
    expiresAtMs,
    session: null,
    invitation: null,
    renewedCookie: null,
  };
}

async function ofInvitation(access: Access, id: string, text: string): Promise<Caller | null> {
  const found = await access.invitation(id);
  if (!isSame(digestOf(text), found?.digest ?? NOBODY) || !found) return null;
  const { digest: _, ...invitation } = found;
  return {
    name: invitationName(invitation.name),
    scope: 'guest',
    account: '',
    user: '',
    expiresAtMs: invitation.expiresAtMs,
    session: null,
    invitation,
    renewedCookie: null,
  };
}

async function ofCookie(access: Access, value: string, nowMs: number): Promise<Caller | null> {
  const digest = digestOf(value);
  const session = await access.session({ digest, nowMs });
  if (!session) return null;
  const isRenewed = isUseToNote(session.lastSeenAtMs, nowMs);
  if (isRenewed) await access.noteSessionUse({ digest, nowMs }).catch(() => {});
  return {
    name: browserName(digest),
    scope: 'admin',
    account: null,
    user: null,
    expiresAtMs: null,
    session,
    invitation: null,
    renewedCookie: isRenewed ? value : null,
  };
}

/** A program may ask every second: its use is written every five minutes. */
function isUseToNote(lastMs: number | null, nowMs: number): boolean {
  return lastMs === null || nowMs - lastMs >= USE_NOTED_EVERY_MS;
}
