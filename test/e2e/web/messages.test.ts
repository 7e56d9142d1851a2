import { randomBytes } from 'node:crypto';
import { existsSync, readdirSync, readlinkSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, test } from 'vitest';
import { runHere, startHere } from '../../helpers/in-this-process.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { answers } from '../../helpers/simulated.ts';
import { type Answer, type Ask, form, STORES, startWeb, type TestWeb } from '../../helpers/web.ts';
import { FILES, makeWebWorld } from '../../helpers/web-world.ts';

interface Part {
  id: string;
  text: string;
  name: string | null;
  verdict: string;
  reason: string | null;
}

const partsOf = ({ json }: Answer): Part[] => (json as { parts: Part[] }).parts;

async function settled(web: TestWeb, token: string, parts: readonly Part[]): Promise<Part[]> {
  let now: Part[] = [];
  await pollUntil('a verdict for every part', async () => {
    now = [];
    for (const { id } of parts)
      now.push((await web.ask(`/accounts/mine/parts/${id}`, { token })).json as never);
    return now.every(({ verdict }) => !['queued', 'uploading', 'sending'].includes(verdict));
  });
  return now;
}

describe.each(STORES)('messages and parts, on $store', ({ environment }) => {
  test('a text and files are sent without a runner, once for each key', async () => {
    const { web, simulator, user } = await makeWebWorld(environment());
    const token = await web.token('--scope', 'send');
    const before = answers(simulator).length;
    const bytes = randomBytes(700_000);
    const key = { 'idempotency-key': 'backup-1' };
    const send = (name: string) => {
      const sent = form({ text: 'the **report**', to: user }, [
        { name, bytes },
        { name: 'b.csv', bytes: Buffer.from('a,b\n') },
      ]);
      return web.ask('/accounts/mine/send', {
        ...sent,
        method: 'POST',
        token,
        headers: { ...sent.headers, ...key },
      });
    };
    const first = await send('a.bin');
    expect([first.status, partsOf(first).map(({ text, name }) => [text, name])]).toEqual([
      202,
      [
        ['the **report**', null],
        ['', 'a.bin'],
        ['', 'b.csv'],
      ],
    ]);
    const done = await settled(web, token, partsOf(first));
    expect(done.map(({ verdict }) => verdict)).toEqual(['confirmed', 'confirmed', 'confirmed']);
    const again = await send('other.bin');
    expect(partsOf(again).map(({ id }) => id)).toEqual(partsOf(first).map(({ id }) => id));
    const shown = simulator.control.phone().shown.filter(({ from }) => from === 'bot');
    expect(shown).toHaveLength(before + 3);
    expect(simulator.control.file(shown.at(-2)?.messageId ?? '')?.equals(bytes)).toBe(true);
  });

  test('what a process before it has left is sent when it starts', async () => {
    const { web, simulator, home, env } = await makeWebWorld(environment());
    await web.stop();
    expect((await runHere(['send', 'left behind', '--wait', '0'], { home, env })).code).toBe(75);
    const next = await startWeb({ home, env });
    await pollUntil('the text', () => answers(simulator).includes('left behind'));
    await next.stop();
  });

  test('a runner that serves the account sends it', async () => {
    const { web, simulator, home, env } = await makeWebWorld(environment());
    const run = startHere(['run', '--echo', '--no-typing', '--pace', '0'], { home, env });
    await run.says('stderr', 'ready');
    const token = await web.token('--scope', 'send');
    const sent = partsOf(await web.post('/accounts/mine/send', { text: 'by the runner' }, { token }));
    expect((await settled(web, token, sent)).map(({ verdict }) => verdict)).toEqual(['confirmed']);
    expect(answers(simulator)).toContain('by the runner');
  });

  test('what waits can be dropped, once', async () => {
    const { web } = await makeWebWorld(environment());
    const token = await web.token('--scope', 'admin');
    const [part] = partsOf(
      await web.post('/accounts/mine/send', { text: 'waits', to: 'friend@im.wechat' }, { token }),
    );
    const path = `/accounts/mine/parts/${part?.id}`;
    await pollUntil('a hold', async () => (await web.ask(path, { token })).json?.verdict === 'held');
    expect((await web.ask(path, { token })).json).toMatchObject({ reason: 'first-contact' });
    const dropped = await Promise.all([1, 2].map(() => web.ask(path, { method: 'DELETE', token })));
    expect(dropped.map(({ status, json }) => [status, json?.reason])).toEqual([
      [200, 'dropped'],
      [200, 'dropped'],
    ]);
    expect((await web.ask('/audit?limit=2', { token })).json?.entries).toMatchObject([
      { act: 'drop', about: part?.id },
      { act: 'token-add' },
    ]);
    const [sent] = partsOf(await web.ask('/accounts/mine/parts?verdict=confirmed&limit=1', { token }));
    if (sent)
      expect((await web.ask(`/accounts/mine/parts/${sent.id}`, { method: 'DELETE', token })).status).toBe(
        409,
      );
  });

  test('a failed message runs again', async () => {
    const { web, home, env, messages } = await makeWebWorld(environment());
    const token = await web.token('--scope', 'admin');
    const path = `/accounts/mine/messages/${messages[1]}`;
    expect((await web.ask(path, { token })).json).toMatchObject({
      state: 'failed',
      reason: 'exit',
      text: 'fail',
    });
    expect((await web.ask(`${path}/retry`, { method: 'POST', token })).json).toEqual({ count: 1 });
    expect((await web.ask(`${path}/retry`, { method: 'POST', token })).status).toBe(409);
    await runHere(['run', '--once', '--echo', '--no-typing', '--pace', '0'], { home, env });
    expect((await web.ask(path, { token })).json).toMatchObject({ state: 'done' });
  });

  test('messages come in pages, by user, time and text, in any case', async () => {
    const { web, user, messages } = await makeWebWorld(environment());
    const token = await web.token('--scope', 'read');
    const ids: string[] = [];
    let before: unknown = null;
    do {
      const page: Answer = await web.ask(
        `/accounts/mine/messages?limit=3${before === null ? '' : `&before=${before}`}`,
        { token },
      );
      const { messages: found } = page.json as { messages: { id: string }[] };
      ids.push(...found.map(({ id }) => id));
      before = page.json?.before;
    } while (before !== null);
    expect(ids).toEqual([...messages].reverse());
    const found = async (query: string) => {
      const { json } = await web.ask(`/accounts/mine/messages${query}`, { token });
      return (json as { messages: unknown[] }).messages.length;
    };
    expect(await found('?text=HELLO')).toBe(1);
    expect(await found('?text=nothing')).toBe(0);
    expect(await found(`?user=${encodeURIComponent(user)}`)).toBe(messages.length);
    expect(await found('?user=nobody')).toBe(0);
    expect(await found('?to=2020-01-01T00:00:00Z')).toBe(0);
    expect(await found('?from=2020-01-01T00:00:00Z')).toBe(messages.length);
  });
});

describe('sending', () => {
  test('what is wrong costs nothing: no part is queued, no copy stays', async () => {
    const { web, home } = await makeWebWorld({});
    const token = await web.token('--scope', 'send');
    const file = [{ name: 'a.bin', bytes: randomBytes(100_000) }];
    const wrong: [number, Ask][] = [
      [422, form({ text: '   ' }, file)],
      [422, form({ format: 'html' }, file)],
      [422, form({ ttl: 'soon' }, file)],
      [422, form({ nonsense: 'x' }, file)],
      [404, form({ to: 'somebody' }, file)],
      [422, form({}, [{ name: '', bytes: Buffer.from('x') }])],
      [422, { ...form({ text: 'x' }), headers: { ...form({}).headers, 'idempotency-key': 'a b' } }],
      [415, { headers: { 'content-type': 'multipart/form-data' }, body: 'x' }],
      [400, { headers: { 'content-type': 'multipart/form-data; boundary=x' }, body: 'y' }],
      [400, { headers: { 'content-type': 'multipart/form-data; boundary=' }, body: 'y' }],
    ];
    for (const [status, how] of wrong) {
      const answer = await web.ask('/accounts/mine/send', { ...how, method: 'POST', token });
      expect(answer.status, answer.text).toBe(status);
    }
    for (const body of [{}, { text: '' }, { text: '\n' }, { text: 'x', to: '' }, { text: 'x', files: [] }])
      expect((await web.post('/accounts/mine/send', body, { token })).status).toBe(422);
    const admin = await web.token('--scope', 'admin');
    const { json } = await web.ask('/accounts/mine/parts?verdict=open', { token: admin });
    expect(json?.parts).toEqual([]);
    const out = join(home, 'wx', 'media', 'out');
    const left = existsSync(out) ? readdirSync(out, { recursive: true, withFileTypes: true }) : [];
    expect(left.filter((one) => one.isFile())).toEqual([]);
  });

  test('a text goes without what no phone shows, as those of commands do', async () => {
    const { web, simulator } = await makeWebWorld({});
    const token = await web.token('--scope', 'send');
    const { json, status } = await web.post(
      '/accounts/mine/send',
      { text: 'one\u0000two\u0007\r\nthree', format: 'raw' },
      { token },
    );
    expect([status, (json as { parts: Part[] }).parts.map(({ text }) => text)]).toEqual([
      202,
      ['onetwo\nthree'],
    ]);
    await pollUntil('it is shown', () => answers(simulator).includes('onetwo\nthree'));
    const empty = await web.post('/accounts/mine/send', { text: '\u0000\u0007' }, { token });
    expect(empty).toMatchObject({ status: 422, json: { detail: 'the text is empty' } });
  });

  test('the name of a file is read as programs write it', async () => {
    const { web } = await makeWebWorld({});
    const token = await web.token('--scope', 'send');
    const names = [
      ...['so %22called%22.txt', 'a%0D%0Ab.txt', '100%.txt'],
      // aiohttp, and .NET with PowerShell.
      ...['%E4%BD%A0%20%E5%A5%BD.txt', '100%25.txt', '%E4.txt', '=?utf-8?B?5oql5ZGKLnBkZg==?='],
    ];
    const { headers = {}, body = '' } = form(
      {},
      names.map((name) => ({ name, bytes: Buffer.from('x') })),
    );
    const sent = await web.ask('/accounts/mine/send', { method: 'POST', headers, body, token });
    const { parts } = sent.json as { parts: { name: string }[] };
    expect(parts.map(({ name }) => name)).toEqual([
      'so _called_.txt',
      'a__b.txt',
      '100%.txt',
      ...['你 好.txt', '100%.txt', '%E4.txt', '报告.pdf'],
    ]);
  });

  test('a client that goes in the middle of a file leaves nothing', async () => {
    const { web, home } = await makeWebWorld({});
    const token = await web.token('--scope', 'send');
    const { headers = {}, body = '' } = form({ text: 'x' }, [{ name: 'a.bin', bytes: randomBytes(300_000) }]);
    const { port } = new URL(web.url);
    const sent = request({
      ...{ host: '127.0.0.1', port, path: '/api/v1/accounts/mine/send', method: 'POST' },
      headers: { ...headers, authorization: `Bearer ${token}`, 'content-length': body.length },
    });
    sent.on('error', () => {});
    sent.write(body.slice(0, 200_000));
    const out = join(home, 'wx', 'media', 'out');
    const copies = () =>
      (existsSync(out) ? readdirSync(out, { recursive: true, withFileTypes: true }) : []).filter((one) =>
        one.isFile(),
      );
    await pollUntil('a copy', () => copies().length === 1);
    sent.destroy();
    await pollUntil('no copy', () => copies().length === 0);
    const admin = await web.token('--scope', 'admin');
    expect((await web.ask('/accounts/mine/parts?verdict=open', { token: admin })).json?.parts).toEqual([]);
  });

  test('a key that was used for one user tells another nothing, and does not look as if it had gone', async () => {
    const { web, home, env, user } = await makeWebWorld({});
    const other = 'friend@im.wechat';
    const [own, theirs] = [
      await web.token('--scope', 'send', '--to', user),
      await web.token('--scope', 'send', '--to', other),
    ];
    const headers = { 'idempotency-key': 'daily-2026-11-30' };
    const bodies = { send: { text: 'for the owner' }, scheduled: { text: 'for the owner', at: '+1d' } };
    for (const [route, body] of Object.entries(bodies)) {
      const ask = (token: string) => web.post(`/accounts/mine/${route}`, body, { token, headers });
      expect((await ask(own)).status).toBeLessThan(300);
      const refused = await ask(theirs);
      expect([refused.status, refused.json?.detail]).toEqual([
        422,
        'this ID was used before, for another user',
      ]);
    }
    const files = { ...form({}, [{ name: 'a.txt', bytes: Buffer.from('x') }]) };
    const withFile = { method: 'POST', token: theirs, ...files, headers: { ...files.headers, ...headers } };
    expect((await web.ask('/accounts/mine/send', withFile)).status).toBe(422);
    const args = ['send', '--id', 'daily-2026-11-30', '--to', other, 'x', '--wait', '0s'];
    expect((await runHere(args, { home, env })).code).toBe(64);
    // The same request is still answered as before.
    const again = await web.post('/accounts/mine/send', bodies.send, { token: own, headers });
    expect([again.status, partsOf(again).length]).toEqual([202, 1]);
  });

  test('a token for one user sends to them, and sees nobody else', async () => {
    const { web, user, messages } = await makeWebWorld({});
    const [own, other, admin] = [
      await web.token('--scope', 'send', '--to', user),
      await web.token('--scope', 'send', '--to', 'friend@im.wechat'),
      await web.token('--scope', 'admin'),
    ];
    const send = (token: string, to?: string) =>
      web.post('/accounts/mine/send', { text: 'x', ...(to ? { to } : {}) }, { token });
    expect((await send(own, 'friend@im.wechat')).status).toBe(403);
    const mine = partsOf(await send(own))[0];
    const theirs = partsOf(await send(other))[0];
    const see = async (token: string, id?: string) =>
      (await web.ask(`/accounts/mine/parts/${id}`, { token })).status;
    expect([await see(own, mine?.id), await see(own, theirs?.id)]).toEqual([200, 404]);
    expect([await see(other, mine?.id), await see(other, theirs?.id)]).toEqual([404, 200]);
    const reader = await web.token('--scope', 'read', '--to', 'friend@im.wechat');
    const listed = await web.ask(`/accounts/mine/messages?user=${encodeURIComponent(user)}`, {
      token: reader,
    });
    expect(listed.json).toEqual({ messages: [], before: null });
    expect((await web.ask(`/accounts/mine/messages/${messages[0]}`, { token: reader })).status).toBe(404);
    // Also with every right, a token for one user touches nobody else.
    const limited = await web.token('--scope', 'admin', '--to', 'friend@im.wechat');
    for (const [method, path, body] of [
      ['POST', '/tokens', { name: 'x', scope: 'admin' }],
      ['POST', '/accounts/mine/retry', { what: 'failed' }],
      ['POST', '/accounts/mine/allowed', { user: 'x' }],
      ['POST', '/logins', {}],
      ['POST', `/accounts/mine/messages/${messages[1]}/retry`, null],
      ['DELETE', `/accounts/mine/parts/${mine?.id}`, null],
      ['DELETE', '/accounts/mine', null],
    ] as const) {
      const answer = body
        ? await web.post(path, body, { method, token: limited })
        : await web.ask(path, { method, token: limited });
      expect([403, 404], `${path}: ${answer.text}`).toContain(answer.status);
    }
    // What agents have answered is not for a token that only sends.
    const { json } = await web.ask('/accounts/mine/parts?limit=500', { token: admin });
    const { parts } = json as { parts: { id: string; message: string | null }[] };
    const answer = parts.find(({ message }) => message !== null);
    expect(await see(own, answer?.id)).toBe(404);
  });
});

describe('files that users sent', () => {
  test('pictures are shown, anything else is saved, and nothing runs', async () => {
    const { web, fileOf } = await makeWebWorld({});
    const token = await web.token('--scope', 'read');
    const get = (name: keyof typeof FILES) =>
      web.ask(`/accounts/mine/messages/${fileOf(name)}/files/0`, { token });
    const png = await get('png');
    expect(png.headers).toMatchObject({
      'content-type': 'image/png',
      'content-disposition': "inline; filename*=UTF-8''photo.png",
    });
    for (const name of ['html', 'svg', 'lie', 'evil'] as const) {
      const { status, headers, text } = await get(name);
      expect([name, status, headers['content-type']]).toEqual([name, 200, 'application/octet-stream']);
      expect(headers['content-disposition']).toMatch(/^attachment; filename\*=UTF-8''[\w.%~-]+$/);
      expect(headers['content-security-policy']).toMatch(/default-src 'none'.*sandbox/);
      expect(headers).toMatchObject({ 'x-content-type-options': 'nosniff', 'cache-control': 'no-store' });
      expect(headers['set-cookie']).toBeUndefined();
      expect(text).toBe(FILES[name].bytes.toString());
    }
  });

  test('come in pieces, where a player asks for them', async () => {
    const { web, fileOf } = await makeWebWorld({});
    const token = await web.token('--scope', 'read');
    const path = `/accounts/mine/messages/${fileOf('long')}/files/0`;
    const whole = FILES.long.bytes.toString();
    const get = (range: string) => web.ask(path, { token, headers: { range } });
    for (const [range, from, to] of [
      ['bytes=0-9', 0, 9],
      ['bytes=99990-', 99_990, 99_999],
      ['bytes=-5', 99_995, 99_999],
      ['bytes=50000-999999999', 50_000, 99_999],
    ] as const) {
      const { status, headers, text } = await get(range);
      expect([status, headers['content-range'], text]).toEqual([
        206,
        `bytes ${from}-${to}/100000`,
        whole.slice(from, to + 1),
      ]);
    }
    for (const range of ['bytes=100000-', 'bytes=9-3'])
      expect(await get(range)).toMatchObject({ status: 416, headers: { 'content-range': 'bytes */100000' } });
    for (const range of ['lines=1-2', 'bytes=0-1,5-6', 'bytes=x', 'bytes=-'])
      expect((await get(range)).text).toBe(whole);
    expect(await web.ask(path, { token, method: 'HEAD' })).toMatchObject({
      status: 200,
      text: '',
      headers: { 'content-length': '100000', 'accept-ranges': 'bytes' },
    });
  });

  test.runIf(existsSync('/proc/self/fd'))(
    'stay open for nobody who asks only how large they are',
    async () => {
      const { web, fileOf } = await makeWebWorld({});
      const token = await web.token('--scope', 'read');
      const path = `/accounts/mine/messages/${fileOf('long')}/files/0`;
      const open = () =>
        readdirSync('/proc/self/fd').filter((fd) => {
          try {
            return readlinkSync(`/proc/self/fd/${fd}`).includes('wxagent-web-');
          } catch {
            return false;
          }
        });
      for (let n = 0; n < 5; n++) await web.ask(path, { token, method: 'HEAD' });
      expect(open()).toEqual([]);
    },
  );

  test('have a number, and no path leads elsewhere', async () => {
    const { web, fileOf, messages } = await makeWebWorld({});
    const token = await web.token('--scope', 'read');
    const base = `/accounts/mine/messages/${fileOf('png')}/files`;
    for (const path of [
      ...['1', '-1', '00000', 'x', '0%00', '..%2f..%2f0', '%2e%2e', '0.0', '1e0', ''].map(
        (one) => `${base}/${one}`,
      ),
      `/accounts/mine/messages/${messages[0]}/files/0`,
      '/accounts/mine/messages/..%2f..%2fetc%2fpasswd/files/0',
      '/accounts/mine/../../../../etc/passwd',
      '/accounts/%2e%2e/%2e%2e/etc/passwd',
      '/accounts/mine/messages/%00/files/0',
      '/accounts/mine/messages/%zz/files/0',
    ]) {
      const answer = await web.ask(path, { token });
      expect([path, answer.status, answer.json?.kind]).toEqual([path, 404, 'not-found']);
    }
  });
});

describe('a login', () => {
  test('shows its code, follows the phone, and adds the account', async () => {
    const { web, simulator } = await makeWebWorld({});
    const token = await web.token('--scope', 'admin');
    const begun = await web.post('/logins', { name: 'second' }, { token });
    expect(begun).toMatchObject({ status: 201, json: { state: 'starting', url: null } });
    const path = `/logins/${begun.json?.id}`;
    const state = async () => (await web.ask(path, { token })).json ?? {};
    await pollUntil('a code', async () => (await state()).state === 'waiting');
    const qr = await web.ask(`${path}/qr.svg`, { token });
    expect([qr.headers['content-type'], qr.text.startsWith('<svg ')]).toEqual(['image/svg+xml', true]);
    simulator.control.scan({ user: 'o9second@im.wechat', verifyCode: '4711' });
    await pollUntil('a question for the code', async () => (await state()).state === 'verify');
    await web.post(`${path}/code`, { code: '1' }, { token });
    await pollUntil('another question', async () => {
      const { state: now, isWrongCode } = await state();
      return now === 'verify' && isWrongCode === true;
    });
    await web.post(`${path}/code`, { code: '4711' }, { token });
    await pollUntil('the account', async () => (await state()).state === 'done');
    expect(await state()).toMatchObject({
      account: { name: 'second', owner: 'o9second@im.wechat' },
      isNew: true,
      url: null,
      problem: null,
    });
    expect((await web.ask('/accounts/second', { token })).json).toMatchObject({ login: 'ok' });
    expect((await web.ask('/audit?limit=1', { token })).json?.entries).toMatchObject([
      { act: 'login', who: expect.stringMatching(/^token t\d+$/) },
    ]);
  });

  test('can be cancelled, and five go on at once', async () => {
    const { web } = await makeWebWorld({});
    const token = await web.token('--scope', 'admin');
    const begin = () => web.post('/logins', {}, { token });
    const ids: unknown[] = [];
    for (let n = 0; n < 5; n++) ids.push((await begin()).json?.id);
    expect(await begin()).toMatchObject({ status: 409, json: { kind: 'busy' } });
    expect((await web.ask(`/logins/${ids[0]}`, { method: 'DELETE', token })).json?.state).toBe('cancelled');
    expect((await begin()).status).toBe(201);
    expect((await web.ask(`/logins/${ids[0]}/qr.svg`, { token })).status).toBe(409);
    // The others end with the server.
    await web.stop();
  });
});
