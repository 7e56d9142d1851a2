import { WxError } from '../../core/errors.ts';
import { parseWhen } from '../../core/time/when.ts';
import { scheduledSeq } from '../../store/port/port.ts';
import { scheduledShown } from '../../views/part.ts';
import { keyIn } from '../api/input.ts';
import type { Call, Reply, Route } from '../api/route.ts';
import { listOf, objectOf, optionalOf, orNull, type Schema, TEXT, TIME } from '../api/schema.ts';
import { accountOf } from './accounts.ts';
import { checked, FIELDS, type Fields, ONCE } from './send.ts';

const SCHEDULED = objectOf({ id: TEXT, user: TEXT, at: TIME, text: TEXT, key: orNull(TEXT) });

const AT: Schema = {
  type: 'string',
  maxLength: 40,
  description: 'as send --at: 2026-12-01T09:00:00+08:00, +2h, "tomorrow 9:00" where the server is',
};

/** Texts that are to be sent later (`send --at`): they are no parts before their time. */
export const SCHEDULED_ROUTES: readonly Route[] = [
  {
    method: 'get',
    path: '/accounts/{account}/scheduled',
    about: 'texts that wait for their time (send --at), the next one first',
    scopes: ['read'],
    reach: 'user',
    answer: objectOf({ scheduled: listOf(SCHEDULED) }),
    errors: [404],
    async handle(call) {
      const texts = await textsOf(call, (await accountOf(call)).key);
      return { json: { scheduled: texts.map(scheduledShown) } };
    },
  },
  {
    method: 'post',
    path: '/accounts/{account}/scheduled',
    about: 'keep a text until its time; the header Idempotency-Key is send --id',
    scopes: ['send'],
    reach: 'user',
    headers: ONCE,
    body: optionalOf({ ...FIELDS, at: AT }, ['text', 'at']),
    status: 201,
    answer: SCHEDULED,
    errors: [404],
    handle: schedule,
  },
  {
    method: 'delete',
    path: '/accounts/{account}/scheduled/{text}',
    about: 'drop a text that waits for its time, for good',
    scopes: [],
    reach: 'user',
    status: 204,
    errors: [404],
    async handle(call) {
      const { backend, caller, params, nowMs } = call;
      const { key } = await accountOf(call);
      const { text: id = '' } = params;
      const seq = scheduledSeq(id);
      const isThere = (await textsOf(call, key)).some((one) => one.seq === seq);
      const drop = { account: key, seq: seq ?? 0, by: caller.name, nowMs };
      // It may have been sent in between.
      if (isThere && (await backend.store.scheduled.unschedule(drop))) return {};
      throw new WxError(
        'not-found',
        `there is no text ${JSON.stringify(id.slice(0, 80))} that waits for its time`,
        {
          hint: 'GET /api/v1/accounts/{account}/scheduled',
        },
      );
    },
  },
];

async function schedule(call: Call): Promise<Reply> {
  const { at, text, ...fields } = call.body as Fields & { at: string; text: string };
  const account = await accountOf(call);
  const { user, form, key, ttlMs } = await checked(call, account, { text, ...fields });
  const atMs = parseWhen(at, 'at', call.nowMs);
  const id = keyIn(call.incoming.headers, 'Idempotency-Key');
  const what = { user, text, form, key, ttlMs, atMs, id };
  return { json: scheduledShown(await call.backend.sendLater(account, what)) };
}

async function textsOf({ backend, caller }: Call, account: string) {
  const texts = await backend.store.scheduled.scheduled(account);
  return texts.filter(({ user }) => (caller.user ?? user) === user);
}
