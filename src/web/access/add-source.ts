import { WxError } from '../../core/errors.ts';
import type { Access, Source } from '../../store/port/port.ts';
import { digestOf, newSourceToken } from './secrets.ts';

/** Makes and stores a source. Its token is in the result and nowhere else. Throws WxError `busy` when the name is taken. */
export async function addSource(
  access: Access,
  wanted: Omit<Source, 'createdAtMs' | 'lastUsedAtMs'> & { by: string; nowMs: number },
): Promise<{ source: Source; token: string }> {
  const { by, nowMs, ...kept } = wanted;
  const token = newSourceToken();
  const source: Source = { ...kept, createdAtMs: nowMs, lastUsedAtMs: null };
  if (await access.addSource({ source: { ...source, digest: digestOf(token) }, by, nowMs }))
    return { source, token };
  throw new WxError('busy', `there is a source "${kept.name}" already`, {
    hint: `wxagent source remove ${kept.name}`,
  });
}
