import type { Access } from '../../store/port/port.ts';
import { CODE_MS, digestOf, newCode, plainCode } from './secrets.ts';

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
