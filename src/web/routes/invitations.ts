import { WxError } from '../../core/errors.ts';
import { invitationShown } from '../../views/access.ts';
import { addInvitation } from '../access/grants.ts';
import { INVITATION_MS } from '../access/secrets.ts';
import { HttpError } from '../api/problem.ts';
import type { Call, Route } from '../api/route.ts';
import { listOf, NAME, objectOf, oneOf, optionalOf, orNull, TEXT, TIME } from '../api/schema.ts';
import { CANCEL, GIVE_DIGITS, LOGIN, LOOK, loginReply, SEE_CODE } from './logins.ts';

const FIELDS = {
  name: TEXT,
  state: oneOf('open', 'used', 'expired'),
  createdAt: TIME,
  expiresAt: TIME,
  usedAt: orNull(TIME),
};

/** Who may let others in. */
const ADMIN = { scopes: [], reach: 'server' } as const;
/** Who has been let in: they see their own login, and nothing else. */
const GUEST = { scopes: ['guest'], reach: 'user' } as const;

/** Invitations, and what a guest does with one: add one account. */
export const INVITATION_ROUTES: readonly Route[] = [
  {
    ...ADMIN,
    method: 'get',
    path: '/invitations',
    about: 'the invitations, without their tokens; those that have expired stay for a week',
    answer: objectOf({ invitations: listOf(objectOf(FIELDS)) }),
    async handle({ backend, nowMs }) {
      const found = await backend.store.access.invitations();
      return { json: { invitations: found.map((one) => invitationShown(one, nowMs)) } };
    },
  },
  {
    ...ADMIN,
    method: 'post',
    path: '/invitations',
    about: 'make an invitation; its link is in this answer and nowhere else',
    isElevated: true,
    body: optionalOf({ name: NAME, expiresAt: TIME }, ['name']),
    status: 201,
    answer: objectOf({ ...FIELDS, token: TEXT, link: TEXT }),
    errors: [409],
    handle: makeInvitation,
  },
  {
    ...ADMIN,
    method: 'delete',
    path: '/invitations/{name}',
    about: 'remove an invitation: whoever has its link can do nothing with it any more',
    isElevated: true,
    status: 204,
    errors: [404],
    async handle({ backend, logins, caller, params, nowMs }) {
      const { name = '' } = params;
      const id = await backend.store.access.removeInvitation({ name, by: caller.name, nowMs });
      if (id === null)
        throw new WxError('not-found', `there is no invitation ${JSON.stringify(name.slice(0, 80))}`);
      logins.endInvitation(id);
      return {};
    },
  },
  {
    ...GUEST,
    method: 'get',
    path: '/invitation',
    about: 'whether an invitation can be used',
    answer: objectOf({ name: TEXT, expiresAt: TIME }),
    errors: [410],
    async handle(call) {
      const { name, expiresAt } = invitationShown(openInvitation(call), call.nowMs);
      return { json: { name, expiresAt } };
    },
  },
  {
    ...GUEST,
    method: 'post',
    path: '/invitation/logins',
    about: 'begin the login of an invitation, or find the one that goes on',
    status: 201,
    answer: LOGIN,
    errors: [409, 410],
    async handle(call) {
      const { name } = openInvitation(call);
      const isTaken = (await call.backend.accounts()).some((one) => one.name === name);
      const login = call.logins.begin({ name: isTaken ? null : name, force: false }, call.caller);
      return loginReply(call, login);
    },
  },
  { ...GUEST, ...LOOK, path: '/invitation/logins/{login}' },
  { ...GUEST, ...SEE_CODE, path: '/invitation/logins/{login}/qr.svg' },
  { ...GUEST, ...GIVE_DIGITS, path: '/invitation/logins/{login}/code' },
  { ...GUEST, ...CANCEL, path: '/invitation/logins/{login}' },
];

async function makeInvitation({ backend, caller, body, origin, nowMs }: Call) {
  const { name, expiresAt } = body as { name: string; expiresAt?: string };
  const expiresAtMs = expiresAt === undefined ? nowMs + INVITATION_MS : Date.parse(expiresAt);
  if (expiresAtMs <= nowMs) throw new WxError('usage', 'expiresAt is in the past');
  const names = (await backend.accounts()).map((one) => one.name);
  const { invitation, token, link } = await addInvitation(backend.store.access, {
    ...{ name, expiresAtMs, names, origin, by: caller.name, nowMs },
  });
  return { json: { ...invitationShown(invitation, nowMs), token, link } };
}

/** The invitation of a guest. Throws `410` for one that is used or expired. */
function openInvitation({ caller, nowMs }: Call) {
  const { invitation } = caller;
  if (invitation === null) throw new Error('only guests use the routes of guests');
  const { state } = invitationShown(invitation, nowMs);
  if (state === 'open') return invitation;
  throw new HttpError(
    410,
    'not-found',
    state === 'used' ? 'this invitation was used already' : 'this invitation has expired',
  );
}
