import type { Account } from '../server/types.ts';

/** How an account is called. */
export function accountName({ name, id }: Pick<Account, 'name' | 'id'>): string {
  return name ?? id;
}

/** How a user is called: without what stands behind every ID. */
export function userName(id: string): string {
  return id.replace(/@im\.wechat$/, '');
}
