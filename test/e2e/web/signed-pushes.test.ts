import { createHmac } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { readdir } from 'node:fs/promises';
import { request } from 'node:http';
import { connect } from 'node:net';
import { join } from 'node:path';
import { Readable } from 'node:stream';
import { gzipSync } from 'node:zlib';
import { describe, expect, test } from 'vitest';
import { DIALECTS } from '../../../src/web/push/resolve-dialect.ts';
import { runHere } from '../../helpers/in-this-process.ts';
import { simulate } from '../../helpers/simulated.ts';
import { type Ask, form, STORES, startWeb } from '../../helpers/web.ts';
import { jsonLines, makeFolder } from '../../helpers/wxagent.ts';

const SECRET = "It's a Secret to Everybody";
const KEY = 'MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw';
const STANDARD = `whsec_${KEY}`;
const JSON_TYPE = { 'content-type': 'application/json' };

type Bytes = string | Buffer;
const hex = (secret: Bytes, ...of: Bytes[]): string => mac(secret, of).toString('hex');
function mac(secret: Bytes, of: Bytes[]): Buffer {
  const hmac = createHmac('sha256', secret);
  for (const one of of) hmac.update(one);
  return hmac.digest();
}

/** Seconds since 1970, so many away from now. */
const time = (awaySeconds = 0): string => String(Math.floor(Date.now() / 1_000) + awaySeconds);

/** Headers of Standard Webhooks. */
function standard(body: Bytes, { id = 'msg_1', at = time(), key = KEY, brand = 'webhook' } = {}) {
  const signature = `v1,${mac(Buffer.from(key, 'base64'), [`${id}.${at}.`, body]).toString('base64')}`;
  return { [`${brand}-id`]: id, [`${brand}-timestamp`]: at, [`${brand}-signature`]: signature };
}

/** A server, and a source with a secret in a file. */
async function start(secret: Bytes, env: Record<string, string> = {}, ...options: string[]) {
  const [simulator, home] = [await simulate(), makeFolder()];
  const wx = (...args: string[]) => runHere(args, { home, env });
  await wx('login', '--qr', 'none', '--base-url', simulator.baseUrl, '--name', 'mine');
  const file = join(home, 'secret');
  writeFileSync(file, secret);
  const made = await wx('source', 'add', 'test', '--json', '--secret', file, ...options);
  const { token } = jsonLines(made.stdout)[0] as { token: string };
  const web = await startWeb({ home, env });
  const push = (how: Ask, path = `/push/${token}`) => web.ask(`/${path}`, { method: 'POST', ...how });
  const queued = async (): Promise<string[]> => {
    const { parts } = jsonLines((await wx('outbox', '--json')).stdout)[0] as {
      parts: { text: string; name: string | null }[];
    };
    return parts.map(({ name, text }) => name ?? text);
  };
  return { home, wx, web, token, push, queued, made };
}

test('a push that is signed as a service signs it is taken; with one byte changed it is not', async () => {
  const { push, queued } = await start(SECRET);
  const body = JSON.stringify({ text: 'hello — 你好' });
  const at = time();
  const ways: Record<string, Record<string, string>> = {
    GitHub: { 'x-hub-signature-256': `sha256=${hex(SECRET, body)}`, 'x-hub-signature': 'sha1=00' },
    'a script, in capitals, without the name': { 'x-hub-signature-256': hex(SECRET, body).toUpperCase() },
    Bitbucket: { 'x-hub-signature': `sha256=${hex(SECRET, body)}` },
    Gitea: { 'x-gitea-signature': hex(SECRET, body) },
    Forgejo: { 'x-forgejo-signature': hex(SECRET, body) },
    Gogs: { 'x-gogs-signature': hex(SECRET, body) },
    Sentry: { 'sentry-hook-signature': hex(SECRET, body) },
    Grafana: { 'x-grafana-alerting-signature': hex(SECRET, body) },
    'Grafana with a time': {
      'x-grafana-alerting-signature': hex(SECRET, `${at}:`, body),
      'x-grafana-alerting-timestamp': at,
    },
    'an old secret and the new one': {
      'x-hub-signature-256': `sha256=${hex('old', body)}, sha256=${hex(SECRET, body)}`,
    },
  };
  for (const [way, headers] of Object.entries(ways)) {
    const answer = await push({ headers: { ...JSON_TYPE, ...headers }, body });
    expect([answer.status, answer.text], way).toEqual([200, expect.stringContaining('verdict')]);
  }
  const taken = (await queued()).length;
  expect(taken).toBe(Object.keys(ways).length);
  const statuses = new Set<number>();
  for (const headers of Object.values(ways))
    statuses.add(
      (await push({ headers: { ...JSON_TYPE, ...headers }, body: body.replace('h', 'H') })).status,
    );
  expect([...statuses]).toEqual([401]);
  expect(await queued()).toHaveLength(taken);
});

test('services that cannot sign show the secret', async () => {
  const secret = 'пароль 密码';
  const { push, token } = await start(`${secret}\r\n`);
  const basic = (text: string) => `Basic ${Buffer.from(text).toString('base64')}`;
  const shown: Record<string, string>[] = [
    { authorization: `Bearer ${Buffer.from(secret).toString('latin1')}` },
    { authorization: basic(`any:${secret}`) },
    { 'x-gitlab-token': Buffer.from(secret).toString('latin1') },
  ];
  for (const headers of shown) {
    // Node writes headers in UTF-8 when the body is a text.
    expect((await push({ headers, body: Buffer.from('hello') })).status).toBe(200);
    // Nothing is signed, so there need not be a body.
    expect((await push({ headers, method: 'GET' }, `/push/${token}?text=hello`)).status).toBe(200);
    const alert = JSON.stringify({ alerts: [{ labels: { alertname: 'DiskFull' } }] });
    const path = `/push/${token}/alertmanager`;
    expect(
      (await push({ headers: { ...JSON_TYPE, ...headers }, body: Buffer.from(alert) }, path)).status,
    ).toBe(200);
  }
  expect((await push({ headers: { authorization: 'Bearer no' }, body: 'hello' })).status).toBe(401);
  expect((await push({ headers: { authorization: basic('any:no') }, body: 'hello' })).status).toBe(401);
});

describe.each(['webhook', 'svix'])('Standard Webhooks, with headers %s-*', (brand) => {
  test('is taken in time, of each ID once, with one right signature of several', async () => {
    const { push, queued, token } = await start(`${STANDARD}\n`);
    const body = JSON.stringify({ text: 'hello' });
    const send = (headers: Record<string, string>, sent = body, path = '') =>
      push({ headers: { ...JSON_TYPE, ...headers }, body: sent }, `/push/${token}${path}`);
    expect((await send(standard(body, { brand }))).status).toBe(200);
    // A repetition, and a replay with an ID of another name beside.
    const again = { ...standard(body, { brand }), 'idempotency-key': 'other', 'svix-id': 'msg_1' };
    expect((await send(again)).status).toBe(200);
    // The same with an ID that is not signed, in the address, or as another service has it.
    expect((await send(again, body, '?id=other')).status).toBe(200);
    const ofGitHub = { 'x-github-event': 'other', 'x-github-delivery': 'other' };
    expect((await send({ ...again, ...ofGitHub }, body, '/github')).status).toBe(200);
    expect(await queued()).toEqual(['hello']);
    const second = standard(body, { brand, id: 'msg_2', at: time(-290) });
    const name = `${brand}-signature`;
    expect((await send({ ...second, [name]: `v1a,AAAA v1,${'A'.repeat(43)}= ${second[name]}` })).status).toBe(
      200,
    );
    expect(await queued()).toEqual(['hello', 'hello']);

    const late = await send(standard(body, { brand, id: 'msg_3', at: time(-310) }));
    expect(late).toMatchObject({ status: 401, json: { detail: expect.stringContaining('five minutes') } });
    expect((await send(standard(body, { brand, id: 'msg_3', at: time(310) }))).status).toBe(401);
    expect((await send({ ...standard(body, { brand, id: 'msg_3' }), [`${brand}-id`]: 'msg_4' })).status).toBe(
      401,
    );
    expect(
      (await send({ ...standard(body, { brand, id: 'msg_3' }), [`${brand}-timestamp`]: time(1) })).status,
    ).toBe(401);
    expect((await send(standard(body, { brand, id: 'msg_3', key: 'AAAA' }))).status).toBe(401);
    // A dot in the ID, so that where it ends is not known.
    expect((await send(standard(body, { brand, id: 'msg_3.5' }))).status).toBe(401);
    expect(await queued()).toEqual(['hello', 'hello']);
  });
});

test('a signature with a time is good for five minutes, and once; without its header it is none', async () => {
  const { push, queued, token } = await start(SECRET);
  const body = JSON.stringify({ title: 'disk', message: 'full' });
  const send = (headers: Record<string, string>, sent = body, path = '/grafana') =>
    push({ headers: { ...JSON_TYPE, ...headers }, body: sent }, `/push/${token}${path}`);
  const signed = (at: string) => hex(SECRET, `${at}:`, body);
  const of = (at: string) => ({
    'x-grafana-alerting-signature': signed(at),
    'x-grafana-alerting-timestamp': at,
  });
  const at = time();
  expect((await send(of(at))).status).toBe(200);
  expect((await send(of(at))).status).toBe(200);
  // A replay with a signature beside that is none, and in capitals.
  const beside = `${'0'.repeat(64)},${signed(at).toUpperCase()}`;
  expect((await send({ ...of(at), 'x-grafana-alerting-signature': beside })).status).toBe(200);
  expect(await queued()).toHaveLength(1);
  expect((await send(of(time(-400)))).status).toBe(401);
  // With the time as a part of the body, in whatever header and pieces.
  for (const header of ['x-grafana-alerting-signature', 'x-hub-signature-256'])
    expect(
      (await send({ [header]: signed(at), 'content-type': 'text/plain' }, `${at}:${body}`, '')).status,
    ).toBe(401);
  expect(await queued()).toHaveLength(1);
});

test('each dialect refuses what is not signed as its service refuses a wrong token', async () => {
  const { push, token, queued } = await start(SECRET);
  const paths: Record<string, string> = {
    bark: '/push',
    gotify: '/message',
    ntfy: '/topic',
    openilink: '/bot/v1/message/send',
    serverchan: '/x.send',
    slack: '',
    telegram: '/bot123:x/sendMessage',
    wecom: '/cgi-bin/webhook/send',
  };
  const answers: Record<string, unknown> = {};
  for (const { name } of DIALECTS.slice(0, 9)) {
    const { status, json, text } = await push(
      { headers: JSON_TYPE, body: '{}' },
      `/push/${token}/${name}${paths[name] ?? ''}`,
    );
    answers[name] = [
      status,
      json?.errcode ?? json?.code ?? json?.error_code ?? json?.errorCode ?? json?.ok ?? json?.status ?? text,
    ];
  }
  expect(answers).toEqual({
    gotify: [401, 401],
    openilink: [401, false],
    telegram: [401, 401],
    wecom: [401, 93000],
    slack: [403, 'invalid_token'],
    serverchan: [401, 40101],
    bark: [400, 400],
    ntfy: [401, 40101],
    alertmanager: [401, 401],
  });
  expect(await queued()).toEqual([]);
});

describe('what is signed is the body as it was sent', () => {
  test.each<[string, Record<string, string>, Bytes, string]>([
    [
      'a form of GitHub',
      { 'content-type': 'application/x-www-form-urlencoded' },
      'payload=%7B%22zen%22%3A%22a+b%22%7D',
      '/github',
    ],
    ['JSON with ends of lines of Windows', JSON_TYPE, '{\r\n  "text": "a"\r\n}\r\n', ''],
    ['JSON behind a mark', JSON_TYPE, '\ufeff{"text":"a"}', ''],
    [
      'UTF-16',
      { 'content-type': 'application/json; charset=utf-16le' },
      Buffer.from('{"text":"a"}', 'utf16le'),
      '',
    ],
    ['a text', { 'content-type': 'text/plain' }, 'a\n', ''],
    ['a text to a topic of ntfy', { title: 'b' }, 'a\n', '/ntfy/topic'],
    ['a file', { 'content-type': 'application/pdf' }, Buffer.from([0, 255, 128, 13, 10]), '?filename=a'],
    ['a file to ntfy', { filename: 'a' }, Buffer.from([0, 255, 128, 13, 10]), '/ntfy/topic'],
    [
      'a form with a file',
      form({}, [{ name: 'a', bytes: Buffer.from('x') }]).headers as Record<string, string>,
      '',
      '',
    ],
  ])('%s', async (_, headers, given, path) => {
    const { web, push, token, queued } = await start(SECRET);
    const boundary = /boundary=(.*)/.exec(headers['content-type'] ?? '')?.[1];
    const body =
      boundary === undefined
        ? given
        : `preamble\r\n--${boundary}\r\nContent-Disposition: form-data; name="f"; filename="a"\r\n\r\nx\r\n--${boundary}--\r\nepilogue`;
    const event = { 'x-github-event': 'ping' };
    const send = (of: Bytes, sent: Bytes = body, more: Record<string, string> = {}) =>
      push(
        {
          headers: { ...event, ...headers, ...more, 'x-hub-signature-256': `sha256=${hex(SECRET, of)}` },
          body: sent,
        },
        `/push/${token}${path}`,
      );
    expect((await send(Buffer.concat([Buffer.from(body), Buffer.from(' ')]))).status).toBe(401);
    expect(await queued()).toEqual([]);
    const taken = await send(body);
    expect([taken.status, taken.text]).toEqual([200, expect.any(String)]);
    // A proxy may compress it: what is signed is what was said, and not how it is packed.
    expect((await send(body, gzipSync(body), { 'content-encoding': 'gzip' })).status).toBe(200);
    const signed = { ...event, ...headers, 'x-hub-signature-256': hex(SECRET, body) };
    expect(await inPieces(`${web.url}/push/${token}${path}`, signed, Buffer.from(body))).toBe(200);
    expect(await queued()).toHaveLength(3);
  });
});

/** Posts a body byte by byte, of a length that is not told; the status. */
function inPieces(url: string, headers: Record<string, string>, body: Buffer): Promise<number> {
  return new Promise((resolve, reject) => {
    const sent = request(url, { method: 'POST', headers, agent: false }, (response) => {
      response.resume();
      resolve(response.statusCode ?? 0);
    });
    sent.on('error', reject);
    Readable.from(Array.from(body, (byte) => Buffer.from([byte]))).pipe(sent);
  });
}

test('what is signed and has no body says nothing: not by GET, nor with a text in the address', async () => {
  const { push, token, queued } = await start(SECRET);
  const headers = { 'x-hub-signature-256': `sha256=${hex(SECRET)}` };
  for (const method of ['GET', 'POST'])
    expect((await push({ method, headers }, `/push/${token}?text=hello`)).status).toBe(401);
  expect((await push({ method: 'GET', headers }, `/${token}/hello`)).status).toBe(400);
  expect(await queued()).toEqual([]);
});

test('a body that was read to find its source is checked as well', async () => {
  const { push, token, queued } = await start(SECRET);
  const form = { 'content-type': 'application/x-www-form-urlencoded' };
  const bark = JSON.stringify({ device_key: token, body: 'to bark' });
  const ntfy = JSON.stringify({ topic: token, message: 'to ntfy' });
  for (const [path, type, body] of [
    [`/${token}`, form, 'to a topic'],
    ['/push', JSON_TYPE, bark],
    ['/', JSON_TYPE, ntfy],
  ] as const) {
    const headers = { ...type, 'x-hub-signature-256': hex(SECRET, body) };
    expect((await push({ headers, body: `${body} ` }, path)).text).toMatch(/not that of this body/);
    expect((await push({ headers, body }, path)).status).toBe(200);
  }
  expect(await queued()).toHaveLength(3);
});

test('a file of a push that is not signed right is not kept, nor one uploaded for later', async () => {
  const { home, push, token, queued } = await start(SECRET);
  const upload = form({}, [{ name: 'a.txt', bytes: Buffer.alloc(300_000, 'x') }]);
  const headers = { ...upload.headers, 'x-hub-signature-256': hex(SECRET, 'other') };
  expect((await push({ ...upload, headers })).status).toBe(401);
  const path = `/push/${token}/wecom/cgi-bin/webhook/upload_media?type=file`;
  expect((await push({ ...upload, headers }, path)).json).toMatchObject({ errcode: 93000 });
  expect(await queued()).toEqual([]);
  const kept = await filesIn(join(home, 'media', 'out'));
  expect(kept).toEqual([]);
});

async function filesIn(folder: string): Promise<string[]> {
  const found = await readdir(folder, { recursive: true, withFileTypes: true }).catch(() => []);
  return found.filter((one) => one.isFile()).map(({ name }) => name);
}

test('who tries signatures is stopped, and nothing of it is stored; who has the secret still pushes', {
  timeout: 120_000,
}, async () => {
  const { web, wx, token, push, queued } = await start(SECRET);
  const body = JSON.stringify({ text: 'hello' });
  const { host, hostname, port } = new URL(web.url);
  const statuses: Record<string, number> = {};
  const client = async (first: number): Promise<void> => {
    const requests = Array.from({ length: 500 }, (_, n) =>
      [
        `POST /push/${token} HTTP/1.1`,
        ...[`Host: ${host}`, 'Content-Type: application/json', `Content-Length: ${body.length}`],
        ...[`X-Hub-Signature-256: sha256=${hex(`guess ${first + n}`, body)}`, '', body],
      ].join('\r\n'),
    );
    const socket = connect(Number(port), hostname).setEncoding('latin1');
    socket.write(requests.join(''));
    let answers = '';
    const found = () => [...answers.matchAll(/^HTTP\/1\.1 (\d{3}) /gm)].map(([, status = '']) => status);
    for await (const piece of socket) {
      answers += piece;
      if (found().length === requests.length) break;
    }
    for (const status of found()) statuses[status] = (statuses[status] ?? 0) + 1;
  };
  await Promise.all(Array.from({ length: 20 }, (_, n) => client(n * 500)));
  // Ten in a minute; on a slow machine it takes some minutes.
  expect(statuses['429']).toBeGreaterThan(9_900);
  expect((statuses['401'] ?? 0) + (statuses['429'] ?? 0)).toBe(10_000);
  expect(await queued()).toEqual([]);
  expect(jsonLines((await wx('source', '--json')).stdout)[0]).toMatchObject({
    sources: [{ signed: true, lastUsedAt: null }],
  });
  const right = { ...JSON_TYPE, 'x-hub-signature-256': hex(SECRET, body) };
  expect((await push({ headers: right, body })).status).toBe(200);
  expect((await web.stop()).stderr).not.toContain(SECRET);
});

describe.each(STORES)('the secret of a source, on $store', ({ environment }) => {
  test('is never shown, lies encrypted, and goes along with a backup', async () => {
    const env = environment();
    const { home, wx, web, push, token, made } = await start(SECRET, env);
    expect(jsonLines(made.stdout)[0]).toMatchObject({ name: 'test', signed: true });
    const admin = await web.token('--scope', 'admin');
    const body = 'hello';
    const right = { 'content-type': 'text/plain', 'x-hub-signature-256': hex(SECRET, body) };
    expect((await push({ headers: right, body })).status).toBe(200);
    const shown = [
      made.stdout,
      (await wx('source', '--json')).stdout,
      (await wx('source')).stdout,
      (await wx('audit', '--json')).stdout,
      (await web.ask('/sources', { token: admin })).text,
      (await web.stop()).stderr,
    ];
    expect(shown.filter((text) => text.includes('Secret to'))).toEqual([]);

    const file = join(home, 'backup');
    expect((await wx('backup', file)).code).toBe(0);
    expect(readFileSync(file).includes('Secret to')).toBe(false);
    const other = makeFolder();
    const env2 = environment();
    expect((await runHere(['restore', file], { home: other, env: env2 })).code).toBe(0);
    const there = await startWeb({ home: other, env: env2 });
    const ask = (headers: Record<string, string>) =>
      there.ask(`//push/${token}`, { method: 'POST', headers, body });
    expect((await ask(right)).status).toBe(200);
    expect((await ask({})).status).toBe(401);
  });

  test('is given by the API as well', async () => {
    const { web, push } = await start(SECRET, environment());
    const admin = await web.token('--scope', 'admin');
    const made = await web.post(
      '/sources',
      { name: 'ci', account: 'mine', secret: STANDARD },
      { token: admin },
    );
    expect(made).toMatchObject({ status: 201, json: { name: 'ci', signed: true } });
    expect(made.text).not.toContain(KEY);
    const path = `/push/${(made.json as { token: string }).token}`;
    expect((await push({ headers: standard('hello'), body: 'hello' }, path)).status).toBe(200);
    expect((await push({ body: 'hello' }, path)).status).toBe(401);
    const plain = await web.post('/sources', { name: 'plain', account: 'mine' }, { token: admin });
    expect(plain.json).toMatchObject({ signed: false });
    const bad = await web.post(
      '/sources',
      { name: 'bad', account: 'mine', secret: 'a\nb' },
      { token: admin },
    );
    expect(bad).toMatchObject({ status: 422, json: { kind: 'usage' } });
  });
});

test('source add --secret: from stdin or a file, never as a word; what is no secret is refused', async () => {
  const { home, wx } = await start(SECRET);
  const add = (input: string | Buffer, ...given: string[]) =>
    runHere(['source', 'add', 'more', '--secret', ...given], { home, input });
  expect(await add('', '-')).toMatchObject({ code: 64, stderr: expect.stringContaining('empty') });
  expect(await add('a\nb\n', '-')).toMatchObject({
    code: 64,
    stderr: expect.stringContaining('end of line'),
  });
  expect(await add(Buffer.from('\ufeffabc', 'utf16le'), '-')).toMatchObject({ code: 65 });
  const word = await add('', 'hunter2');
  expect(word).toMatchObject({ code: 66, stderr: expect.stringContaining('--secret -') });
  expect(word.stderr).not.toContain('hunter2');
  expect(await wx('source', 'list', '--json')).not.toMatchObject({ stdout: expect.stringContaining('more') });
  expect(await add('\ufeffabc\r\n', '-')).toMatchObject({ code: 0 });
});

test('the header Idempotency-Key is the ID of a push that has none of its own', async () => {
  const [simulator, home] = [await simulate(), makeFolder()];
  const wx = (...args: string[]) => runHere(args, { home });
  await wx('login', '--qr', 'none', '--base-url', simulator.baseUrl);
  const { token } = jsonLines((await wx('source', 'add', 'ci', '--json')).stdout)[0] as { token: string };
  const web = await startWeb({ home });
  const push = async (key: string, body: object, path = '') => {
    const headers = { ...JSON_TYPE, 'idempotency-key': key };
    const answer = await web.ask(`//push/${token}${path}`, {
      method: 'POST',
      headers,
      body: JSON.stringify(body),
    });
    return answer.headers['x-wxagent-parts'] ?? answer.status;
  };
  const first = await push('1', { text: 'a' });
  expect(await push('1', { text: 'again' })).toBe(first);
  expect(await push('2', { text: 'b' })).not.toBe(first);
  // What the body says counts, whatever the header adds.
  expect(await push('3', { text: 'again', id: '1' })).toBe(first);
  expect(await push('1', { text: 'c', id: '4' })).not.toBe(first);
  expect(await push('5', { title: 'd', message: 'e' }, '/grafana')).toBe(
    await push('5', { title: 'd' }, '/grafana'),
  );
  expect(await push('has a blank', { text: 'x' })).toBe(400);
});
