import { WxError } from '../../core/errors.ts';
import type { Access, AccessToken } from '../../store/port/port.ts';
import { digestOf, newToken } from './secrets.ts';

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
