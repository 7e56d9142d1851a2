import { WxError } from '../../core/errors.ts';
import { OPEN_PART_STATES, type PartState, type PartView } from '../../store/port/port.ts';
import { partShown } from '../../views/part.ts';
import { BEFORE, firstOf, hasText, LIMIT, limitOf, pageOf } from '../api/pagination.ts';
import type { Call, Route } from '../api/route.ts';
import { COUNT, listOf, objectOf, oneOf, optionalOf, orNull, TEXT, TIME, YES_NO } from '../api/schema.ts';
import type { KnownAccount } from '../port/backend.ts';
import { accountOf } from './accounts.ts';

const STATES: readonly PartState[] = [
  ...['delayed', 'queued', 'uploading', 'sending', 'held'],
  ...['confirmed', 'unconfirmed', 'refused', 'merged', 'expired', 'fallback'],
] as PartState[];

/** A part as the API shows it. */
export const PART = objectOf({
  id: TEXT,
  user: TEXT,
  message: orNull(TEXT),
  clientId: TEXT,
  kind: oneOf('text', 'image', 'video', 'file'),
  origin: oneOf('answer', 'notice', 'send', 'keeper'),
  name: orNull(TEXT),
  sizeBytes: orNull(COUNT),
  hasFile: YES_NO,
  text: TEXT,
  verdict: oneOf(...STATES),
  reason: orNull(TEXT),
  createdAt: TIME,
  heldAt: orNull(TIME),
  expiresAt: orNull(TIME),
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
      text: {
        type: 'string',
        minLength: 1,
        maxLength: 200,
        description: 'in any case, also in names of files',
      },
      ...LIMIT,
      ...BEFORE,
    }),
    answer: objectOf({ parts: listOf(PART), before: orNull(COUNT) }),
    errors: [404],
    async handle(call) {
      const { query, caller, backend } = call;
      const { key } = await accountOf(call);
      const limit = limitOf(query);
      const verdict = query.verdict as PartState | 'open' | undefined;
      const states = verdict === undefined ? null : verdict === 'open' ? OPEN_PART_STATES : [verdict];
      const filter = {
        account: key,
        user: caller.user ?? (query.user === undefined ? null : String(query.user)),
        beforeSeq: query.before === undefined ? null : Number(query.before),
      };
      if (query.text !== undefined) {
        const wanted = String(query.text);
        const { found, beforeSeq } = await backend.store.conversations.findParts({ ...filter, text: wanted });
        const hits = found.filter(
          ({ state, text, file }) =>
            (states?.includes(state) ?? true) && hasText(wanted, text, file?.name ?? null),
        );
        const { page, before } = firstOf(hits, limit, beforeSeq);
        return { json: { parts: page.map(shownPart), before } };
      }
      const page = await backend.store.outbox.partPage({ states, limit, ...filter });
      return { json: { parts: page.map(shownPart), before: pageOf(page, limit) } };
    },
  },
  {
    method: 'get',
    path: '/accounts/{account}/parts/{part}',
    about: 'one part; a token that sends sees those that were sent',
    scopes: ['read', 'send'],
    reach: 'user',
    answer: PART,
    errors: [404],
    handle: async (call) => ({ json: shownPart((await partOf(call)).part) }),
  },
  {
    method: 'delete',
    path: '/accounts/{account}/parts/{part}',
    about: 'take a part that waits out of the outbox, for good',
    scopes: [],
    reach: 'user',
    answer: PART,
    errors: [404, 409],
    async handle(call) {
      const { caller, backend, nowMs } = call;
      const {
        part: { account, seq },
      } = await partOf(call);
      const drop = { account, seqs: [seq], reason: 'dropped', exceptSending: true, nowMs, by: caller.name };
      const [dropped] = await backend.store.outbox.dropParts(drop);
      if (!dropped || OPEN_PART_STATES.includes(dropped.state))
        throw new WxError('busy', `part ${seq} is being sent just now and cannot be taken back`);
      // Of two who drop it, both are told so.
      if (dropped.reason !== 'dropped') throw new WxError('busy', `part ${seq} is ${dropped.state} already`);
      return { json: shownPart(dropped) };
    },
  },
];

/** A part as {@link PART} describes it. */
export function shownPart(part: PartView) {
  const { origin, file, serverId } = part;
  // Where it was uploaded to, a file can be had once the server has its message.
  return Object.assign(partShown(part), {
    origin,
    sizeBytes: file?.sizeBytes ?? null,
    hasFile: file !== null && serverId !== null,
  });
}

/** The part that a path names. */
export async function partOf(call: Call): Promise<{ account: KnownAccount; part: PartView }> {
  const { caller, params, backend } = call;
  const account = await accountOf(call);
  const { part: id = '' } = params;
  const [part] = /^[1-9]\d{0,14}$/.test(id) ? await backend.store.outbox.parts([Number(id)]) : [];
  const isSeen =
    part?.account === account.key &&
    (caller.user ?? part.user) === part.user &&
    (caller.scope !== 'send' || part.origin === 'send');
  if (part && isSeen) return { account, part };
  throw new WxError('not-found', `there is no part ${JSON.stringify(id.slice(0, 80))}`, {
    hint: 'GET /api/v1/accounts/{account}/parts',
  });
}
