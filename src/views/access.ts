import type { AccessToken } from '../store/port/port.ts';
import { timeShown } from './account.ts';

/** A token as `token list --json` and the API show it. */
export function tokenShown(token: AccessToken) {
  const { name, scope, account, user } = token;
  return {
    ...{ name, scope, account, user },
    createdAt: timeShown(token.createdAtMs),
    expiresAt: timeShown(token.expiresAtMs),
    lastUsedAt: timeShown(token.lastUsedAtMs),
  };
}
