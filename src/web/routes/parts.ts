import { WxError } from '../../core/errors.ts';
import { OPEN_PART_STATES, type PartState, type PartView } from '../../store/port/port.ts';
import { partShown } from '../../views/part.ts';
import { BEFORE, LIMIT, limitOf, pageOf } from '../api/page.ts';
import type { Call, Route } from '../api/route.ts';
import { COUNT, listOf, objectOf, oneOf, optionalOf, orNull, TEXT, TIME } from '../api/schema.ts';
import { accountOf } from './accounts.ts';

const STATES: readonly PartState[] = [
  ...['queued', 'uploading', 'sending', 'held'],
  ...['confirmed', 'unconfirmed', 'refused', 'merged', 'expired'],
] as PartState[];

/** A part as the API shows it. */
export const PART = objectOf({
  id: TEXT,
  user: TEXT,
  message: orNull(TEXT),
  clientId: TEXT,
  kind: oneOf('text', 'image', 'video', 'file'),
  name: orNull(TEXT),
  text: TEXT,
  verdict: oneOf(...STATES),
  reason: orNull(TEXT),
  createdAt: TIME,
  heldAt: orNull(TIME),
});

/** What was sent or waits, each with its verdict. */
export const PART_ROUTES: readonly Route[] = [
  {
    method: 'get',
    path: '/accounts/{account}/parts',
    about: 'parts, newest first, each with its verdict and why',
    scopes: ['read'],
    reach: 'user',
    query: optionalOf({
      user: { type: 'string', minLength: 1, maxLength: 200 },
      verdict: { ...oneOf('open', ...STATES), description: 'open: those without a final verdict' },
      ...LIMIT,
      ...BEFORE,
    }),
    status: 200,
    answer: objectOf({ parts: listOf(PART), before: orNull(COUNT) }),
    errors: [404],
    async handle(call) {
      const { query, caller, backend } = call;
      const { key } = await accountOf(call);
      const limit = limitOf(query);
      const verdict = query.verdict as PartState | 'open' | undefined;
      const page = await backend.store.outbox.partPage({
        account: key,
        user: caller.user ?? (query.user === undefined ? null : String(query.user)),
        states: verdict === undefined ? null : verdict === 'open' ? OPEN_PART_STATES : [verdict],
        beforeSeq: query.before === undefined ? null : Number(query.before),
        limit,
      });
      return { json: { parts: page.map(partShown), before: pageOf(page, limit) } };
    },
  },
  {
    method: 'get',
    path: '/accounts/{account}/parts/{part}',
    about: 'one part; a token that sends sees those that were sent',
    scopes: ['read', 'send'],
    reach: 'user',
    status: 200,
    answer: PART,
    errors: [404],
    handle: async (call) => ({ json: partShown(await partOf(call)) }),
  },
  {
    method: 'delete',
    path: '/accounts/{account}/parts/{part}',
    about: 'take a part that waits out of the outbox, for good',
    scopes: [],
    reach: 'user',
    status: 200,
    answer: PART,
    errors: [404, 409],
    async handle(call) {
      const { caller, backend, nowMs } = call;
      const { account, seq } = await partOf(call);
      const drop = { account, seqs: [seq], reason: 'dropped', exceptSending: true, nowMs, by: caller.name };
      const [dropped] = await backend.store.outbox.dropParts(drop);
      if (!dropped || OPEN_PART_STATES.includes(dropped.state))
        throw new WxError('busy', `part ${seq} is being sent just now and cannot be taken back`);
      // Of two who drop it, both are told so.
      if (dropped.reason !== 'dropped') throw new WxError('busy', `part ${seq} is ${dropped.state} already`);
      return { json: partShown(dropped) };
    },
  },
];

/** The part that a path names. */
async function partOf(call: Call): Promise<PartView> {
  const { caller, params, backend } = call;
  const { key } = await accountOf(call);
  const { part: id = '' } = params;
  const [part] = /^[1-9]\d{0,14}$/.test(id) ? await backend.store.outbox.parts([Number(id)]) : [];
  const isSeen =
    part?.account === key &&
    (caller.user ?? part.user) === part.user &&
    (caller.scope !== 'send' || part.origin === 'send');
  if (part && isSeen) return part;
  throw new WxError('not-found', `there is no part ${JSON.stringify(id.slice(0, 80))}`, {
    hint: 'GET /api/v1/accounts/{account}/parts',
  });
}
