import type { tokenShown } from '../../../views/access.ts';
import type { accountShown } from '../../../views/account.ts';
import type { eventShown } from '../../../views/event.ts';
import type { partShown } from '../../../views/part.ts';

/** An account of `GET /accounts`. */
export type Account = ReturnType<typeof accountShown>;
/** A user of an account, with budget and window. */
export type User = Account['users'][number];
/**
 * A part of `GET /accounts/{account}/parts`.
 *
 * @public
 */
export type Part = ReturnType<typeof partShown>;
/** What has changed, of `GET /events`. */
export type StateEvent = ReturnType<typeof eventShown>;
/**
 * A token of `GET /tokens`.
 *
 * @public
 */
export type Token = ReturnType<typeof tokenShown>;
