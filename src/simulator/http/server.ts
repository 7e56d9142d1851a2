import type { IncomingMessage, ServerResponse } from 'node:http';
import { isObject } from '../../core/object.ts';
import type { Call } from '../endpoints/handler.ts';
import { ROUTES, type Route } from '../endpoints/routes.ts';
import { type Answer, INVALID_ARGUMENTS, SESSION_TIMEOUT } from '../world/answer.ts';
import { parseOutside } from '../world/read-item.ts';
import { isAsleep } from '../world/sleep.ts';
import { type Bot, count, now, type SeenRequest, type World } from '../world/world.ts';
import { takeFault } from './fault-rules.ts';
import { strike } from './inject-fault.ts';
import { respond } from './respond.ts';

/** What a bot that has fallen asleep may call. */
const WAKES: ReadonlySet<string> = new Set(['notifystart', 'notifystop', 'getupdates']);
const JSON_LIMIT_BYTES = 16 * 1024 * 1024;
/** Larger bodies are not kept with the requests: nobody who asks often may fill the memory. */
const REMEMBERED_BYTES = 128 * 1024;
const UPLOAD_LIMIT_BYTES = 256 * 1024 * 1024;

/** Serves one request of a client: API or CDN. */
export async function serveClient(world: World, req: IncomingMessage, res: ServerResponse): Promise<void> {
  const [path = '', search = ''] = (req.url ?? '').split('?', 2);
  const route = ROUTES.get(path);
  const method = req.method ?? '';
  const raw = await readBody(req, route?.binary ? UPLOAD_LIMIT_BYTES : JSON_LIMIT_BYTES);
  if (raw === null) return respond(res, { status: 413, body: 'too large' });
  if (!route) return respond(res, { status: 404, body: 'not found' });
  if (!route.methods.includes(method)) return respond(res, { status: 405, body: 'method not allowed' });

  // Under the name by which the client knows us: it may trust no other. The CDN may have one of its own.
  const { host } = req.headers;
  if (host !== undefined && !route.binary) nameAddresses(world, host);
  const bot = botOf(world, req.headers.authorization);
  const body = route.binary ? {} : readJson(raw);
  const fault = world.faults.length > 0 ? takeFault(world, route.endpoint) : null;
  count(world, route.endpoint);
  const seen: SeenRequest = {
    n: world.requests.last + 1,
    timeMs: now(world),
    endpoint: route.endpoint,
    method,
    search,
    headers: req.headers,
    bot: bot?.id ?? null,
    body: route.binary || raw.length > REMEMBERED_BYTES ? null : body,
    sizeBytes: raw.length,
    fault: fault?.kind ?? null,
    answered: null,
  };
  world.requests.push(seen);
  const { dateOffsetMs } = world.settings;
  if (dateOffsetMs === null) res.sendDate = false;
  else if (dateOffsetMs + world.clockOffsetMs !== 0)
    res.setHeader('date', new Date(now(world) + dateOffsetMs).toUTCString());
  const noted = (answer: Answer): Answer => {
    seen.answered = answer.cursor ?? null;
    return answer;
  };
  const run = () => {
    const call: Call = {
      bot,
      search,
      raw,
      body: body ?? {},
      method,
      range: req.headers.range ?? null,
      dropped: fault?.kind === 'drop',
      onAbort: (listener) => res.once('close', listener),
    };
    const answer = handle(world, route, call, body === null);
    return answer instanceof Promise ? answer.then(noted) : noted(answer);
  };
  if (fault) return strike(world, fault, res, run);
  const answer = run();
  respond(res, answer instanceof Promise ? await answer : answer);
}

function nameAddresses(world: World, host: string): void {
  const [scheme = 'http:'] = world.baseUrl.split('/', 1);
  world.baseUrl = `${scheme}//${host}`;
  world.cdnUrl = `${world.baseUrl}/c2c`;
}

function handle(world: World, route: Route, call: Call, unreadable: boolean): Answer | Promise<Answer> {
  // A dead token is told before anything else about the request (protocol 1.2).
  if (route.needsBot && !call.bot) return SESSION_TIMEOUT;
  if (call.bot && !WAKES.has(route.endpoint) && isAsleep(world, call.bot)) return SESSION_TIMEOUT;
  return unreadable ? INVALID_ARGUMENTS : route.handler(world, call);
}

function botOf(world: World, authorization: string | undefined): Bot | null {
  return authorization?.startsWith('Bearer ')
    ? (world.botsByToken.get(authorization.slice(7)) ?? null)
    : null;
}

/** The body as an object; an empty one is `{}`, anything unreadable null. */
function readJson(raw: Buffer): Record<string, unknown> | null {
  if (raw.length === 0) return {};
  try {
    const parsed = parseOutside(raw);
    return isObject(parsed) ? parsed : null;
  } catch {
    return null;
  }
}

/** The whole body, or null when it is larger than allowed: the rest is read and thrown away then. Rejects when the client goes. */
export function readBody(req: IncomingMessage, limitBytes: number): Promise<Buffer | null> {
  return new Promise((resolve, reject) => {
    const chunks: Buffer[] = [];
    let sizeBytes = 0;
    req.on('data', (chunk: Buffer) => {
      sizeBytes += chunk.length;
      if (sizeBytes <= limitBytes) chunks.push(chunk);
    });
    req.once('end', () => {
      if (sizeBytes > limitBytes) resolve(null);
      else resolve(chunks.length === 1 ? (chunks[0] as Buffer) : Buffer.concat(chunks));
    });
    req.once('error', reject);
  });
}
