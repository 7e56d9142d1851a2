import type { RequestListener, ServerResponse } from 'node:http';
import { getRequestListener, type HttpBindings } from '@hono/node-server';
import { type Context, Hono } from 'hono';
import { asWxError, FileMissing, reasonOf } from '../core/errors.ts';
import { foreignHost, foreignPage } from '../core/http/host-check.ts';
import { isOnThisMachine } from '../core/http/this-machine.ts';
import { atMostEvery } from '../core/time/clock.ts';
import { readPage } from '../page/served/page-files.ts';
import { type Caller, callerOf } from './access/authenticate.ts';
import { CODE_MS, withoutSourceTokens } from './access/secrets.ts';
import { readJson, readQuery } from './api/input.ts';
import { isMultipart } from './api/multipart.ts';
import { openApiOf } from './api/openapi.ts';
import { CodeNeeded, HttpError, languageOf, problemOf, withoutPlaces } from './api/problem.ts';
import type { Failures, Reply, Route } from './api/route.ts';
import { createEventStreams } from './events/event-streams.ts';
import { type Client, clientOf } from './guard/client-address.ts';
import { createFailureLimit } from './guard/failure-limit.ts';
import { SAFE_HEADERS } from './guard/headers.ts';
import type { TrustedProxies } from './guard/listen-address.ts';
import { credentialOf, endedCookie, sessionCookie } from './guard/read-credential.ts';
import { isAllowedBy, whoMay } from './guard/scope.ts';
import { createFileCache } from './live/file-cache.ts';
import { createOngoingLogins } from './live/ongoing-logins.ts';
import { createReadiness } from './operating/health.ts';
import { createMetrics } from './operating/metrics.ts';
import { PROMETHEUS_TYPE } from './operating/prometheus-text.ts';
import type { WebBackend } from './port/backend.ts';
import type { createPush } from './push/push.ts';
import { ROUTES } from './routes/routes.ts';

const API = '/api/v1';
/** Where the link of an invitation leads. */
const INVITED_PATH = '/invite';

/** Under which names the server is asked, and whom it believes. */
export interface WebSettings {
  isNamed(hostname: string): boolean;
  /** The origin of the proxy in front; null: none. */
  publicOrigin: string | null;
  trusted: TrustedProxies;
}

interface Env {
  Bindings: HttpBindings;
  /** Undefined: nobody's, or not known yet. */
  Variables: { scope: Caller['scope'] | undefined; client: Client };
}

type Web = Context<Env>;

/** What the clock of the machine may be wrong. */
const CLOCK_ERROR_MS = 1_000;

/** How often the log says that the store fails. */
const STORE_REPORT_MS = 60_000;

/** A name under which the server is asked. Most requests come under the same, so what was found of the last is kept. */
interface AskedName {
  host: string | undefined;
  scheme: Client['scheme'];
  /** Why it is none of ours; null: it is. */
  foreign: string | null;
  /** What every response says. */
  safe: Readonly<Record<string, string>>;
}

/** Who asks without a credential. */
const NOBODY: Caller = {
  name: 'nobody',
  scope: 'read',
  account: '',
  user: '',
  expiresAtMs: null,
  session: null,
  invitation: null,
  renewedCookie: null,
};

/** What answers the requests of the web server. */
export interface RequestHandler {
  listener: RequestListener;
  /** Ends the answers that do not end by themselves. */
  endStreams(): void;
  /** Ends what goes on beside the answers. */
  close(): Promise<void>;
}

/** Handles requests: guards, then the route. */
export function createRequestHandler(backend: WebBackend, settings: WebSettings): RequestHandler {
  const { log } = backend;
  const cookieName = `wxagent-${backend.instance}`;
  // Apart: a program with an old token must not keep out who comes in with a code.
  const failures = createFailures(backend.clock);
  const wrongCodes = createFailures(backend.clock);
  let push: Promise<ReturnType<typeof createPush>> | null = null;
  /** What the server takes for an answer that it has to send no more. */
  const alreadySent = new Response(null, { headers: { 'x-hono-already-sent': 'true' } });
  const logins = createOngoingLogins(backend);
  const fileCache = createFileCache();
  const streams = createEventStreams(backend);
  const readiness = createReadiness(backend);
  const metrics = createMetrics(backend, streams);
  let lastName: AskedName | null = null;
  const isStoreReportDue = atMostEvery(STORE_REPORT_MS, backend.clock);
  let openApi: string | null = null;

  function clientOfRequest({ env: { incoming } }: Web): Client {
    const { remoteAddress = '' } = incoming.socket;
    const isTls = 'encrypted' in incoming.socket;
    return clientOf({ address: remoteAddress, isTls }, incoming.headers, settings.trusted);
  }

  /** The name under which the server is asked. */
  function nameOf(c: Web): AskedName {
    const { host } = c.env.incoming.headers;
    const { scheme } = c.get('client');
    if (lastName !== null && lastName.host === host && lastName.scheme === scheme) return lastName;
    const foreign = foreignHost({ host }, { scheme, isNamed: settings.isNamed });
    lastName = { host, scheme, foreign, safe: safeHeaders(scheme, host) };
    return lastName;
  }

  /** Throws `421` under a name that is none of ours: that a browser was led here by. */
  function checkHost(c: Web): void {
    const { foreign } = nameOf(c);
    if (foreign !== null)
      throw new HttpError(421, 'usage', foreign, {
        hint: '--public-url gives it a name, such as http://nas.local:7788',
      });
  }

  /** Throws `403` for the page of another site. Programs that show a token are no page: a browser sends none by itself. */
  function checkPage(c: Web): void {
    const { publicOrigin } = settings;
    const others = publicOrigin === null ? [] : [publicOrigin];
    const foreign = foreignPage(c.env.incoming.headers, { scheme: c.get('client').scheme }, others);
    if (foreign !== null) throw new HttpError(403, 'usage', foreign);
  }

  const credentialIn = ({ env: { incoming } }: Web) => credentialOf(incoming.headers, cookieName);

  async function callerFor(
    c: Web,
    { scopes, reach, isElevated }: Pick<Route, 'scopes' | 'reach' | 'isElevated'>,
  ): Promise<Caller> {
    const credential = credentialIn(c);
    if (credential.kind !== 'token') checkPage(c);
    if (scopes === null) return NOBODY;
    const caller = await callerOf(backend.store.access, credential, backend.clock.now());
    if (!caller) {
      const { address } = c.get('client');
      // Nobody guesses a cookie, and browsers whose session was ended ask on: whoever sits there has to come in again.
      if (credential.kind === 'token') {
        failures.check(address);
        failures.failed(address);
      }
      throw new HttpError(401, 'not-logged-in', notKnown(credential.kind), {
        hint: 'wxagent token add <name> --scope read',
        headers: { 'www-authenticate': 'Bearer realm="wxagent"' },
      });
    }
    if (!isAllowedBy(caller.scope, scopes)) {
      const { name, scope } = caller;
      const detail = `this needs the scope ${whoMay(scopes)}, and ${name} has ${scope}`;
      throw new HttpError(403, 'not-logged-in', detail);
    }
    checkReach(caller, reach);
    if (isElevated) checkIsFresh(caller, backend.clock.now());
    return caller;
  }

  async function answer(c: Web, route: Route): Promise<Response> {
    const { incoming, outgoing } = c.env;
    const caller = await callerFor(c, route);
    if (caller !== NOBODY) c.set('scope', caller.scope);
    // Throws when its files were deleted or replaced: what is written to those is in no file any more.
    backend.store.changes();
    const query = readQuery(route.query, new URL(c.req.url).searchParams);
    const isForm = route.multipart !== undefined && isMultipart(incoming);
    const body = route.body && !isForm ? await readJson(route.body, incoming, route.maxBodyBytes) : null;
    const client = c.get('client');
    const reply = await route.handle({
      ...{
        backend,
        caller,
        client,
        logins,
        fileCache,
        wrongCodes,
        params: c.req.param(),
        query,
        body,
        incoming,
      },
      ...{ outgoing: outgoing as ServerResponse, streams },
      origin: settings.publicOrigin ?? `${client.scheme}://${incoming.headers.host}`,
      again: () => callerOf(backend.store.access, credentialIn(c), backend.clock.now()),
      nowMs: backend.clock.now(),
    });
    return responseOf(
      caller.renewedCookie ? { cookie: caller.renewedCookie, ...reply } : reply,
      route,
      client,
    );
  }

  function responseOf(reply: Reply, route: Route, client: Client): Response {
    if (reply.isSent) return alreadySent;
    const { status = route.status ?? 200, json, body = null, cookie, endsCookie } = reply;
    const headers = new Headers({ ...reply.headers });
    if (json) headers.set('content-type', 'application/json');
    const isSecure = client.scheme === 'https' || settings.publicOrigin?.startsWith('https:') === true;
    if (endsCookie) headers.set('set-cookie', endedCookie(cookieName));
    else if (cookie !== undefined) headers.set('set-cookie', sessionCookie(cookieName, cookie, isSecure));
    return new Response(json ? `${JSON.stringify(json)}\n` : body, { status, headers });
  }

  const app = new Hono<Env>();
  app.use(async (c, next) => {
    const nowMs = backend.clock.now();
    // Node tells the clock of the machine. Pages count by this one, and it may have been put right by WeChat's server.
    if (Math.abs(nowMs - Date.now()) > CLOCK_ERROR_MS)
      c.env.outgoing.setHeader('date', new Date(nowMs).toUTCString());
    c.set('client', clientOfRequest(c));
    checkHost(c);
    await next();
    if (c.env.outgoing.headersSent) return;
    const { safe } = nameOf(c);
    for (const name of Object.keys(SAFE_HEADERS)) {
      const value = safe[name];
      if (value === undefined) c.res.headers.delete(name);
      else if (!c.res.headers.has(name)) c.res.headers.set(name, value);
    }
  });
  app.onError(async (thrown, c) => {
    const whole = problemOf(thrown);
    const { detail, hint, ...problem } = c.get('scope') === 'admin' ? whole : withoutPlaces(whole);
    const language = languageOf(c.env.incoming.headers['accept-language']);
    // The words may be in a file that is missing.
    const told = await backend.translator(language).catch(() => (sentence: string) => sentence);
    const isMissing = asWxError(thrown) instanceof FileMissing;
    const where = isMissing && thrown instanceof Error ? `: ${whole.hint} (${thrown.message})` : '';
    if (problem.status === 500 || (problem.kind === 'storage' && isStoreReportDue()))
      log.error(withoutSourceTokens(`${c.req.method} ${c.req.path}: ${reasonOf(thrown)}${where}`));
    const headers = { ...nameOf(c).safe, ...(thrown instanceof HttpError ? thrown.headers : {}) };
    const body = { ...problem, detail: told(detail), hint: hint === null ? null : told(hint) };
    return new Response(`${JSON.stringify(body)}\n`, {
      status: problem.status,
      headers: { ...headers, 'content-type': 'application/problem+json' },
    });
  });
  let page: ReturnType<typeof readPage> | null = null;
  for (const path of ['/', INVITED_PATH, '/page/:file'])
    app.get(path, async (c) => {
      page ??= readPage('web-page');
      const files = await page;
      if (files.size === 0) {
        page = null;
        throw new FileMissing(null);
      }
      // Who is invited gets the same document: the link has its token where no server sees it.
      const file = files.get(c.req.path === INVITED_PATH ? '/' : c.req.path);
      if (!file) throw nothingAt(c);
      const isGzipped = /\bgzip\b/.test(c.req.header('accept-encoding') ?? '');
      const encoding = { vary: 'accept-encoding', ...(isGzipped ? { 'content-encoding': 'gzip' } : {}) };
      const body = new Uint8Array(isGzipped ? file.gzipped : file.body);
      return c.body(body, 200, { ...file.headers, ...encoding });
    });
  app.get('/healthz', (c) => c.json({ ok: true }));
  app.get('/readyz', async (c) => {
    const answer = await readiness();
    return c.json(answer, answer.ready ? 200 : 503);
  });
  app.get('/metrics', async (c) => {
    await callerFor(c, { scopes: ['read'], reach: 'server' });
    return c.body(await metrics(), 200, { 'content-type': PROMETHEUS_TYPE });
  });
  app.get(`${API}/openapi.json`, (c) => {
    openApi ??= `${JSON.stringify(openApiOf(ROUTES, backend.version, cookieName))}\n`;
    return c.body(openApi, 200, { 'content-type': 'application/json' });
  });
  const paths = new Map<string, string[]>();
  for (const route of ROUTES) {
    const path = API + route.path.replaceAll(/\{(\w+)\}/g, ':$1');
    const method = route.method.toUpperCase();
    app.on(method, path, (c) => answer(c, route));
    paths.set(path, [...(paths.get(path) ?? []), method]);
  }
  for (const [path, methods] of paths)
    app.all(path, (c) => {
      throw new HttpError(405, 'usage', `${c.req.path} takes ${methods.join(', ')}, not ${c.req.method}`, {
        headers: { allow: methods.join(', ') },
      });
    });
  app.all('*', async (c) => {
    const { incoming } = c.env;
    // Loaded only where somebody pushes: its dialects take memory.
    push ??= import('./push/push.ts').then((loaded) => loaded.createPush(backend, failures));
    const url = new URL(c.req.url);
    const pushed = await (await push)({ incoming, url, address: c.get('client').address });
    if (!pushed) throw nothingAt(c);
    // Not as a Response, whose headers and body take longer than the push.
    const { status, headers, body } = pushed;
    const outgoing = c.env.outgoing as ServerResponse;
    outgoing.writeHead(status, {
      'content-length': String(Buffer.byteLength(body)),
      ...nameOf(c).safe,
      ...headers,
    });
    outgoing.end(body);
    return alreadySent;
  });
  return {
    listener: getRequestListener(app.fetch, {
      // Of a request by HTTP/1.0 that names no host.
      hostname: 'localhost',
      // They are those of the runner, too.
      overrideGlobalObjects: false,
    }),
    endStreams: streams.close,
    async close() {
      await logins.close();
      await fileCache.close();
    },
  };
}

/** Counts who fails to come in, and has them wait. */
function createFailures(clock: WebBackend['clock']): Failures {
  const limit = createFailureLimit(clock);
  return {
    failed: limit.failed,
    check(address) {
      const waitMs = limit.waitMs(address);
      if (waitMs > 0) throw tooMany(waitMs);
    },
  };
}

function safeHeaders(scheme: Client['scheme'], host = 'localhost'): AskedName['safe'] {
  // Over plain HTTP from another machine it has no effect, but a browser writes an error for each page.
  const own = `http://${host}`;
  if (scheme === 'https' || !URL.canParse(own) || isOnThisMachine(new URL(own).hostname)) return SAFE_HEADERS;
  const { 'cross-origin-opener-policy': _, ...others } = SAFE_HEADERS;
  return others;
}

/** Throws `403` where a route touches more than the account or the user that a token is for. */
function checkReach({ name, account, user }: Caller, reach: Route['reach']): void {
  const isTooFar =
    reach === 'server' ? account !== null || user !== null : reach === 'account' && user !== null;
  if (isTooFar)
    throw new HttpError(
      403,
      'not-logged-in',
      user === null ? `${name} is for one account only` : `${name} is for one user only`,
    );
}

/** Throws `403` for a browser that gave its one-time code a while ago. */
function checkIsFresh({ session }: Caller, nowMs: number): void {
  if (session !== null && nowMs - session.createdAtMs > CODE_MS) throw new CodeNeeded();
}

function tooMany(waitMs: number): HttpError {
  const seconds = Math.ceil(waitMs / 1_000);
  return new HttpError(429, 'busy', `too many wrong tokens or codes: wait ${seconds} s`, {
    headers: { 'retry-after': String(seconds) },
  });
}

function nothingAt({ req }: Web): HttpError {
  return new HttpError(404, 'not-found', `there is nothing at ${req.path}`, {
    hint: `GET ${API}/openapi.json`,
  });
}

function notKnown(kind: 'none' | 'token' | 'cookie'): string {
  if (kind === 'none') return 'this needs a token, or the cookie of a browser';
  return kind === 'token'
    ? 'the token is wrong, removed or expired'
    : 'the session of this browser has ended';
}
