import { WxError } from '../../core/errors.ts';
import type { Access, AccessToken, Invitation, Source } from '../../store/port/port.ts';
import {
  CODE_MS,
  digestOf,
  newCode,
  newInvitationToken,
  newSourceToken,
  newToken,
  plainCode,
} from './secrets.ts';
import { sealSecret } from './source-secret.ts';

/** The longest title of a source. */
const MOST_TITLE_CHARS = 200;

/** Makes and stores a token. Its text is in the result and nowhere else. Throws WxError `busy` when the name is taken. */
export async function addToken(
  access: Access,
  wanted: Pick<AccessToken, 'name' | 'scope' | 'account' | 'user' | 'expiresAtMs'> & {
    by: string;
    nowMs: number;
  },
): Promise<{ token: AccessToken; text: string }> {
  const { by, nowMs, ...kept } = wanted;
  const { id, text } = newToken(kept.scope);
  const token: AccessToken = { ...kept, id, createdAtMs: nowMs, lastUsedAtMs: null };
  if (await access.addToken({ token: { ...token, digest: digestOf(text) }, by, nowMs }))
    return { token, text };
  throw new WxError('busy', `there is a token "${kept.name}" already`, {
    hint: `wxagent token remove ${kept.name}`,
  });
}

/**
 * Makes and stores a source. Its token is in the result and nowhere else; `secret` is as it was given, and is stored
 * encrypted. Throws WxError `usage`, and `busy` when the name is taken.
 */
export async function addSource(
  access: Access,
  wanted: Omit<Source, 'createdAtMs' | 'lastUsedAtMs'> & { by: string; nowMs: number },
): Promise<{ source: Source; token: string }> {
  const { by, nowMs, ...kept } = wanted;
  if (kept.title !== null && kept.title.length > MOST_TITLE_CHARS)
    throw new WxError(
      'usage',
      `the title has ${kept.title.length} characters, and may have ${MOST_TITLE_CHARS}`,
      { hint: '--title backup' },
    );
  const token = newSourceToken();
  const secret = kept.secret === null ? null : sealSecret(token, kept.name, kept.secret);
  const source: Source = { ...kept, secret, createdAtMs: nowMs, lastUsedAtMs: null };
  if (await access.addSource({ source: { ...source, digest: digestOf(token) }, by, nowMs }))
    return { source, token };
  throw new WxError('busy', `there is a source "${kept.name}" already`, {
    hint: `wxagent source remove ${kept.name}`,
  });
}

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

/** Makes and stores a one-time code for a browser. Its text is in the result and nowhere else. */
export async function addCode(
  access: Access,
  { by, nowMs }: { by: string; nowMs: number },
): Promise<{ code: string; expiresAtMs: number }> {
  const code = newCode();
  const expiresAtMs = nowMs + CODE_MS;
  await access.addCode({ digest: digestOf(plainCode(code)), expiresAtMs, by, nowMs });
  return { code, expiresAtMs };
}
