import { WxError } from '../../core/errors.ts';
import { scheduledSeq } from '../../store/port/port.ts';
import { scheduledShown } from '../../views/part.ts';
import type { Call, Route } from '../api/route.ts';
import { listOf, objectOf, orNull, TEXT, TIME } from '../api/schema.ts';
import { accountOf } from './accounts.ts';

/** Texts that are to be sent later (`send --at`): they are no parts before their time. */
export const SCHEDULED_ROUTES: readonly Route[] = [
  {
    method: 'get',
    path: '/accounts/{account}/scheduled',
    about: 'texts that wait for their time (send --at), the next one first',
    scopes: ['read'],
    reach: 'user',
    status: 200,
    answer: objectOf({
      scheduled: listOf(objectOf({ id: TEXT, user: TEXT, at: TIME, text: TEXT, key: orNull(TEXT) })),
    }),
    errors: [404],
    async handle(call) {
      const texts = await textsOf(call, (await accountOf(call)).key);
      return { json: { scheduled: texts.map(scheduledShown) } };
    },
  },
  {
    method: 'delete',
    path: '/accounts/{account}/scheduled/{text}',
    about: 'drop a text that waits for its time, for good',
    scopes: [],
    reach: 'user',
    status: 204,
    answer: null,
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

async function textsOf({ backend, caller }: Call, account: string) {
  const texts = await backend.store.scheduled.scheduled(account);
  return texts.filter(({ user }) => (caller.user ?? user) === user);
}
