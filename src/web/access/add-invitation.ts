import { WxError } from '../../core/errors.ts';
import type { Access, Invitation } from '../../store/port/port.ts';
import { digestOf, newInvitationToken } from './secrets.ts';

/**
 * Makes and stores an invitation. Its token is in the result and nowhere else: behind the `#` of the link, which no
 * browser sends. Throws WxError `busy` when the name is taken, also by an account.
 */
export async function addInvitation(
  access: Access,
  wanted: Pick<Invitation, 'name' | 'expiresAtMs'> & {
    /** Those of the accounts there are. */
    names: readonly (string | null)[];
    /** Where the server is reached. */
    origin: string;
    by: string;
    nowMs: number;
  },
): Promise<{ invitation: Invitation; token: string; link: string }> {
  const { name, expiresAtMs, names, origin, by, nowMs } = wanted;
  if (names.includes(name))
    throw new WxError('busy', `there is an account "${name}" already`, { hint: 'wxagent accounts' });
  const { id, text } = newInvitationToken();
  const invitation: Invitation = { id, name, createdAtMs: nowMs, expiresAtMs, usedAtMs: null };
  if (!(await access.addInvitation({ invitation: { ...invitation, digest: digestOf(text) }, by, nowMs })))
    throw new WxError('busy', `there is an invitation "${name}" already`, {
      hint: `wxagent invite remove ${name}`,
    });
  return { invitation, token: text, link: `${origin}/invite#${text}` };
}
