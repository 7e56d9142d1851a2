import { execFile } from 'node:child_process';
import { mkdtemp, readFile, rm } from 'node:fs/promises';
import { get } from 'node:https';
import type { LookupFunction } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { WxError } from '../../../../src/core/errors.ts';
import { type Simulator, startSimulator } from '../../../../src/simulator/simulator.ts';
import { call, type Json, withSimulator } from '../client.ts';

const newQr = (sim: Simulator, tokens: string[] = []) =>
  call(sim, 'get_bot_qrcode?bot_type=3', null, { local_token_list: tokens });

async function status(sim: Simulator, qrcode: string, more = ''): Promise<Json> {
  const url = `${sim.baseUrl}/ilink/bot/get_qrcode_status?qrcode=${encodeURIComponent(qrcode)}${more}`;
  const response = await fetch(url);
  return response.ok ? response.json() : { http: response.status };
}

async function statuses(sim: Simulator, qrcode: string, until: string): Promise<string[]> {
  const seen: string[] = [];
  while (seen.at(-1) !== until) seen.push((await status(sim, qrcode)).status);
  return seen;
}

test('a QR scans itself and is confirmed; the credentials work', () =>
  withSimulator({ scanDelayMs: 10 }, async (sim) => {
    const { qrcode, qrcode_img_content } = await newQr(sim);
    expect(qrcode_img_content).toContain(`qrcode=${qrcode}`);
    expect(await statuses(sim, qrcode, 'scaned')).toEqual(['scaned']);
    const done = await status(sim, qrcode);
    expect(done).toMatchObject({ status: 'confirmed', baseurl: sim.baseUrl });
    expect(done.ilink_bot_id).toMatch(/^[0-9a-f]{12}@im\.bot$/);
    expect(done.bot_token.startsWith(`${done.ilink_bot_id}:`)).toBe(true);
    expect(done.ilink_user_id).toMatch(/^o9cq80.*@im\.wechat$/);
    sim.control.message({ text: 'hi' });
    expect((await call(sim, 'getupdates', done.bot_token, {})).msgs).toHaveLength(1);
  }));

test('the legacy GET answers like the POST', () =>
  withSimulator({}, async (sim) => {
    const response = await fetch(`${sim.baseUrl}/ilink/bot/get_bot_qrcode?bot_type=3`);
    expect(Object.keys((await response.json()) as object).sort()).toEqual([
      'qrcode',
      'qrcode_img_content',
      'ret',
    ]);
  }));

test('a status poll is held until something happens, and says "wait" when nothing does', () =>
  withSimulator({ scan: 'manual', holdMs: 40 }, async (sim) => {
    const { qrcode } = await newQr(sim);
    expect((await status(sim, qrcode)).status).toBe('wait');
    sim.control.changeSettings({ holdMs: 20_000 });
    const held = status(sim, qrcode);
    await expect.poll(() => sim.control.stats().counts.get_qrcode_status).toBe(2);
    sim.control.scan({ confirm: false });
    expect((await held).status).toBe('scaned');
    sim.control.confirm();
    expect((await status(sim, qrcode)).status).toBe('confirmed');
  }));

test('a verify code: wrong ones are asked for again, then block; the right one lets the login go on', () =>
  withSimulator({ scan: 'manual', verifyCode: '483920', verifyTries: 2 }, async (sim) => {
    const first = await newQr(sim);
    sim.control.scan();
    expect((await status(sim, first.qrcode)).status).toBe('need_verifycode');
    expect((await status(sim, first.qrcode, '&verify_code=1')).status).toBe('need_verifycode');
    expect((await status(sim, first.qrcode, '&verify_code=2')).status).toBe('verify_code_blocked');
    const second = await newQr(sim);
    sim.control.scan();
    expect((await status(sim, second.qrcode)).status).toBe('need_verifycode');
    expect((await status(sim, second.qrcode, '&verify_code=483920')).status).toBe('scaned');
    expect((await status(sim, second.qrcode, '&verify_code=483920')).status).toBe('confirmed');
    const third = await newQr(sim);
    sim.control.scan({ verifyCode: '7' });
    expect(sim.control.verify('7').status).toBe('scaned');
    expect((await status(sim, third.qrcode)).status).toBe('scaned');
  }));

test('a QR expires after 120 s of the simulator clock, even under a waiting poll; a refused one at once', () =>
  withSimulator({ scan: 'manual' }, async (sim) => {
    const first = await newQr(sim);
    const held = status(sim, first.qrcode);
    await expect.poll(() => sim.control.stats().counts.get_qrcode_status).toBe(1);
    sim.control.advance(119_000);
    sim.control.advance(1_000);
    expect((await held).status).toBe('expired');
    const second = await newQr(sim);
    sim.control.refuse();
    expect((await status(sim, second.qrcode)).status).toBe('expired');
    expect(() => sim.control.scan()).toThrow('no QR code');
  }));

test('a scan can redirect to another IDC once', () =>
  withSimulator({ scan: 'manual', redirectHost: 'idc-3.weixin.qq.com' }, async (sim) => {
    const { qrcode } = await newQr(sim);
    sim.control.scan();
    expect(await status(sim, qrcode)).toMatchObject({
      status: 'scaned_but_redirect',
      redirect_host: 'idc-3.weixin.qq.com',
    });
    expect(await statuses(sim, qrcode, 'confirmed')).toEqual(['scaned', 'confirmed']);
  }));

test('a live token of the same user in the list: binded_redirect and no new bot; of another user: a bot', () =>
  withSimulator({ scan: 'manual' }, async (sim) => {
    const { token } = sim.control.createBot();
    const mine = await newQr(sim, [token]);
    sim.control.scan();
    expect(await statuses(sim, mine.qrcode, 'binded_redirect')).toEqual(['scaned', 'binded_redirect']);
    const other = await newQr(sim, [token]);
    sim.control.scan({ user: 'o9other@im.wechat' });
    expect(await statuses(sim, other.qrcode, 'confirmed')).toEqual(['scaned', 'confirmed']);
    expect(sim.control.bots().filter((bot) => bot.live)).toHaveLength(2);
  }));

test('an unknown token in the list is refused with -3 where that is switched on', () =>
  withSimulator({}, async (sim) => {
    expect((await newQr(sim, ['nobody:1'])).ret).toBe(0);
    sim.control.changeSettings({ rejectUnknownTokens: true });
    expect(await newQr(sim, ['nobody:1'])).toEqual({ ret: -3, errmsg: '' });
    expect((await newQr(sim, [])).ret).toBe(0);
  }));

test('a new login of the same user kills the old token, also under a waiting poll', () =>
  withSimulator({ scanDelayMs: 0 }, async (sim) => {
    const { token } = sim.control.createBot();
    const held = call(sim, 'getupdates', token, {});
    await expect.poll(() => sim.control.bots()[0]?.polls).toBe(1);
    const { qrcode } = await newQr(sim);
    await statuses(sim, qrcode, 'confirmed');
    expect(await held).toEqual({ errcode: -14, errmsg: 'session timeout' });
    expect(await call(sim, 'sendmessage', token, {})).toEqual({ errcode: -14, errmsg: 'session timeout' });
  }));

test("the public guide's shape, and 404 for the official one", () =>
  withSimulator({ loginShape: 'guide', scan: 'manual' }, async (sim) => {
    expect(await newQr(sim)).toEqual({ http: 404 });
    const legacy = await fetch(`${sim.baseUrl}/ilink/bot/get_bot_qrcode?bot_type=3`);
    expect(legacy.status).toBe(404);
    const qr = await call(sim, 'get_bot_qrcode', null, { bot_type: 3 });
    expect(Object.keys(qr)).toEqual(['qrcode_url', 'bot_id']);
    const ask = () => call(sim, 'get_qrcode_status', null, { bot_id: qr.bot_id });
    expect((await ask()).status).toBe(0);
    expect((await status(sim, qr.bot_id)).http).toBe(404);
    sim.control.scan();
    const done = await ask();
    expect(done.status).toBe(1);
    sim.control.message({ text: 'hi' });
    expect((await call(sim, 'getupdates', done.bot_token, {})).msgs).toHaveLength(1);
  }));

test('a server that has the code by GET only', () =>
  withSimulator({}, async (sim) => {
    for (const [loginShape, status] of [
      ['get-404', 404],
      ['get-405', 405],
    ] as const) {
      sim.control.changeSettings({ loginShape });
      expect(await newQr(sim)).toEqual({ http: status });
      const got = await fetch(`${sim.baseUrl}/ilink/bot/get_bot_qrcode?bot_type=3`);
      expect(((await got.json()) as Json).qrcode).toBeDefined();
    }
  }));

test('over https, under the names of the certificate: a redirect of the login can be followed', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wxagent-sim-'));
  try {
    const [tlsCert, tlsKey] = [join(folder, 'cert.pem'), join(folder, 'key.pem')];
    const names = 'subjectAltName=DNS:localhost,DNS:idc-3.weixin.qq.com,IP:127.0.0.1';
    const options = '-newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=simulator';
    const args = [
      'req',
      '-x509',
      ...options.split(' '),
      '-addext',
      names,
      '-keyout',
      tlsKey,
      '-out',
      tlsCert,
    ];
    await promisify(execFile)('openssl', args);
    await withSimulator({ tlsCert, tlsKey, scan: 'manual' }, async (sim) => {
      const { port } = new URL(sim.baseUrl);
      expect(sim.baseUrl).toBe(`https://127.0.0.1:${port}`);
      const ca = await readFile(tlsCert);
      const ask = (hostname: string, path: string, headers = {}) =>
        new Promise<{ status: number | undefined; body: Json }>((resolve, reject) => {
          // As if the name were in /etc/hosts.
          const lookup: LookupFunction = (_name, all, done) =>
            all.all ? done(null, [{ address: '127.0.0.1', family: 4 }]) : done(null, '127.0.0.1', 4);
          get(
            { hostname, port, path: `/ilink/bot/${path}`, ca, lookup, headers, servername: 'localhost' },
            async (response) => {
              const text = Buffer.concat(await response.toArray()).toString();
              resolve({ status: response.statusCode, body: JSON.parse(text) });
            },
          ).once('error', reject);
        });
      const { body: code } = await ask('localhost', 'get_bot_qrcode?bot_type=3');
      sim.control.scan({ redirectHost: 'idc-3.weixin.qq.com' });
      const path = `get_qrcode_status?qrcode=${code.qrcode}`;
      const { redirect_host } = (await ask('127.0.0.1', path)).body;
      await ask(redirect_host, path);
      const { body } = await ask(redirect_host, path);
      // Under the name that was asked for: a client may trust no other.
      expect(body).toMatchObject({ status: 'confirmed', baseurl: `https://idc-3.weixin.qq.com:${port}` });
      expect(await ask('localhost', path, { host: 'evil.example' })).toMatchObject({ status: 403 });
    });
    const refused = (options: object) => startSimulator(options).catch((error: WxError) => error.kind);
    expect(await refused({ tlsCert })).toBe('usage');
    expect(await refused({ tlsKey })).toBe('usage');
    expect(await refused({ tlsCert: tlsKey, tlsKey: tlsCert })).toBe('usage');
    expect(await refused({ tlsCert: join(folder, 'none'), tlsKey })).toBe('not-found');
  } finally {
    await rm(folder, { recursive: true });
  }
});
