import type { Scope } from '../../store/port/port.ts';

/** What a caller may: what a token may, or what an invitation is for. */
export type CallerScope = Scope | 'guest';

/** Whether a scope may use a route. Who may do everything needs none of them, but for what only a guest does. */
export function isAllowedBy(scope: CallerScope, needed: readonly CallerScope[]): boolean {
  return needed.includes(scope) || (scope === 'admin' && !needed.includes('guest'));
}

/** The scopes that may use it, as people read them. */
export function whoMay(needed: readonly CallerScope[]): string {
  return (needed.includes('guest') ? needed : ['admin', ...needed]).join(' or ');
}
