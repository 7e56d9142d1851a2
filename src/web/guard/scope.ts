import type { Scope } from '../../store/port/port.ts';

/** Whether a scope may use a route that asks for one of these. Who may do everything needs none of them. */
export function isAllowedBy(scope: Scope, needed: readonly Scope[]): boolean {
  return scope === 'admin' || needed.includes(scope);
}
