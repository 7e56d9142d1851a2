import { type Answer, INVALID_ARGUMENTS, ok, refused } from '../world/answer.ts';
import { later, never, now, type Qr, type World } from '../world/world.ts';
import type { Handler } from './handler.ts';
import { confirmQr, enterCode, isFinal, newQr, statusOf, urlOf } from './qr.ts';

/** The status call is held a little shorter than the message poll (protocol 2.2). */
const STATUS_HOLD_MS = 30_000;
const NOT_HERE: Answer = { status: 404, body: 'not found' };
const GET_ONLY: Answer = { status: 405, body: 'method not allowed', headers: { allow: 'GET' } };

/** `get_bot_qrcode`: POST, the legacy GET, or the public guide's POST (protocol 2.1, 2.3). */
export const getQrCode: Handler = (world, call) => {
  if (world.settings.loginShape === 'guide') {
    if (call.method !== 'POST' || call.body.bot_type === undefined) return NOT_HERE;
    const qr = newQr(world, []);
    return ok(JSON.stringify({ qrcode_url: urlOf(qr), bot_id: qr.qrcode }));
  }
  if (call.method !== 'GET' && world.settings.loginShape === 'get-404') return NOT_HERE;
  if (call.method !== 'GET' && world.settings.loginShape === 'get-405') return GET_ONLY;
  if (!new URLSearchParams(call.search).get('bot_type')) return INVALID_ARGUMENTS;
  const tokens = stringsIn(call.body.local_token_list);
  if (world.settings.rejectUnknownTokens && tokens.some((token) => !world.botsByToken.has(token))) {
    return refused(-3, '');
  }
  // Only tokens that mean something are kept.
  const live = tokens.filter((token) => world.botsByToken.has(token));
  const qr = newQr(world, live);
  return ok(JSON.stringify({ ret: 0, qrcode: qr.qrcode, qrcode_img_content: urlOf(qr) }));
};

/** `get_qrcode_status`: a long poll, or the public guide's POST that answers at once (protocol 2.2, 2.3). */
export const getQrStatus: Handler = (world, call) => {
  if (world.settings.loginShape === 'guide') return guideStatus(world, call.method, call.body.bot_id);
  if (call.method !== 'GET') return NOT_HERE;
  const query = new URLSearchParams(call.search);
  const qr = world.qrs.get(query.get('qrcode') ?? '');
  if (!qr) return ok('{"ret":0,"status":"expired"}');
  const code = query.get('verify_code');
  if (statusOf(world, qr) === 'need_verifycode' && code !== null) enterCode(world, qr, code);
  if (hasNews(world, qr)) return tell(world, qr);
  return holdStatus(world, qr, call.onAbort);
};

function guideStatus(world: World, method: string, handle: unknown): Answer {
  if (method !== 'POST' || typeof handle !== 'string') return NOT_HERE;
  const qr = world.qrs.get(handle);
  if (!qr) return INVALID_ARGUMENTS;
  if (statusOf(world, qr).startsWith('scaned') && qr.confirms) confirmQr(world, qr);
  if (!qr.bot) return ok('{"ret":0,"status":0}');
  return ok(JSON.stringify({ ret: 0, status: 1, bot_token: qr.bot.token }));
}

function hasNews(world: World, qr: Qr): boolean {
  return statusOf(world, qr) !== qr.told || isFinal(qr);
}

function holdStatus(world: World, qr: Qr, onAbort: (listener: () => void) => void): Promise<Answer> {
  const leftMs = qr.createdMs + world.settings.qrLifetimeMs - now(world);
  return new Promise((resolve) => {
    const end = () => {
      qr.waiters.delete(wake);
      never(world, timer);
      resolve(tell(world, qr));
    };
    const wake = () => {
      if (hasNews(world, qr)) end();
    };
    const timer = later(world, Math.min(world.settings.holdMs, STATUS_HOLD_MS, leftMs), end);
    qr.waiters.add(wake);
    onAbort(() => {
      qr.waiters.delete(wake);
      never(world, timer);
    });
  });
}

/** The answer for the status as of now; being told of a step is what lets the phone go on to the next. */
function tell(world: World, qr: Qr): Answer {
  const status = statusOf(world, qr);
  qr.told = status;
  if (status === 'scaned_but_redirect') {
    qr.status = 'scaned';
    return ok(JSON.stringify({ ret: 0, status, redirect_host: qr.redirectHost }));
  }
  if (status === 'scaned' && qr.confirms) confirmQr(world, qr);
  if (status !== 'confirmed' || !qr.bot) return ok(JSON.stringify({ ret: 0, status }));
  const { token, id, user } = qr.bot;
  const baseurl = world.settings.confirmedBaseUrl === 'own' ? world.baseUrl : undefined;
  return ok(
    JSON.stringify({ ret: 0, status, bot_token: token, ilink_bot_id: id, ilink_user_id: user, baseurl }),
  );
}

function stringsIn(value: unknown): string[] {
  return Array.isArray(value) ? value.filter((entry) => typeof entry === 'string') : [];
}
