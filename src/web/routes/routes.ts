import type { Route } from '../api/route.ts';
import { ACCESS_ROUTES } from './access.ts';
import { ACCOUNT_ROUTES } from './accounts.ts';
import { ALLOWED_ROUTES } from './allowed.ts';
import { CONVERSATION_ROUTES } from './conversations.ts';
import { EVENT_ROUTES } from './events.ts';
import { FILE_ROUTES } from './files.ts';
import { INVITATION_ROUTES } from './invitations.ts';
import { LOGIN_ROUTES } from './logins.ts';
import { MACHINE_ROUTES } from './machine.ts';
import { MESSAGE_ROUTES } from './messages.ts';
import { PART_ROUTES } from './parts.ts';
import { SCHEDULED_ROUTES } from './scheduled.ts';
import { SEND_ROUTES } from './send.ts';
import { SOURCE_ROUTES } from './sources.ts';

/** Every route of the API. */
export const ROUTES: readonly Route[] = [
  ...ACCOUNT_ROUTES,
  ...CONVERSATION_ROUTES,
  ...MESSAGE_ROUTES,
  ...FILE_ROUTES,
  ...PART_ROUTES,
  ...SCHEDULED_ROUTES,
  ...SEND_ROUTES,
  ...ALLOWED_ROUTES,
  ...LOGIN_ROUTES,
  ...INVITATION_ROUTES,
  ...MACHINE_ROUTES,
  ...EVENT_ROUTES,
  ...ACCESS_ROUTES,
  ...SOURCE_ROUTES,
];
