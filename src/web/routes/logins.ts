import { WxError } from '../../core/errors.ts';
import { timeShown } from '../../views/account.ts';
import { languageOf, type Problem, problemOf } from '../api/problem.ts';
import type { Call, Route } from '../api/route.ts';
import { DIGITS, NAME, objectOf, oneOf, optionalOf, orNull, TEXT, TIME, YES_NO } from '../api/schema.ts';
import type { LoginView } from '../live/ongoing-logins.ts';
import { accountOf } from './accounts.ts';

/** A login as the API shows it. A guest is not told of accounts, only how far it is. */
export const LOGIN = objectOf({
  id: TEXT,
  state: oneOf('starting', 'waiting', 'scanned', 'verify', 'done', 'failed', 'cancelled'),
  url: orNull(TEXT),
  expiresAt: orNull(TIME),
  isWrongCode: YES_NO,
  account: orNull(objectOf({ id: TEXT, name: orNull(TEXT), owner: orNull(TEXT) })),
  isNew: orNull(YES_NO),
  problem: orNull(objectOf({ kind: TEXT, detail: TEXT, hint: orNull(TEXT) })),
});

/** What is done with a login that goes on, but for its path and who may. */
export const LOOK = {
  method: 'get',
  about: 'how far a login is',
  status: 200,
  answer: LOGIN,
  errors: [404],
  handle: (call: Call) => loginReply(call, call.logins.find(call.params.login ?? '', call.caller)),
} as const satisfies Partial<Route>;
export const SEE_CODE = {
  method: 'get',
  about: 'the QR code of a login, to be scanned with WeChat',
  media: 'image/svg+xml',
  errors: [404, 409],
  async handle({ backend, logins, params, caller }: Call) {
    const { url, state } = logins.find(params.login ?? '', caller);
    if (url === null) throw new WxError('busy', `this login has no QR code just now: it is ${state}`);
    return { body: await backend.qrSvg(url), headers: { 'content-type': 'image/svg+xml' } };
  },
} as const satisfies Partial<Route>;
export const GIVE_DIGITS = {
  method: 'post',
  about: 'give the verification code that the phone shows',
  body: objectOf({ code: DIGITS }),
  status: 200,
  answer: LOGIN,
  errors: [404, 409],
  handle(call: Call) {
    const { code } = call.body as { code: string };
    return loginReply(call, call.logins.verify(call.params.login ?? '', code, call.caller));
  },
} as const satisfies Partial<Route>;
export const CANCEL = {
  method: 'delete',
  about: 'cancel a login',
  status: 200,
  answer: LOGIN,
  errors: [404],
  handle: (call: Call) => loginReply(call, call.logins.cancel(call.params.login ?? '', call.caller)),
} as const satisfies Partial<Route>;

/** Who may scan a code in the name of this server. */
const ADMIN = { scopes: [], reach: 'server' } as const;

/** Logging in and out. A login goes on beside its requests: who began it looks how far it is. */
export const LOGIN_ROUTES: readonly Route[] = [
  {
    ...ADMIN,
    method: 'post',
    path: '/logins',
    about: 'begin a login: its QR code comes a moment later',
    body: optionalOf({ name: NAME, force: YES_NO }),
    status: 201,
    answer: LOGIN,
    errors: [409],
    handle(call) {
      const { name = null, force = false } = call.body as { name?: string; force?: boolean };
      return loginReply(call, call.logins.begin({ name, force }, call.caller));
    },
  },
  { ...ADMIN, ...LOOK, path: '/logins/{login}' },
  { ...ADMIN, ...SEE_CODE, path: '/logins/{login}/qr.svg' },
  { ...ADMIN, ...GIVE_DIGITS, path: '/logins/{login}/code' },
  { ...ADMIN, ...CANCEL, path: '/logins/{login}' },
  {
    ...ADMIN,
    method: 'delete',
    path: '/accounts/{account}',
    about: 'log out: forget the token of an account; its messages stay',
    isElevated: true,
    status: 204,
    errors: [404],
    async handle(call) {
      const { backend, caller, nowMs } = call;
      const account = await accountOf(call);
      await backend.logout(account);
      const { key, id, name } = account;
      await backend.store.access.noteAct({
        ...{ by: caller.name, act: 'logout', account: key, about: name ?? id, nowMs },
      });
      return {};
    },
  },
];

/** Answers with a login, as {@link LOGIN} says. */
export async function loginReply({ backend, incoming }: Call, view: LoginView) {
  const { id, state, url, expiresAtMs, isWrongCode, account, isNew, error, invitation } = view;
  const isGuest = invitation !== null;
  const problem = error && (isGuest ? forGuest(problemOf(error)) : problemOf(error));
  const told = await backend.translator(languageOf(incoming.headers['accept-language']));
  const json = {
    ...{ id, state, url, isWrongCode, isNew },
    expiresAt: timeShown(expiresAtMs),
    account: account && !isGuest ? { id: account.id, name: account.name, owner: account.owner } : null,
    problem: problem && {
      kind: problem.kind,
      detail: told(problem.detail),
      hint: problem.hint && told(problem.hint),
    },
  };
  return { json };
}

/** What a guest is told: nothing of files and servers, and no commands. */
function forGuest({ kind, detail }: Problem): Pick<Problem, 'kind' | 'detail' | 'hint'> {
  const isTheirs = kind === 'not-found' || kind === 'not-logged-in' || kind === 'cancelled';
  return { kind, detail: isTheirs ? detail : 'the server cannot log anybody in just now', hint: null };
}
