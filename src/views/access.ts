import { quietHoursShown } from '../core/time/quiet-hours.ts';
import type { AccessToken, AuditEntry, Invitation, Source } from '../store/port/port.ts';
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

/** An invitation as `invite list --json` and the API show it. */
export function invitationShown(invitation: Invitation, nowMs: number) {
  const { name, createdAtMs, expiresAtMs, usedAtMs } = invitation;
  const isExpired = expiresAtMs <= nowMs;
  return {
    name,
    state: usedAtMs !== null ? ('used' as const) : isExpired ? ('expired' as const) : ('open' as const),
    createdAt: timeShown(createdAtMs),
    expiresAt: timeShown(expiresAtMs),
    usedAt: timeShown(usedAtMs),
  };
}

/** An entry of the audit as `audit --json` and the API show it. */
export function auditEntryShown({ seq, atMs, who, act, account, about }: AuditEntry) {
  return { id: String(seq), time: timeShown(atMs), who, act, account, about };
}

/** A source as `source list --json` and the API show it. */
export function sourceShown(source: Source) {
  const { name, account, user, title, template, ttlMs, digestMs, limit, quietHours, isImportant, fallback } =
    source;
  return {
    ...{ name, account, user, title },
    template: template === null ? null : (JSON.parse(template) as object),
    ttlMs,
    digestMs,
    limit,
    quietHours: quietHoursShown(quietHours),
    important: isImportant,
    fallback,
    signed: source.secret !== null,
    createdAt: timeShown(source.createdAtMs),
    lastUsedAt: timeShown(source.lastUsedAtMs),
  };
}
