import type { Account } from '../api-client/types.ts';

export function accountName({ name, id }: Pick<Account, 'name' | 'id'>): string {
  return name ?? id;
}

/** How a user is called: without what stands behind every ID. */
export function userName(id: string): string {
  return plain(id.replace(/@im\.wechat$/, ''));
}

/** A name of a user's file, or of a user: without what cannot be seen, or turns the text around it. */
export function plain(name: string): string {
  return name.replace(/[\p{Cc}\p{Cs}\p{Zl}\p{Zp}\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu, '\ufffd');
}
