import { afterEach, describe, expect, test } from 'vitest';
import { WxError } from '../../../../src/core/errors.ts';
import { createIlinkClient } from '../../../../src/ilink/client.ts';
import { createHostTrust } from '../../../../src/ilink/hosts.ts';
import { createTransport } from '../../../../src/ilink/http/transport.ts';
import { type LoginOptions, login } from '../../../../src/ilink/login/login.ts';
import { createJumpClock } from '../../../helpers/jump-clock.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import {
  type Answer,
  hang,
  inTurn,
  reset,
  type ScriptedServer,
  startScriptedServer,
} from '../../../helpers/scripted-server.ts';

const TENCENT = 'https://ilinkai.weixin.qq.com';
const TOKEN = 'c41f09aa77be@im.bot:0600aa11bb22cc33dd44';
const CONFIRMED = {
  ret: 0,
  status: 'confirmed',
  bot_token: TOKEN,
  ilink_bot_id: 'c41f09aa77be@im.bot',
  ilink_user_id: 'o9cq80zExampleUser01@im.wechat',
  baseurl: TENCENT,
};
const RESULT = {
  token: TOKEN,
  botId: 'c41f09aa77be@im.bot',
  owner: 'o9cq80zExampleUser01@im.wechat',
  baseUrl: TENCENT,
};

const closing: (() => unknown)[] = [];
afterEach(async () => {
  for (const close of closing.splice(0).reverse()) await close();
});

/** The n-th QR code, numbered so that a refresh can be told from the first. */
function code(n: number) {
  return {
    ret: 0,
    qrcode: `q${n}`,
    qrcode_img_content: `https://liteapp.weixin.qq.com/q/7GiQu1?qrcode=q${n}`,
  };
}

interface Spoken {
  server: ScriptedServer;
  /** What the person saw and was asked, in order. */
  seen: string[];
  clock: ReturnType<typeof createJumpClock>;
}

/** Starts a login against a server that answers by script. The server also stands for the hosts of Tencent. */
async function start(
  answers: Record<string, Answer[]>,
  given: Partial<LoginOptions> & { digits?: (string | null)[]; loopback?: boolean } = {},
): Promise<Spoken & { done: Promise<Awaited<ReturnType<typeof login>>> }> {
  const server = await startScriptedServer(inTurn(answers));
  const transport = createTransport();
  closing.push(server.close, transport.close);
  const clock = createJumpClock();
  const seen: string[] = [];
  const digits = [...(given.digits ?? [])];
  const options: LoginOptions = {
    newClient: (baseUrl) => ({
      ...createIlinkClient({
        // Nobody waits for real here: a server that hangs is given up at once.
        transport: { ...transport, send: (request) => transport.send({ ...request, timeoutMs: 2_000 }) },
        baseUrl: given.loopback ? baseUrl : `${server.url}/${new URL(baseUrl).host}`,
        token: null,
        version: '0.1.0',
      }),
      baseUrl,
    }),
    baseUrl: given.loopback ? server.url : TENCENT,
    trust: createHostTrust([server.url]),
    localTokens: [],
    hasStoredAccount: false,
    force: false,
    timeoutMs: 480_000,
    clock,
    signal: new AbortController().signal,
    port: {
      showQr: ({ url, expiresAtMs }) => {
        expect(expiresAtMs - clock.now()).toBe(120_000);
        seen.push(`qr ${url.split('=').at(-1)}`);
      },
      status: (status) => {
        seen.push(status);
      },
      askVerifyCode: async (wrong) => {
        seen.push(wrong ? 'ask again' : 'ask');
        return digits.shift() ?? null;
      },
    },
    ...given,
  };
  return { server, seen, clock, done: login(options) };
}

async function failure(done: Promise<unknown>): Promise<WxError> {
  const error = await done.then(
    (value) => {
      throw new Error(`logged in: ${JSON.stringify(value)}`);
    },
    (thrown: unknown) => thrown,
  );
  expect(error).toBeInstanceOf(WxError);
  return error as WxError;
}

const statuses = (...list: Answer[]) => ({
  get_bot_qrcode: [code(1), code(2), code(3)],
  get_qrcode_status: list,
});
const wait = { ret: 0, status: 'wait' };
const scaned = { ret: 0, status: 'scaned' };
const needCode = { status: 'need_verifycode' };
const codesAsked = (server: ScriptedServer) =>
  server.asked('/get_qrcode_status').map((request) => request.query.get('verify_code'));

describe('the usual way', () => {
  test('wait, scan, confirm', async () => {
    const { done, seen, server } = await start(statuses(wait, wait, scaned, CONFIRMED), {
      localTokens: ['b@im.bot:1', 'a@im.bot:2'],
    });
    expect(await done).toEqual(RESULT);
    expect(seen).toEqual(['qr q1', 'scaned', 'confirmed']);
    expect(server.asked('/get_bot_qrcode')[0]?.json).toEqual({
      local_token_list: ['b@im.bot:1', 'a@im.bot:2'],
    });
    expect(server.asked('/get_qrcode_status').map((request) => request.query.get('qrcode'))).toEqual(
      Array(4).fill('q1'),
    );
  });

  test('a server that does not hold is asked once a second', async () => {
    const { done, clock } = await start(statuses(wait, wait, wait, wait, CONFIRMED));
    await done;
    expect(clock.slept).toEqual([1000, 1000, 1000, 1000]);
  });

  test('unknown statuses and passing trouble count as waiting', async () => {
    const trouble = [{ status: 'new_status' }, {}, 502, reset, hang, { ret: -1 }, 524, { status: 7 }];
    const { done, seen } = await start(statuses(...trouble, { status: 'scanned' }, CONFIRMED));
    expect(await done).toEqual(RESULT);
    expect(seen).toEqual(['qr q1', 'scanned', 'confirmed']);
  });

  test.each([
    ['null', { baseurl: null }, TENCENT],
    ['missing', { baseurl: undefined }, TENCENT],
    ['blank', { baseurl: ' ' }, TENCENT],
    ['the international host', { baseurl: ' https://ilinkai.wechat.com ' }, 'https://ilinkai.wechat.com'],
  ])('baseurl %s', async (_, rest, baseUrl) => {
    const { done } = await start(statuses({ ...CONFIRMED, ...rest }));
    expect(await done).toEqual({ ...RESULT, baseUrl });
  });

  test('an owner that is not named is null', async () => {
    const { done } = await start(statuses({ ...CONFIRMED, ilink_user_id: '' }));
    expect(await done).toEqual({ ...RESULT, owner: null });
  });
});

describe('codes', () => {
  test('an expired or blocked one is replaced', async () => {
    const { done, seen } = await start(
      statuses(wait, { status: 'expired' }, scaned, { status: 'verify_code_blocked' }, CONFIRMED),
    );
    expect(await done).toEqual(RESULT);
    expect(seen).toEqual([
      'qr q1',
      'expired',
      'qr q2',
      'scaned',
      'verify_code_blocked',
      'qr q3',
      'confirmed',
    ]);
  });

  test('one that nobody scans is replaced after 100 s, until the time is up', async () => {
    const { done, seen, clock } = await start(statuses(wait), { timeoutMs: 250_000 });
    const startedAt = clock.monotonic();
    expect(await failure(done)).toMatchObject({ kind: 'not-logged-in', exit: 77, hint: 'wxagent login' });
    expect(seen).toEqual(['qr q1', 'qr q2', 'qr q3']);
    expect(clock.monotonic() - startedAt).toBe(250_000);
  });

  test.each([
    ['scanned', scaned],
    ['scanned elsewhere', { status: 'scaned_but_redirect' }],
    ['to be confirmed by digits', needCode],
  ])('one that is %s is not taken away from the person', async (_, first) => {
    const waiting = Array<Answer>(150).fill(wait);
    const { done, seen } = await start(statuses(first, ...waiting, CONFIRMED), { digits: ['483920'] });
    expect(await done).toEqual(RESULT);
    expect(seen.filter((line) => line.startsWith('qr'))).toEqual(['qr q1']);
  });

  test('codes that are born dead are not asked for without a pause', async () => {
    const { done, server } = await start(statuses({ status: 'expired' }), { timeoutMs: 10_000 });
    expect(await failure(done)).toMatchObject({ kind: 'not-logged-in' });
    expect(server.asked('/get_bot_qrcode')).toHaveLength(11);
  });

  test('-3: once more without the local tokens', async () => {
    const { done, server } = await start(
      { get_bot_qrcode: [{ ret: -3, errmsg: '' }, code(1)], get_qrcode_status: [CONFIRMED] },
      { localTokens: ['old'] },
    );
    expect(await done).toEqual(RESULT);
    expect(server.asked('/get_bot_qrcode').map((request) => request.json)).toEqual([
      { local_token_list: ['old'] },
      { local_token_list: [] },
    ]);
  });

  test.each([
    ['-3 without tokens', { ret: -3 }, 'data', 'code -3'],
    ['another refusal', { ret: -2, errmsg: 'no' }, 'data', 'code -2 no'],
    ['HTML', '<html>login</html>', 'protocol', 'not JSON'],
    ['half a JSON', '{"qrcode":"very-secret', 'protocol', 'not JSON'],
    ['a forbidden status', 403, 'protocol', 'HTTP 403'],
    ['a redirect', 302, 'protocol', 'HTTP 302'],
    ['nothing', '', 'protocol', 'no QR code'],
    ['no content', { qrcode: 'q1' }, 'protocol', 'without its content'],
    ['wrong types', { qrcode: 5, qrcode_img_content: {} }, 'protocol', 'no QR code'],
  ])('%s is told', async (_, answer, kind, words) => {
    const { done } = await start({ get_bot_qrcode: [answer] });
    const error = await failure(done);
    expect(error).toMatchObject({ kind, message: expect.stringContaining(words) });
    expect(error.message).toContain('ilinkai.weixin.qq.com');
    expect(error.message).not.toContain('secret');
  });

  test.each([
    ['resets', reset, 'ilinkai'],
    ['hangs', hang, 'no answer'],
    ['has a bad gateway', 502, 'HTTP 502'],
  ])('a server that %s is tried three times', async (_, answer, words) => {
    const { done, server } = await start({ get_bot_qrcode: [answer] });
    expect(await failure(done)).toMatchObject({
      kind: 'network',
      exit: 69,
      message: expect.stringContaining(words),
    });
    expect(server.requests).toHaveLength(3);
  });

  test('the third try may succeed', async () => {
    const { done } = await start({ get_bot_qrcode: [503, reset, code(1)], get_qrcode_status: [CONFIRMED] });
    expect(await done).toEqual(RESULT);
  });
});

describe('the digits', () => {
  test('are sent until the phone is content, then no more', async () => {
    const { done, seen, server } = await start(statuses(needCode, wait, wait, scaned, wait, CONFIRMED), {
      digits: [' 483920 '],
    });
    expect(await done).toEqual(RESULT);
    expect(seen.filter((line) => line.startsWith('ask'))).toEqual(['ask']);
    expect(codesAsked(server)).toEqual([null, '483920', '483920', '483920', null, null]);
  });

  test('are asked for again when wrong', async () => {
    const { done, seen, server } = await start(statuses(needCode, needCode, needCode, scaned, CONFIRMED), {
      digits: ['1', '2', '3'],
    });
    expect(await done).toEqual(RESULT);
    expect(seen).toEqual([
      'qr q1',
      'need_verifycode',
      'ask',
      'ask again',
      'ask again',
      'scaned',
      'confirmed',
    ]);
    expect(codesAsked(server)).toEqual([null, '1', '2', '3', null]);
  });

  test('of an old code are not sent for the new one', async () => {
    const { done, seen, server } = await start(
      statuses(needCode, { status: 'verify_code_blocked' }, needCode, scaned, CONFIRMED),
      { digits: ['1', '2'] },
    );
    expect(await done).toEqual(RESULT);
    expect(seen.filter((line) => line.startsWith('ask'))).toEqual(['ask', 'ask']);
    expect(codesAsked(server)).toEqual([null, '1', null, '2', null]);
  });

  test('typing nothing asks again', async () => {
    const { done, server } = await start(statuses(needCode, needCode, scaned, CONFIRMED), {
      digits: ['  ', '7'],
    });
    expect(await done).toEqual(RESULT);
    expect(codesAsked(server)).toEqual([null, null, '7', null]);
  });

  test('nobody to ask: 77 and where to go', async () => {
    const { done } = await start(statuses(needCode), { digits: [null] });
    expect(await failure(done)).toMatchObject({
      kind: 'not-logged-in',
      hint: 'run wxagent login in a terminal',
    });
  });
});

describe('already bound', () => {
  const bound = { status: 'binded_redirect' };

  test('to a stored account: nothing to do', async () => {
    const { done, seen } = await start(statuses(scaned, bound), {
      localTokens: ['t'],
      hasStoredAccount: true,
    });
    expect(await done).toEqual({ already: true });
    expect(seen).toEqual(['qr q1', 'scaned', 'binded_redirect']);
  });

  test.each([
    ['to no stored account', { hasStoredAccount: false }],
    ['and a new token is wanted', { hasStoredAccount: true, force: true }],
  ])('%s: once more without local tokens', async (_, rest) => {
    const { done, server } = await start(statuses(bound, CONFIRMED), { localTokens: ['t'], ...rest });
    expect(await done).toEqual(RESULT);
    expect(server.asked('/get_bot_qrcode').map((request) => request.json)).toEqual([
      { local_token_list: ['t'] },
      { local_token_list: [] },
    ]);
  });

  test('even without local tokens: not understood', async () => {
    const { done, server } = await start(statuses(bound), { localTokens: ['t'] });
    expect(await failure(done)).toMatchObject({
      kind: 'protocol',
      message: expect.stringContaining('bound'),
    });
    expect(server.asked('/get_bot_qrcode')).toHaveLength(2);
  });
});

describe('another data centre', () => {
  const redirect = (host: unknown) => ({ status: 'scaned_but_redirect', redirect_host: host });
  const hostsAsked = (server: ScriptedServer) =>
    server.asked('/get_qrcode_status').map((request) => request.path.split('/')[1]);

  test('polling goes on there, and begins here again with a new code', async () => {
    const { done, server } = await start(
      statuses(wait, redirect('ilinkai.wechat.com'), scaned, { status: 'expired' }, CONFIRMED),
    );
    expect(await done).toEqual(RESULT);
    const here = 'ilinkai.weixin.qq.com';
    expect(hostsAsked(server)).toEqual([here, here, 'ilinkai.wechat.com', 'ilinkai.wechat.com', here]);
    expect(server.asked('/get_bot_qrcode').map((request) => request.path.split('/')[1])).toEqual([
      here,
      here,
    ]);
  });

  test('a host that is missing: stay', async () => {
    const { done, server } = await start(statuses(redirect(undefined), redirect(''), CONFIRMED));
    expect(await done).toEqual(RESULT);
    expect(new Set(hostsAsked(server)).size).toBe(1);
  });

  test.each([
    'evil.example',
    'https://ilinkai.wechat.com',
    'ilinkai.wechat.com:8443',
    'x@wechat.com',
    '1.2.3.4',
  ])('%s is not followed', async (host) => {
    const { done, server } = await start(statuses(redirect(host), CONFIRMED));
    expect(await failure(done)).toMatchObject({ kind: 'protocol', message: expect.stringContaining(host) });
    expect(server.asked('/get_qrcode_status')).toHaveLength(1);
  });

  test.each(['ilinkai.wechat.com', 'evil.example'])(
    'from this machine nothing is followed: %s',
    async (host) => {
      const { done, server } = await start(statuses(redirect(host), CONFIRMED), { loopback: true });
      expect(await done).toEqual(RESULT);
      expect(server.asked('/get_qrcode_status')).toHaveLength(2);
    },
  );
});

describe('a confirmed login that makes no sense', () => {
  test.each([
    ['no token', { bot_token: undefined }, 'without a token'],
    ['a blank token', { bot_token: ' ' }, 'without a token'],
    ['a number for a token', { bot_token: 5 }, 'without a token'],
    ['no bot id', { ilink_bot_id: null }, 'without a bot id'],
    ['a host that is not trusted', { baseurl: 'https://evil.example' }, 'not trusted'],
    ['plain http', { baseurl: 'http://ilinkai.weixin.qq.com' }, 'not trusted'],
    ['no address', { baseurl: 'ilinkai' }, 'not trusted'],
  ])('%s', async (_, rest, words) => {
    const { done } = await start(statuses({ ...CONFIRMED, ...rest }));
    const error = await failure(done);
    expect(error).toMatchObject({ kind: 'protocol', exit: 76, message: expect.stringContaining(words) });
    expect(error.message).not.toContain(TOKEN);
  });

  test('HTML for a status', async () => {
    const { done } = await start(statuses('<html></html>'));
    expect(await failure(done)).toMatchObject({ kind: 'protocol' });
  });
});

describe('a server that knows only GET', () => {
  /** Answers a GET, and refuses everything else with a status. */
  const byGet =
    (refusal: number, body: object): Answer =>
    (response) => {
      if (response.req.method === 'GET') response.end(JSON.stringify(body));
      else response.writeHead(refusal).end('<html>no</html>');
    };
  const asked = (server: ScriptedServer, ending: string) =>
    server.asked(ending).map(({ method, query }) => `${method} ${query}`);

  test.each([404, 405, 501])('after %d the code is asked for by GET', async (refusal) => {
    const { done, server } = await start({
      get_bot_qrcode: [byGet(refusal, code(1))],
      get_qrcode_status: [byGet(refusal, CONFIRMED)],
    });
    expect(await done).toEqual(RESULT);
    expect(asked(server, '/get_bot_qrcode')).toEqual(['POST bot_type=3', 'GET bot_type=3']);
    expect(asked(server, '/get_qrcode_status')).toEqual(['GET qrcode=q1']);
  });

  test("so are code and status in the guide's shape", async () => {
    const { done, server } = await start({
      get_bot_qrcode: [byGet(405, { bot_id: 'bot 1', qrcode_url: 'https://x/?x=g1' })],
      get_qrcode_status: [byGet(405, { status: '1', bot_token: TOKEN })],
    });
    expect(await done).toMatchObject({ token: TOKEN });
    expect(asked(server, '/get_qrcode_status')).toEqual(['POST ', 'GET bot_id=bot+1']);
  });

  test('a page for the GET is no code', async () => {
    const page: Answer = (response) => {
      response.writeHead(response.req.method === 'GET' ? 200 : 404).end('<html>hello</html>');
    };
    const { done } = await start({ get_bot_qrcode: [page] });
    expect(await failure(done)).toMatchObject({ message: expect.stringContaining('HTTP 404') });
  });
});

describe("the public guide's shape", () => {
  const qr = { qrcode_url: 'https://liteapp.weixin.qq.com/q?x=g1', bot_id: 'bot-1' };
  const confirmed = { status: 1, bot_token: TOKEN };

  test.each<[string, Answer[]]>([
    ['404', [404, qr]],
    ['405', [405, qr]],
    ['an answer without qrcode', [{ ret: 0 }, qr]],
    ['an answer in that shape already', [qr]],
  ])('after %s', async (_, codes) => {
    const { done, seen, server, clock } = await start({
      get_bot_qrcode: codes,
      get_qrcode_status: [{ status: 0 }, 502, {}, confirmed],
    });
    expect(await done).toEqual({ token: TOKEN, botId: 'c41f09aa77be@im.bot', owner: null, baseUrl: TENCENT });
    expect(seen).toEqual(['qr g1', 'confirmed']);
    expect(clock.slept).toEqual([2000, 2000, 2000]);
    for (const request of server.asked('/get_qrcode_status')) {
      expect(request).toMatchObject({ method: 'POST', json: { bot_id: 'bot-1' } });
    }
  });

  test('a bot id and an owner are taken where they are given', async () => {
    const rest = { ilink_bot_id: 'x@im.bot', ilink_user_id: 'me@im.wechat' };
    const { done } = await start({ get_bot_qrcode: [qr], get_qrcode_status: [{ ...confirmed, ...rest }] });
    expect(await done).toMatchObject({ botId: 'x@im.bot', owner: 'me@im.wechat' });
  });

  test('a token of another form names its bot by a digest', async () => {
    const { done } = await start({
      get_bot_qrcode: [qr],
      get_qrcode_status: [{ status: 1, bot_token: 'abc' }],
    });
    expect(await done).toMatchObject({ botId: 'token-ba7816bf' });
  });

  test('confirmed without a token', async () => {
    const { done } = await start({ get_bot_qrcode: [qr], get_qrcode_status: [{ status: 1 }] });
    expect(await failure(done)).toMatchObject({ kind: 'protocol' });
  });

  test('a new code after 100 s, until the time is up', async () => {
    const { done, seen } = await start(
      { get_bot_qrcode: [qr], get_qrcode_status: [{ status: 0 }] },
      { timeoutMs: 150_000 },
    );
    expect(await failure(done)).toMatchObject({ kind: 'not-logged-in' });
    expect(seen).toEqual(['qr g1', 'qr g1']);
  });

  test('a server that knows neither shape', async () => {
    const { done } = await start({});
    expect(await failure(done)).toMatchObject({
      kind: 'protocol',
      message: expect.stringContaining('HTTP 404'),
    });
  });
});

describe('a stop', () => {
  test('while a status is awaited', async () => {
    const stop = new AbortController();
    const { done, server } = await start(statuses(hang), { signal: stop.signal });
    const failed = failure(done);
    await pollUntil('the status is asked for', () => server.asked('/get_qrcode_status').length > 0);
    stop.abort();
    expect(await failed).toMatchObject({ kind: 'cancelled', exit: 130 });
  });

  test('while the person looks for the digits', async () => {
    const stop = new AbortController();
    let asked = false;
    const { done } = await start(statuses(needCode), {
      signal: stop.signal,
      port: {
        showQr() {},
        status() {},
        askVerifyCode: () => {
          asked = true;
          return new Promise(() => {});
        },
      },
    });
    const failed = failure(done);
    await pollUntil('the person is asked', () => asked);
    stop.abort();
    expect(await failed).toMatchObject({ kind: 'cancelled' });
  });

  test('while the first code is awaited', async () => {
    const stop = new AbortController();
    const { done, server } = await start({ get_bot_qrcode: [hang] }, { signal: stop.signal });
    const failed = failure(done);
    await pollUntil('the code is asked for', () => server.requests.length > 0);
    stop.abort();
    expect(await failed).toMatchObject({ kind: 'cancelled' });
  });
});
