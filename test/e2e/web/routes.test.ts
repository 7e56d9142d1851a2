import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { z } from 'zod';
import { openApiOf, problemsOf } from '../../../src/web/api/openapi.ts';
import type { Route } from '../../../src/web/api/route.ts';
import { faultOf } from '../../../src/web/api/schema.ts';
import { ROUTES } from '../../../src/web/routes/routes.ts';
import { runHere } from '../../helpers/in-this-process.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { type Answer, STORES, type TestWeb } from '../../helpers/web.ts';
import { makeWebWorld, type WebWorld } from '../../helpers/web-world.ts';
import { jsonLines } from '../../helpers/wxagent.ts';

let invited = 0;

const nameOf = ({ method, path }: Pick<Route, 'method' | 'path'>): string => `${method} ${path}`;

/** A good request to a route: what stands in its path, and the rest. */
interface Sample {
  params?: Record<string, string>;
  query?: string;
  body?: object;
  /** Before the request, with what it gives into the path. */
  before?(): Promise<Record<string, string>>;
  /** Who asks, instead of an administrator. */
  guest?(): Promise<string>;
}

/** A good request to every route. */
function samplesFor(
  { web, home, env, messages, fileOf, user }: WebWorld,
  admin: string,
): Record<string, Sample> {
  const account = 'mine';
  const message = messages[1] as string;
  const waiting = async () => {
    const { json } = await web.post(
      '/accounts/mine/send',
      { text: 'waits', to: 'friend@im.wechat' },
      { token: admin },
    );
    return { part: (json as { parts: { id: string }[] }).parts[0]?.id as string };
  };
  const scheduled = async () => {
    const args = ['send', '--to', user, '--at', '+1d', 'later', '--json'];
    return { text: jsonLines((await runHere(args, { home, env })).stdout)[0]?.id as string };
  };
  const sentFile = async () => ({
    part: await web.sendFile(admin, { name: 'a.txt', bytes: Buffer.from('hi') }),
  });
  const login = async () => {
    const { json } = await web.post('/logins', { force: true }, { token: admin });
    const id = json?.id as string;
    await pollUntil(
      'a QR code',
      async () => (await web.ask(`/logins/${id}`, { token: admin })).json?.url !== null,
    );
    return { login: id };
  };
  const guest = async () => {
    const { json } = await web.post('/invitations', { name: `guest${++invited}` }, { token: admin });
    return json?.token as string;
  };
  return {
    'get /accounts': { query: '?users=none' },
    'get /accounts/{account}': { params: { account } },
    'delete /accounts/{account}': { params: { account } },
    'get /accounts/{account}/conversations': { params: { account }, query: '?user=O9&only=failed&limit=1' },
    'get /accounts/{account}/conversations/{user}': { params: { account, user } },
    'get /accounts/{account}/conversations/{user}/entries': {
      params: { account, user },
      query: `?message=${message}&limit=5`,
    },
    'post /accounts/{account}/seen': { params: { account }, body: { message } },
    'get /accounts/{account}/parts/{part}/file': { params: { account }, before: sentFile },
    'get /accounts/{account}/messages': {
      params: { account },
      query: `?user=${encodeURIComponent(user)}&text=HELLO&from=2020-01-01T00:00:00Z&to=2199-01-01T00:00:00%2B08:00&limit=5`,
    },
    'get /accounts/{account}/messages/{message}': { params: { account, message } },
    'post /accounts/{account}/messages/{message}/retry': { params: { account, message } },
    'post /accounts/{account}/retry': { params: { account }, body: { what: 'expired' } },
    'get /accounts/{account}/messages/{message}/files/{file}': {
      params: { account, message: fileOf('png'), file: '0' },
    },
    'get /accounts/{account}/parts': { params: { account }, query: '?verdict=open&limit=1' },
    'get /accounts/{account}/parts/{part}': { params: { account }, before: waiting },
    'delete /accounts/{account}/parts/{part}': { params: { account }, before: waiting },
    'get /accounts/{account}/scheduled': { params: { account }, before: scheduled },
    'post /accounts/{account}/scheduled': {
      params: { account },
      body: { text: 'later', at: '+1h', to: user },
    },
    'delete /accounts/{account}/scheduled/{text}': { params: { account }, before: scheduled },
    'post /accounts/{account}/send': {
      params: { account },
      body: { text: '**hi**', format: 'raw', ttl: '10m', key: 'k', to: user },
    },
    'get /accounts/{account}/allowed': { params: { account } },
    'post /accounts/{account}/allowed': { params: { account }, body: { user: 'friend@im.wechat' } },
    'delete /accounts/{account}/allowed/{user}': {
      params: { account, user: 'other@im.wechat' },
      async before() {
        await web.post('/accounts/mine/allowed', { user: 'other@im.wechat' }, { token: admin });
        return {};
      },
    },
    'post /logins': { body: { name: 'second', force: true } },
    'get /logins/{login}': { before: login },
    'get /logins/{login}/qr.svg': { before: login },
    'post /logins/{login}/code': { before: login, body: { code: '1234' } },
    'delete /logins/{login}': { before: login },
    'get /invitations': {},
    'post /invitations': { body: { name: 'made', expiresAt: '2199-01-01T00:00:00Z' } },
    'delete /invitations/{name}': {
      params: { name: 'gone' },
      async before() {
        await web.post('/invitations', { name: 'gone' }, { token: admin });
        return {};
      },
    },
    'get /invitation': { guest },
    'post /invitation/logins': { guest },
    'get /invitation/logins/{login}': { guest },
    'get /invitation/logins/{login}/qr.svg': { guest },
    'post /invitation/logins/{login}/code': { guest, body: { code: '1234' } },
    'delete /invitation/logins/{login}': { guest },
    'get /events': { query: '?after=x' },
    'get /agents': {},
    'get /workers': {},
    'get /doctor': {},
    'post /session': { body: {} },
    'get /session': {},
    'delete /session': {},
    'get /sessions': {},
    'delete /sessions': {},
    'get /tokens': {},
    'post /tokens': {
      body: { name: 'made', scope: 'read', account: 'mine', to: user, expiresAt: '2199-01-01T00:00:00Z' },
    },
    'delete /tokens/{name}': {
      params: { name: 'gone' },
      async before() {
        await web.post('/tokens', { name: 'gone', scope: 'read' }, { token: admin });
        return {};
      },
    },
    'get /sources': {},
    'post /sources': {
      body: { name: 'made', account: 'mine', to: user, title: 'T', template: { text: '{{x}}' }, ttl: '10m' },
    },
    'delete /sources/{name}': {
      params: { name: 'gone' },
      async before() {
        await web.post('/sources', { name: 'gone', account: 'mine' }, { token: admin });
        return {};
      },
    },
    'get /audit': { query: '?limit=1' },
  };
}

const pathOf = ({ path }: Route, params: Record<string, string>): string =>
  path.replaceAll(/\{(\w+)\}/g, (_, name: string) => encodeURIComponent(params[name] ?? 'nothing'));

/** What the document says of the routes, as tests check it. */
const document = openApiOf(ROUTES, '0', 'wxagent-x') as {
  components: { schemas: { Problem: object } };
};
const problem = z.fromJSONSchema(document.components.schemas.Problem as z.core.JSONSchema.JSONSchema);

function expectProblem(route: Route, answer: Answer, status: number): void {
  expect([answer.status, answer.headers['content-type']], nameOf(route)).toEqual([
    status,
    'application/problem+json',
  ]);
  expect(problem.safeParse(answer.json).error, nameOf(route)).toBeUndefined();
  expect(answer.json?.status).toBe(status);
  if (status !== 405) expect(problemsOf(route), nameOf(route)).toContain(status);
}

/** A login that a guest has begun, as soon as it has a QR code. */
async function begunBy(web: TestWeb, token: string): Promise<string> {
  const id = (await web.ask('/invitation/logins', { method: 'POST', token })).json?.id as string;
  await pollUntil(
    'a QR code',
    async () => (await web.ask(`/invitation/logins/${id}`, { token })).json?.url !== null,
  );
  return id;
}

async function askRoute(
  web: TestWeb,
  route: Route,
  { params = {}, query = '', body }: Sample,
  token?: string,
): Promise<Answer> {
  const path = pathOf(route, params) + query;
  const how = { method: route.method.toUpperCase(), ...(token ? { token } : {}) };
  return body ? web.post(path, body, how) : web.ask(path, how);
}

test('the document has every route, and every route has a sample and a word on its errors', () => {
  const samples = samplesFor({ messages: [], fileOf: () => '', user: '' } as never, '');
  expect(Object.keys(samples).sort()).toEqual(ROUTES.map(nameOf).sort());
  const { paths } = openApiOf(ROUTES, '0', 'wxagent-x') as {
    paths: Record<
      string,
      Record<string, { operationId: string; parameters: { name: string; in: string }[] }>
    >;
  };
  const headersOf = (path: string, method: string) =>
    paths[path]?.[method]?.parameters.filter((one) => one.in === 'header').map(({ name }) => name);
  expect(headersOf('/accounts/{account}/send', 'post')).toEqual(['Idempotency-Key']);
  expect(headersOf('/accounts/{account}/scheduled', 'post')).toEqual(['Idempotency-Key']);
  expect(headersOf('/accounts/{account}/parts/{part}/file', 'get')).toEqual(['Range']);
  expect(headersOf('/events', 'get')).toEqual(['Last-Event-ID']);
  const operations = Object.values(paths).flatMap((methods) => Object.values(methods));
  expect(operations).toHaveLength(ROUTES.length);
  expect(new Set(operations.map(({ operationId }) => operationId)).size).toBe(ROUTES.length);
});

describe.each(STORES)('every route, on $store', ({ environment }) => {
  test('answers as the document says, and refuses as it says', { timeout: 300_000 }, async () => {
    const world = await makeWebWorld(environment());
    const { web } = world;
    const [admin, send, read] = [
      await web.token('--scope', 'admin'),
      await web.token('--scope', 'send'),
      await web.token('--scope', 'read'),
    ];
    const ofOther = await web.token('--scope', 'admin', '--to', 'nobody@im.wechat');
    const samples = samplesFor(world, admin);
    const invitation = (await web.post('/invitations', { name: 'nobody' }, { token: admin })).json
      ?.token as string;
    // What logs out comes last.
    const last = 'delete /accounts/{account}';
    const ordered = [
      ...ROUTES.filter((one) => nameOf(one) !== last),
      ...ROUTES.filter((one) => nameOf(one) === last),
    ];
    for (const route of ordered) {
      const sample = samples[nameOf(route)] as Sample;
      const params: Record<string, string> = { ...sample.params, ...(await sample.before?.()) };
      const guest = await sample.guest?.();
      // Who else has no login to speak of.
      const may = guest ?? admin;
      if (guest && route.path.includes('{login}')) params.login = await begunBy(web, guest);
      const full: Sample = { ...sample, params };
      if (route.path === '/session' && route.method === 'post') full.body = { code: await web.code() };
      // Without a token, and with one that may not.
      if (route.scopes !== null) {
        expectProblem(route, await askRoute(web, route, full), 401);
        const others = guest ? { send, read, admin } : { send, read, guest: invitation };
        for (const [scope, token] of Object.entries(others))
          if (!route.scopes.includes(scope as 'read'))
            expectProblem(route, await askRoute(web, route, full, token), 403);
        if (route.reach !== 'user') expectProblem(route, await askRoute(web, route, full, ofOther), 403);
      }
      // What is not there.
      for (const name of [...route.path.matchAll(/\{(\w+)\}/g)].map(([, one]) => one as string)) {
        const gone = { ...full, params: { ...params, [name]: '../x%2f..\u0000' } };
        expectProblem(route, await askRoute(web, route, gone, may), 404);
      }
      if (nameOf(route) === 'post /session')
        expectProblem(route, await askRoute(web, route, { ...full, body: { code: 'WRONG' } }), 401);
      // What is too much, or wrong.
      expectProblem(route, await askRoute(web, route, { ...full, query: '?nonsense=1' }, may), 422);
      for (const query of Object.keys(route.query?.properties ?? {})) {
        const twice = await askRoute(web, route, { ...full, query: `?${query}=1&${query}=1` }, admin);
        expectProblem(route, twice, 422);
      }
      if (route.body) {
        const wrong = { ...full, body: { ...full.body, nonsense: 1 } };
        expectProblem(route, await askRoute(web, route, wrong, may), 422);
        const path = pathOf(route, params);
        const json = { 'content-type': 'application/json' };
        const raw = (body: string, headers: Record<string, string> = json) =>
          web.ask(path, { method: 'POST', headers, body, token: may });
        expectProblem(route, await raw('{'), 400);
        expectProblem(route, await raw('{}', { 'content-type': 'text/plain' }), 415);
        expectProblem(route, await raw(`"${'x'.repeat((route.maxBodyBytes ?? 1024 * 1024) + 1)}"`), 413);
      }
      // And what is right.
      const isOfBrowser = nameOf(route) === 'delete /session';
      const answer = isOfBrowser
        ? await web.ask('/session', { method: 'DELETE', headers: { cookie: await web.cookie() } })
        : route.media === 'text/event-stream'
          ? // The answer to GET would not end.
            await web.ask(pathOf(route, params), { method: 'HEAD', token: admin })
          : await askRoute(web, route, full, may);
      // Only some logins go on at the same time.
      const begun = params.login ?? (route.path.endsWith('/logins') && (answer.json?.id as string));
      if (begun) await web.ask(`/logins/${begun}`, { method: 'DELETE', token: admin });
      // This login asks for no code, and no message waits for long.
      if (nameOf(route).endsWith('/logins/{login}/code')) {
        expectProblem(route, answer, 409);
        continue;
      }
      expect([nameOf(route), answer.status, answer.status < 300 ? '' : answer.text]).toEqual([
        nameOf(route),
        route.status ?? 200,
        '',
      ]);
      if (route.answer) {
        const schema = z.fromJSONSchema(route.answer as unknown as z.core.JSONSchema.JSONSchema);
        expect(schema.safeParse(answer.json).error, `${nameOf(route)}: ${answer.text}`).toBeUndefined();
        // Our own check, which reads what comes in, agrees.
        expect(faultOf(route.answer, answer.json, 'the answer')).toBeNull();
      } else if (!route.media) expect(answer.text).toBe('');
    }
    expect((await web.ask('/accounts', { token: admin })).json).toEqual({ accounts: [] });
  });
});

describe('arbitrary bodies', () => {
  const bodies = fc.oneof(
    fc.jsonValue().map((value) => JSON.stringify(value)),
    fc.string({ unit: 'binary' }),
    fc
      .record(
        {
          text: fc.anything(),
          to: fc.string(),
          name: fc.string({ unit: 'binary' }),
          scope: fc.constantFrom('read', 'root', '__proto__'),
          user: fc.string({ unit: 'binary' }),
          what: fc.constantFrom('failed', 'expired', 'x'),
          code: fc.string(),
          format: fc.string(),
          ttl: fc.string(),
          key: fc.string({ unit: 'binary' }),
        },
        { requiredKeys: [] },
      )
      .map((value) => JSON.stringify(value, (_, one) => (typeof one === 'bigint' ? String(one) : one)) ?? ''),
    fc.nat(5_000).map((depth) => '['.repeat(depth) + ']'.repeat(depth)),
    fc.constant('{"__proto__":{"text":"x"},"constructor":1}'),
  );

  test('get an answer of the document, and nothing else', { timeout: 300_000 }, async () => {
    const world = await makeWebWorld({});
    const { web } = world;
    const admin = await web.token('--scope', 'admin');
    const samples = samplesFor(world, admin);
    for (const route of ROUTES.filter(({ body, path }) => body && path !== '/logins')) {
      const params = samples[nameOf(route)]?.params ?? {};
      const token = (await samples[nameOf(route)]?.guest?.()) ?? admin;
      await fc.assert(
        fc.asyncProperty(
          bodies,
          fc.constantFrom('application/json', 'multipart/form-data; boundary=x'),
          async (body, type) => {
            const answer = await web.ask(pathOf(route, params), {
              method: 'POST',
              headers: { 'content-type': type },
              body: Buffer.from(body),
              token,
            });
            if (answer.status === (route.status ?? 200)) return;
            expectProblem(route, answer, answer.status);
            expect(answer.status, answer.text).toBeLessThan(500);
          },
        ),
        { numRuns: 60 },
      );
    }
    // It is as well as before.
    expect((await web.ask('/accounts', { token: admin })).status).toBe(200);
  });
});
