import { request } from 'node:http';
import { brotliDecompressSync, gunzipSync, inflateSync } from 'node:zlib';
import { expect, test } from 'vitest';
import type { FaultInput } from '../../../../src/simulator/world/fault-kinds.ts';
import { call, talkingBot, textMessage, withSimulator } from '../client.ts';

test('each kind breaks the answer in its way, as often as asked', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const broken = async (fault: Omit<FaultInput, 'endpoint'>) => {
      sim.control.addFault({ endpoint: 'sendmessage', count: 1, ...fault });
      return bot
        .send('x')
        .catch((error: Error) => `${error.name}: ${(error.cause as { code?: string })?.code}`);
    };
    expect(await broken({ kind: 'status', status: 502 })).toEqual({ http: 502 });
    expect(await broken({ kind: 'answer', body: { ret: -2, errmsg: 'rate limited' } })).toMatchObject({
      ret: -2,
    });
    const coded = { kind: 'status', status: 401, body: { errcode: -14 } } as const;
    expect(await broken(coded)).toEqual({ http: 401 });
    expect(await broken({ ...coded, status: 200 })).toEqual({ errcode: -14 });
    expect(await broken({ kind: 'reset' })).toContain('TypeError');
    expect(await broken({ kind: 'cut' })).toContain('TypeError');
    expect(await broken({ kind: 'garbage', garbage: 'html' })).toContain('SyntaxError');
    expect(await broken({ kind: 'garbage', garbage: 'half-json' })).toContain('SyntaxError');
    expect(await broken({ kind: 'garbage', garbage: 'big' })).toContain('SyntaxError');
    expect(await broken({ kind: 'garbage', garbage: 'empty' })).toEqual({});
    expect((await broken({ kind: 'delay', afterMs: 10 })).message_id).toBeDefined();
    expect((await broken({ kind: 'drop' })).message_id).toBeDefined();
    expect((await bot.send('fine')).message_id).toBeDefined();
    const lines = sim.control.phone({ all: true }).shown.slice(1);
    // Only what was processed is there: the cut, the delayed, the dropped and the last one.
    expect(lines.map(({ hidden }) => hidden)).toEqual([null, null, 'dropped', null]);
    expect(sim.control.stats().counts.faults).toBe(12);
  }));

test('the true answer in an encoding nobody asked for, or after a byte order mark', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const body = JSON.stringify({ msg: textMessage(bot.user, 'x', { client_id: 'same' }) });
    const send = () =>
      new Promise<[string | undefined, Buffer]>((resolve, reject) => {
        const headers = { authorization: `Bearer ${bot.token}` };
        request(`${sim.baseUrl}/ilink/bot/sendmessage`, { method: 'POST', headers }, async (response) => {
          const bytes = Buffer.concat(await response.toArray());
          expect(response.headers['content-length']).toBe(String(bytes.length));
          resolve([response.headers['content-encoding'], bytes]);
        })
          .once('error', reject)
          .end(body);
      });
    const [, plain] = await send();
    const decoders = { gzip: gunzipSync, deflate: inflateSync, br: brotliDecompressSync };
    for (const encoding of ['gzip', 'deflate', 'br'] as const) {
      sim.control.addFault({ endpoint: 'sendmessage', kind: 'encoded', encoding, count: 1 });
      const [told, bytes] = await send();
      expect([told, decoders[encoding](bytes)]).toEqual([encoding, plain]);
    }
    sim.control.addFault({ endpoint: 'sendmessage', kind: 'bom', count: 1 });
    expect(await send()).toEqual([undefined, Buffer.concat([Buffer.from('\ufeff'), plain])]);
    expect(() => sim.control.addFault({ endpoint: '*', kind: 'encoded' })).toThrow('encoding: one of gzip');
  }));

test('a Date that is off, or none', () =>
  withSimulator({ dateOffsetMs: -864_000_000 }, async (sim) => {
    const date = async () => (await fetch(`${sim.baseUrl}/ilink/bot/get_bot_qrcode`)).headers.get('date');
    const daysAgo = async () => (Date.now() - Date.parse((await date()) ?? '')) / 86_400_000;
    expect(await daysAgo()).toBeCloseTo(10, 1);
    // It is that of the simulator's own clock, which a test moves.
    sim.control.advance(864_000_000);
    expect(await daysAgo()).toBeCloseTo(0, 1);
    sim.control.changeSettings({ dateOffsetMs: null });
    expect(await date()).toBeNull();
  }));

test('a client who goes before a broken answer is written ends nothing', () =>
  withSimulator({}, async (sim) => {
    const kinds = ['cut', 'length', 'endless', 'encoded', 'bom', 'status', 'reset', 'garbage'] as const;
    for (const kind of kinds) {
      const more = { bytes: 5, status: 500, garbage: 'html', encoding: 'gzip' } as const;
      sim.control.addFault({ endpoint: 'get_bot_qrcode', kind, afterMs: 300, count: 1, ...more });
      const before = sim.control.stats().counts.faults ?? 0;
      const abort = new AbortController();
      const gone = fetch(`${sim.baseUrl}/ilink/bot/get_bot_qrcode`, { signal: abort.signal }).catch(
        () => 'gone',
      );
      await expect.poll(() => sim.control.stats().counts.faults, { interval: 5 }).toBe(before + 1);
      abort.abort();
      await gone;
    }
    sim.control.addFault({ endpoint: 'get_bot_qrcode', kind: 'delay', afterMs: 400, count: 1 });
    expect((await fetch(`${sim.baseUrl}/ilink/bot/get_bot_qrcode?bot_type=3`)).status).toBe(200);
  }));

test('before or after processing', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const send = () => bot.send('x', { client_id: 'once' }).catch(() => 'lost');
    sim.control.addFault({ endpoint: 'sendmessage', kind: 'reset', count: 1 });
    expect(await send()).toBe('lost');
    expect(sim.control.phone().shown).toHaveLength(1);
    sim.control.addFault({ endpoint: 'sendmessage', kind: 'reset', processed: true, count: 1 });
    expect(await send()).toBe('lost');
    expect(sim.control.phone().shown).toHaveLength(2);
    expect((await send()).message_id).toBe(sim.control.phone().shown[1]?.messageId);
    expect(sim.control.phone().shown).toHaveLength(2);
  }));

test('a hanging request ends with the client, and close does not wait for it', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    sim.control.addFault({ endpoint: '*', kind: 'hang' });
    const hanging = bot.send('x').catch(() => 'ended');
    await expect.poll(() => sim.control.stats().counts.faults).toBe(1);
    await sim.close();
    expect(await hanging).toBe('ended');
  }));

test('probability is rolled with the seed; skip lets some pass', async () => {
  const outcomes = async (): Promise<string> => {
    let row = '';
    await withSimulator({ seed: 42, quota: 0 }, async (sim) => {
      const bot = await talkingBot(sim);
      sim.control.addFault({
        endpoint: 'sendmessage',
        kind: 'status',
        status: 500,
        probability: 0.5,
        skip: 3,
      });
      for (let i = 0; i < 30; i++) row += 'http' in (await bot.send('x')) ? 'F' : '.';
    });
    return row;
  };
  const row = await outcomes();
  expect(row.slice(0, 3)).toBe('...');
  expect(row).toMatch(/F/);
  expect(row.slice(3)).toMatch(/\./);
  expect(await outcomes()).toBe(row);
});

test('lost: a broken response, or one not followed by a poll with its cursor', () =>
  withSimulator({ holdMs: 0 }, async (sim) => {
    const bot = await talkingBot(sim);
    const reasons = () => sim.control.lost().map(({ text, reason }) => [text, reason]);
    expect(reasons()).toEqual([['hello', 'unfollowed']]);
    const next = await bot.poll(bot.cursor);
    expect(reasons()).toEqual([]);
    const { messageId } = sim.control.message({ text: 'cut off' });
    sim.control.addFault({ endpoint: 'getupdates', kind: 'cut', count: 1 });
    await bot.poll(next.get_updates_buf).catch(() => {});
    expect(sim.control.lost()).toMatchObject([{ messageId, user: bot.user, text: 'cut off', reason: 'cut' }]);
    // A later poll with the old cursor, and one with the new one, do not bring it back.
    const later = await bot.poll(next.get_updates_buf);
    await bot.poll(later.get_updates_buf);
    expect(reasons()).toEqual([['cut off', 'cut']]);
    sim.control.message({ text: 'followed' });
    const followed = await bot.poll(later.get_updates_buf);
    await bot.poll(followed.get_updates_buf);
    expect(reasons()).toEqual([['cut off', 'cut']]);
  }));

test('in replay what is handed out again is not lost', () =>
  withSimulator({ holdMs: 0, mode: 'replay' }, async (sim) => {
    const bot = await talkingBot(sim);
    sim.control.message({ text: 'x' });
    sim.control.addFault({ endpoint: 'getupdates', kind: 'reset', processed: true, count: 1 });
    await bot.poll(bot.cursor).catch(() => {});
    expect(sim.control.lost()).toMatchObject([{ text: 'x', reason: 'reset' }]);
    const again = await bot.poll(bot.cursor);
    await bot.poll(again.get_updates_buf);
    expect(sim.control.lost()).toEqual([]);
  }));

test('in replay what has come through is not lost by an older poll that is answered later', () =>
  withSimulator({ holdMs: 0, mode: 'replay' }, async (sim) => {
    const bot = await talkingBot(sim);
    sim.control.message({ text: 'x' });
    const through = await bot.poll(bot.cursor);
    sim.control.addFault({ endpoint: 'getupdates', kind: 'reset', processed: true, count: 1 });
    await bot.poll(bot.cursor).catch(() => {});
    await bot.poll(through.get_updates_buf);
    expect(sim.control.lost()).toEqual([]);
  }));

test('a poll whose client has gone takes no message', () =>
  withSimulator({}, async (sim) => {
    const bot = await talkingBot(sim);
    const abort = new AbortController();
    const gone = fetch(`${sim.baseUrl}/ilink/bot/getupdates`, {
      method: 'POST',
      headers: { authorization: `Bearer ${bot.token}` },
      body: JSON.stringify({ get_updates_buf: bot.cursor }),
      signal: abort.signal,
    }).catch(() => 'gone');
    await expect.poll(() => sim.control.bots()[0]?.polls).toBe(1);
    abort.abort();
    expect(await gone).toBe('gone');
    await expect.poll(() => sim.control.bots()[0]?.polls).toBe(0);
    sim.control.message({ text: 'kept' });
    expect((await bot.poll(bot.cursor)).msgs).toHaveLength(1);
  }));

test('faults hit the CDN and the login too; wrong ones are refused', () =>
  withSimulator({}, async (sim) => {
    sim.control.addFault({ endpoint: 'download', kind: 'status', status: 503, count: 1 });
    const response = await fetch(`${sim.cdnUrl}/download?encrypted_query_param=x`);
    expect([response.status, response.headers.get('x-error-message')]).toEqual([503, 'injected fault']);
    const rule = sim.control.addFault({ endpoint: 'get_bot_qrcode', kind: 'garbage', garbage: 'html' });
    await expect(call(sim, 'get_bot_qrcode?bot_type=3', null, {})).rejects.toThrow(SyntaxError);
    sim.control.clearFaults(rule.id);
    expect((await call(sim, 'get_bot_qrcode?bot_type=3', null, {})).ret).toBe(0);
    const wrong = [
      { endpoint: 'x', kind: 'reset' },
      { endpoint: '*', kind: 'x' },
      { endpoint: '*', kind: 'status' },
      { endpoint: '*', kind: 'status', status: 200, headers: { a: 'b\nc' } },
      { endpoint: '*', kind: 'status', status: 200, headers: 'x' },
    ];
    for (const fault of [
      ...wrong,
      { endpoint: '*', kind: 'reset', probability: 2 },
      { endpoint: '*', kind: 'answer' },
    ]) {
      expect(() => sim.control.addFault(fault as FaultInput)).toThrow();
    }
  }));
