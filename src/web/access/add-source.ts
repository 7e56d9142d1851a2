import { WxError } from '../../core/errors.ts';
import type { Access, Source } from '../../store/port/port.ts';
import { digestOf, newSourceToken } from './secrets.ts';

/** The longest title. */
const MOST_TITLE_CHARS = 200;

/** Makes and stores a source. Its token is in the result and nowhere else. Throws WxError `busy` when the name is taken. */
export async function addSource(
  access: Access,
  wanted: Omit<Source, 'createdAtMs' | 'lastUsedAtMs'> & { by: string; nowMs: number },
): Promise<{ source: Source; token: string }> {
  const { by, nowMs, ...kept } = wanted;
  if (kept.title !== null && kept.title.length > MOST_TITLE_CHARS)
    throw new WxError(
      'usage',
      `the title has ${kept.title.length} characters, and may have ${MOST_TITLE_CHARS}`,
      {
        hint: '--title backup',
      },
    );
  const token = newSourceToken();
  const source: Source = { ...kept, createdAtMs: nowMs, lastUsedAtMs: null };
  if (await access.addSource({ source: { ...source, digest: digestOf(token) }, by, nowMs }))
    return { source, token };
  throw new WxError('busy', `there is a source "${kept.name}" already`, {
    hint: `wxagent source remove ${kept.name}`,
  });
}
