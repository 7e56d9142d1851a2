import { WxError } from '../../core/errors.ts';
import { parseQuietHours } from '../../core/time/quiet-hours.ts';
import { parseDurationMs } from '../../core/units.ts';
import { sourceShown } from '../../views/access.ts';
import { addSource } from '../access/grants.ts';
import { parseLimit } from '../access/source-limit.ts';
import type { Call, Reply, Route } from '../api/route.ts';
import { COUNT, listOf, NAME, objectOf, optionalOf, orNull, TEXT, TIME, YES_NO } from '../api/schema.ts';
import { checkedTemplate } from '../push/port/template.ts';
import { findAccount } from './accounts.ts';

/** The template of a source, as it is shown and as it is given. */
const TEMPLATE = optionalOf({
  title: TEXT,
  text: TEXT,
  link: TEXT,
  format: TEXT,
  id: TEXT,
  key: TEXT,
  ttl: TEXT,
});

const FIELDS = {
  name: TEXT,
  account: TEXT,
  user: orNull(TEXT),
  title: orNull(TEXT),
  template: orNull(TEMPLATE),
  ttlMs: orNull(COUNT),
  digestMs: COUNT,
  limit: orNull(objectOf({ count: COUNT, perMs: COUNT })),
  quietHours: orNull(TEXT),
  important: YES_NO,
  fallback: orNull(objectOf({ command: TEXT, withinMs: COUNT })),
  signed: YES_NO,
  createdAt: TIME,
  lastUsedAt: orNull(TIME),
};

/** The programs of others that may push. */
export const SOURCE_ROUTES: readonly Route[] = [
  {
    method: 'get',
    path: '/sources',
    about: 'the sources that may push, without their tokens',
    scopes: [],
    reach: 'server',
    answer: objectOf({ sources: listOf(objectOf(FIELDS)) }),
    handle: async ({ backend }) => ({
      json: { sources: (await backend.store.access.sources()).map(sourceShown) },
    }),
  },
  {
    method: 'post',
    path: '/sources',
    about: 'make a source; its token is in this answer and nowhere else',
    scopes: [],
    reach: 'server',
    isElevated: true,
    body: optionalOf(
      {
        name: NAME,
        account: { type: 'string', minLength: 1, maxLength: 200 },
        to: { type: 'string', minLength: 1, maxLength: 200, description: 'a user; default: the owner' },
        title: { type: 'string', minLength: 1, maxLength: 200 },
        template: TEMPLATE,
        digest: {
          type: 'string',
          maxLength: 20,
          description: 'join what comes within this time, such as 5m',
        },
        limit: { type: 'string', maxLength: 20, description: 'so many texts in a time, such as 6/h' },
        quietHours: { type: 'string', maxLength: 20, description: 'such as 23:00-07:00' },
        important: YES_NO,
        ttl: {
          type: 'string',
          maxLength: 20,
          description: 'drop what is not sent after this long, such as 10m',
        },
        secret: {
          type: 'string',
          minLength: 1,
          maxLength: 1_000,
          description: 'what its pushes have to be signed with; it is never shown',
        },
      },
      ['name', 'account'],
    ),
    status: 201,
    answer: objectOf({ ...FIELDS, token: TEXT }),
    errors: [404, 409],
    handle: makeSource,
  },
  {
    method: 'delete',
    path: '/sources/{name}',
    about: 'remove a source: nobody can push with its token any more',
    scopes: [],
    reach: 'server',
    isElevated: true,
    status: 204,
    errors: [404],
    async handle({ backend, caller, params, nowMs }) {
      const { name = '' } = params;
      if (!(await backend.store.access.removeSource({ name, by: caller.name, nowMs })))
        throw new WxError('not-found', `there is no source "${name.slice(0, 80)}"`);
      return {};
    },
  },
];

async function makeSource({ backend, caller, body, nowMs }: Call): Promise<Reply> {
  const { name, to, title, template, ttl, digest, limit, quietHours, important, secret, ...rest } =
    body as MakeSource;
  const account = findAccount(await backend.accounts(), rest.account);
  const { source, token } = await addSource(backend.store.access, {
    name,
    account: account.key,
    user: to === undefined ? null : await backend.recipient(account, to),
    title: title ?? null,
    template: template === undefined ? null : checkedTemplate(JSON.stringify(template)),
    ttlMs: ttl === undefined ? null : parseDurationMs(ttl, 'ttl'),
    digestMs: digest === undefined ? 0 : parseDurationMs(digest, 'digest'),
    limit: limit === undefined ? null : parseLimit(limit, 'limit'),
    quietHours: quietHours === undefined ? null : parseQuietHours(quietHours, 'quietHours'),
    isImportant: important ?? false,
    // A command is given on the machine that runs it, never from afar.
    fallback: null,
    secret: secret ?? null,
    by: caller.name,
    nowMs,
  });
  return { json: { ...sourceShown(source), token } };
}

interface MakeSource {
  name: string;
  account: string;
  to?: string;
  title?: string;
  template?: object;
  ttl?: string;
  digest?: string;
  limit?: string;
  quietHours?: string;
  important?: boolean;
  secret?: string;
}
