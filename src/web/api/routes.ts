import { ACCESS_ROUTES } from './access.ts';
import { ACCOUNT_ROUTES } from './accounts.ts';
import type { Route } from './route.ts';

/** Every route of the API. */
export const ROUTES: readonly Route[] = [...ACCOUNT_ROUTES, ...ACCESS_ROUTES];
