import type { IncomingMessage, ServerResponse } from 'node:http';
import { setTimeout as delay } from 'node:timers/promises';
import { WxError } from '../../core/errors.ts';
import { silkOf, wavOf } from '../../media/voice/recording.ts';
import { serveMedia } from '../../page/served/media.ts';
import { respond } from '../http/respond.ts';
import { readBody } from '../http/server.ts';
import type { Answer } from '../world/answer.ts';
import { parseOutside } from '../world/read-item.ts';
import { LONGEST_TIMER_MS } from '../world/world.ts';
import { CALLS } from './calls.ts';
import type { PhoneQuery, PhoneView, SimulatorControl } from './control.ts';
import { serveLive } from './live-events.ts';

const BODY_LIMIT_BYTES = 256 * 1024 * 1024;

/** What can be looked at, by GET. */
const VIEWS: Readonly<Record<string, (control: SimulatorControl, query: URLSearchParams) => unknown>> = {
  phone: (control, query) => phone(control, query),
  lost: (control) => ({ lost: control.lost() }),
  requests: (control, query) => ({
    requests: control.requests({ ...named('endpoint', query), after: numberIn(query, 'after') }),
  }),
  bots: (control) => ({ bots: control.bots() }),
  faults: (control) => ({ faults: control.faults() }),
  settings: (control) => control.settings(),
  state: (control) => control.state(),
  stats: (control) => control.stats(),
};

/** Serves `/_sim/...`: the controls over HTTP. `path` is what follows `/_sim`. */
export async function serveControl(
  control: SimulatorControl,
  path: string,
  search: string,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const raw = await readBody(req, BODY_LIMIT_BYTES);
  const query = new URLSearchParams(search);
  if (req.method === 'GET' && path === '/live')
    return serveLive(control, String(req.headers['last-event-id'] ?? query.get('after') ?? ''), res);
  try {
    if (raw === null) throw new WxError('usage', 'the body is too large');
    const isMedia = req.method === 'GET' && path === '/file';
    respond(
      res,
      isMedia
        ? await mediaOf(control, query, req.headers.range)
        : await answerOf(control, req.method ?? '', path.slice(1), query, raw),
    );
  } catch (thrown) {
    if (!(thrown instanceof WxError)) throw thrown;
    const { message, hint } = thrown;
    respond(
      res,
      json(thrown.kind === 'not-found' ? 404 : 400, hint ? { error: message, hint } : { error: message }),
    );
  }
}

async function answerOf(
  control: SimulatorControl,
  method: string,
  name: string,
  query: URLSearchParams,
  raw: Buffer,
): Promise<Answer> {
  if (method === 'GET' && name === '')
    return json(200, { get: [...Object.keys(VIEWS), 'file', 'live'], post: [...Object.keys(CALLS), 'silk'] });
  if (method === 'POST' && name === 'silk') {
    const silk = await silkOf(raw);
    if (!silk) throw new WxError('usage', 'a recording is a WAV file: one channel, 16 bit, a minute at most');
    return json(200, { base64: Buffer.from(silk.bytes).toString('base64'), playtimeMs: silk.durationMs });
  }
  const view = method === 'GET' && Object.hasOwn(VIEWS, name) ? VIEWS[name] : undefined;
  if (view) return json(200, await view(control, query));
  // Not even parsed: the message is these bytes.
  if (method === 'POST' && name === 'raw') {
    return json(200, control.raw(raw.toString('utf8'), query.get('bot') ?? undefined));
  }
  const call = method === 'POST' && Object.hasOwn(CALLS, name) ? CALLS[name] : undefined;
  if (call) return json(200, call(control, readJson(raw)));
  throw new WxError('not-found', `no control ${method} /_sim/${name}`, { hint: 'GET /_sim lists them' });
}

/** The media of a message; `as=wav`: a voice as sound that every browser plays. */
async function mediaOf(
  control: SimulatorControl,
  query: URLSearchParams,
  range: string | undefined,
): Promise<Answer> {
  const messageId = query.get('messageId') ?? '';
  const body = control.file(messageId);
  if (!body) throw new WxError('not-found', 'no message of this id names media and the key to it');
  const line = control.phone({ all: true }).shown.find((shown) => shown.messageId === messageId);
  if (query.get('as') !== 'wav') return serveMedia(body, line?.fileName ?? null, range);
  const wav = await wavOf(body);
  if (!wav) throw new WxError('not-found', 'the media of this message is no voice of a phone');
  return serveMedia(wav, 'voice.wav', range);
}

/** The transcript; with `waitMs`, held until there is something to show. */
async function phone(control: SimulatorControl, query: URLSearchParams): Promise<PhoneView> {
  const wanted: PhoneQuery = {
    ...named('user', query),
    after: numberIn(query, 'after'),
    all: query.get('all') === '1',
  };
  const waitMs = numberIn(query, 'waitMs');
  const found = control.phone(wanted);
  if (found.shown.length > 0 || waitMs === 0) return found;
  const abort = new AbortController();
  const stop = control.onShown(() => {
    if (control.phone(wanted).shown.length > 0) abort.abort();
  });
  // Rejects only by the abort, which is the good end; unref: a close need not wait for it.
  await delay(Math.min(waitMs, LONGEST_TIMER_MS), undefined, { signal: abort.signal, ref: false }).catch(
    () => {},
  );
  stop();
  return control.phone(wanted);
}

function named<K extends string>(name: K, query: URLSearchParams): { [P in K]?: string } {
  const value = query.get(name);
  return (value === null ? {} : { [name]: value }) as { [P in K]?: string };
}

function numberIn(query: URLSearchParams, name: string): number {
  const value = Number(query.get(name) ?? 0);
  if (Number.isSafeInteger(value) && value >= 0) return value;
  throw new WxError('usage', `${name}: a whole number from 0`);
}

function readJson(raw: Buffer): Record<string, unknown> {
  if (raw.length === 0) return {};
  try {
    return parseOutside(raw) as Record<string, unknown>;
  } catch (thrown) {
    const isDeep = thrown instanceof SyntaxError && thrown.message === 'nested too deeply';
    if (isDeep) throw new WxError('usage', 'the body is nested too deeply', { hint: 'POST it to /_sim/raw' });
    throw new WxError('usage', 'the body is not JSON');
  }
}

function json(status: number, value: unknown): Answer {
  return { status, body: `${JSON.stringify(value)}\n` };
}
