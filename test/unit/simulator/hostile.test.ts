import { connect } from 'node:net';
import { expect, test } from 'vitest';
import { call, talkingBot, textMessage, withSimulator } from './client.ts';

/** Sends bytes and goes when the server has answered, or at once. */
function throwAt(port: string, bytes: string, waits: boolean): Promise<void> {
  return new Promise((resolve) => {
    const socket = connect(Number(port), '127.0.0.1', () => {
      socket.write(bytes);
      if (!waits) socket.resetAndDestroy();
    });
    socket.once('data', () => socket.destroy());
    socket.on('error', () => {});
    socket.once('close', () => resolve());
  });
}

test('no request ends it, and every answer is one of its own', () =>
  withSimulator({ holdMs: 0, quota: 0 }, async (sim) => {
    const bot = await talkingBot(sim);
    const { port } = new URL(sim.baseUrl);
    const deep = `${'{"a":['.repeat(50_000)}1${']}'.repeat(50_000)}`;
    const bodies = [
      ...['{', 'null', '5', '[]', '"x"', '\u0000', '\ufeff{}', deep, '['.repeat(1e6), `{"msg":${deep}}`],
      ...['{"msg":{"item_list":[null]}}', '{"msg":{"item_list":[{"type":1,"text_item":"x"}]}}'],
      ...[
        '{"__proto__":{"msg":1},"constructor":1}',
        '{"get_updates_buf":{}}',
        '{"get_updates_buf":"CgII/////"}',
      ],
      ...[
        '{"timeout":1e308}',
        '{"timeout":-1}',
        `{"filekey":"${'k'.repeat(70_000)}"}`,
        '{"local_token_list":[{},7]}',
      ],
    ];
    const endpoints = [
      ...['getupdates', 'sendmessage', 'getuploadurl', 'getconfig', 'sendtyping', 'msg/notifystart'],
      ...['get_bot_qrcode?bot_type=3', 'get_qrcode_status', 'nothing'],
    ];
    for (const body of bodies) {
      await Promise.all(endpoints.map((endpoint) => call(sim, endpoint, bot.token, body)));
    }
    const controls = (await (await fetch(sim.controlUrl)).json()) as { get: string[]; post: string[] };
    const odd = ['message', 'messages', 'faults', 'settings', 'clock'].map((name) => [name, deep] as const);
    const statuses = new Set<number>();
    for (const [name, body] of [
      ...controls.post.flatMap((name) => bodies.map((body) => [name, body] as const)),
      ...odd,
      ['message', '{"file":{"sizeBytes":9007199254740991}}'] as const,
      ['message', '{"text":"5","quote":{"id":"1","selection":5}}'] as const,
      ['clock', '{"advanceMs":9007199254740991}'] as const,
      ['message', '{"text":"x","message":{"item_list":[[[]]],"from_user_id":{}}}'] as const,
    ]) {
      const response = await fetch(`${sim.controlUrl}/${name}`, { method: 'POST', body });
      statuses.add(response.status);
    }
    for (const name of controls.get) statuses.add((await fetch(`${sim.controlUrl}/${name}`)).status);
    expect([...statuses].sort()).toEqual([200, 400, 404]);
    const head = `Host: localhost\r\nAuthorization: Bearer ${bot.token}\r\n`;
    const requests = [
      ...['\r\n\r\n', 'GET\r\n\r\n', 'GET / HTTP/9\r\n\r\n', '\u0016\u0003\u0001\u0002', 'x'.repeat(100_000)],
      `POST /ilink/bot/sendmessage HTTP/1.1\r\n${head}Content-Length: 100\r\n\r\n{"msg"`,
      `POST /ilink/bot/sendmessage HTTP/1.1\r\n${head}Content-Length: -1\r\n\r\n{}`,
      `POST /ilink/bot/sendmessage HTTP/1.1\r\n${head}Transfer-Encoding: chunked\r\n\r\nzz\r\n`,
      `POST /c2c/upload?encrypted_query_param=x HTTP/1.1\r\n${head}Content-Length: 9\r\n\r\nabc`,
      `POST /_sim/message HTTP/1.1\r\n${head}Content-Length: 20\r\n\r\n{"text"`,
      `GET //_sim/../..%00 HTTP/1.1\r\n${head}\r\n`,
      `OPTIONS * HTTP/1.1\r\n${head}\r\n`,
      `CONNECT localhost:1 HTTP/1.1\r\n${head}\r\n`,
      `GET /ilink/bot/getupdates HTTP/1.1\r\n${head}Upgrade: websocket\r\nConnection: Upgrade\r\n\r\n`,
      `POST /ilink/bot/getupdates HTTP/1.1\r\n${head}Expect: 100-continue\r\nContent-Length: 5\r\n\r\n`,
    ];
    for (const bytes of requests) await throwAt(port, bytes, false);
    await Promise.all(requests.slice(1, 4).map((bytes) => throwAt(port, bytes, true)));
    expect(sim.control.reset()).toBeUndefined();
    const fresh = await talkingBot(sim);
    expect((await fresh.send('still here')).message_id).toBeDefined();
  }));

test('what a client sends is not kept without bounds', () =>
  withSimulator({ requestLimit: 10 }, async (sim) => {
    const bot = await talkingBot(sim);
    const long = 'x'.repeat(200_000);
    const send = (more: object) =>
      call(sim, 'sendmessage', bot.token, { msg: textMessage(bot.user, 'x', more) });
    expect((await send({ client_id: long })).ret).toBe(-2);
    expect((await send({ run_id: long })).ret).toBe(-2);
    await send({ ignored: long });
    await call(sim, 'get_bot_qrcode?bot_type=3', null, { local_token_list: [long] });
    const kept = JSON.stringify([sim.control.requests(), sim.control.phone({ all: true })]);
    expect(kept).not.toContain('x'.repeat(5_000));
    const [largest] = sim.control.requests({ endpoint: 'get_bot_qrcode' });
    expect(largest).toMatchObject({ body: null, sizeBytes: expect.any(Number) });
    const tooLarge = await fetch(`${sim.baseUrl}/ilink/bot/getconfig`, {
      method: 'POST',
      body: Buffer.alloc(17 * 1024 * 1024, ' '),
    });
    expect(tooLarge.status).toBe(413);
  }));
