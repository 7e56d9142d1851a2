import { execFile } from 'node:child_process';
import { readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { connect } from 'node:net';
import { join } from 'node:path';
import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import { DIALECTS } from '../../../src/web/push/resolve-dialect.ts';
import { runHere } from '../../helpers/in-this-process.ts';
import { blocksOf, readPage } from '../../helpers/pages.ts';
import { pollUntil, readUntil } from '../../helpers/poll-until.ts';
import { answered, answers, loggedIn, simulate } from '../../helpers/simulated.ts';
import { askAt, STORES, startWeb, type TestWeb } from '../../helpers/web.ts';
import { jsonLines, makeFolder, startWxagent } from '../../helpers/wxagent.ts';

/** What a client of a service sends, as its document prints it or as it was seen, and what it has to get. */
interface Example {
  what: string;
  /** `$T` is the token of the source. */
  path: string;
  method?: string;
  headers?: Record<string, string>;
  /** A value is sent as JSON. */
  body?: string | object;
  /** The texts that are queued, in order; files in brackets. */
  queued: string[];
  status?: number;
  /** Fields of the JSON that is answered, or the text. */
  answer?: object | string;
}

const FOLDER = new URL('../../fixtures/pushes', import.meta.url).pathname;
const NAMES = readdirSync(FOLDER).map((name) => name.replace('.json', ''));
const examplesOf = (name: string): Example[] =>
  JSON.parse(readFileSync(join(FOLDER, `${name}.json`), 'utf8')) as Example[];

/** A server with a source. */
async function start(env: Record<string, string>, ...options: string[]) {
  const simulator = await simulate();
  const home = makeFolder();
  const wx = (...args: string[]) => runHere(args, { home, env });
  await wx('login', '--qr', 'none', '--base-url', simulator.baseUrl, '--name', 'mine');
  const web = await startWeb({ home, env });
  const made = await wx('source', 'add', 'test', '--json', ...options);
  const source = jsonLines(made.stdout)[0] as { token: string };
  const admin = await web.token('--scope', 'admin');
  return { home, web, wx, token: source.token, admin, simulator };
}

function push(
  web: TestWeb,
  token: string,
  { path, method, headers, body }: Omit<Example, 'what' | 'queued'>,
) {
  const filled = (text: string): string => text.replaceAll('$T', token);
  const isJson = typeof body === 'object';
  const given = Object.entries(headers ?? {}).map(([name, value]) => {
    const encoded = /^Basic (.*)$/.exec(value)?.[1];
    const plain = encoded && filled(Buffer.from(encoded, 'base64').toString());
    return [name, plain ? `Basic ${Buffer.from(plain).toString('base64')}` : filled(value)] as const;
  });
  return web.ask(`/${filled(path)}`, {
    method: method ?? 'POST',
    headers: { ...(isJson ? { 'content-type': 'application/json' } : {}), ...Object.fromEntries(given) },
    ...(body === undefined ? {} : { body: filled(isJson ? JSON.stringify(body) : body) }),
  });
}

/** What is in the outbox since the part of this number. */
async function queuedAfter(
  web: TestWeb,
  admin: string,
  last: number,
): Promise<{ texts: string[]; last: number }> {
  const { json } = await web.ask('/accounts/mine/parts?limit=100', { token: admin });
  const parts = (json as { parts: { id: string; text: string; name: string | null }[] }).parts
    .filter(({ id }) => Number(id) > last)
    .reverse();
  return {
    texts: parts.map(({ text, name }) => (name === null ? text : `[${name}]`)),
    last: Number(parts.at(-1)?.id ?? last),
  };
}

test('each dialect: what its clients send is queued, and answered as its service answers', async () => {
  const { web, token, admin } = await start({});
  let last = 0;
  for (const name of NAMES) {
    for (const example of examplesOf(name)) {
      const about = `${name}: ${example.what}`;
      const answer = await push(web, token, example);
      const after = await queuedAfter(web, admin, last);
      last = after.last;
      expect([answer.status, after.texts], `${about}: ${answer.text}`).toEqual([
        example.status ?? 200,
        example.queued,
      ]);
      const { answer: wanted } = example;
      if (typeof wanted === 'string') expect(answer.text, about).toBe(wanted);
      else if (wanted) expect(answer.json, about).toMatchObject(wanted);
      if (example.queued.length > 0)
        expect(answer.headers['x-wxagent-verdict'], about).toMatch(/^(queued|held|delayed)$/);
    }
  }
});

test('every dialect has examples', () => {
  expect(NAMES.sort()).toEqual(['native', ...DIALECTS.map(({ name }) => name)].sort());
});

test('whatever is sent to a dialect, it answers in its own way, and logs no token', {
  timeout: 60_000,
}, async () => {
  const { web, token, wx } = await start({});
  const examples = NAMES.flatMap(examplesOf);
  const hostile = fc.oneof(
    fc.json({ maxDepth: 4 }).map((body) => ({ body, type: 'application/json' })),
    fc.string({ unit: 'binary' }).map((body) => ({ body, type: 'application/x-www-form-urlencoded' })),
    fc.string({ unit: 'binary' }).map((body) => ({ body, type: 'multipart/form-data; boundary=b' })),
    fc.string().map((body) => ({ body, type: '' })),
    fc
      .constantFrom('['.repeat(100_000), '{"text":'.repeat(20_000), '{"__proto__":{"text":"x"}}')
      .map((body) => ({ body, type: 'application/json' })),
  );
  await fc.assert(
    fc.asyncProperty(
      fc.constantFrom(...examples),
      hostile,
      async ({ path, method, headers }, { body, type }) => {
        const given = { ...headers, 'content-type': type };
        const answer = await push(web, token, { path, ...(method ? { method } : {}), headers: given, body });
        expect(answer.status, answer.text).not.toBe(500);
        expect(answer.text).not.toContain(token);
      },
    ),
    { numRuns: 80 },
  );
  const long = await push(web, token, { path: '/push/$T', body: { text: 'x'.repeat(600_000) } });
  expect(long).toMatchObject({ status: 400, json: { kind: 'usage' } });
  // A value of any type where a text is expected.
  const values = [null, [[]], { x: null }];
  for (const { path, headers, body } of examples.filter((one) => typeof one.body === 'object')) {
    for (const [key, value] of Object.keys(body as object).flatMap((key) =>
      values.map((value) => [key, value] as const),
    )) {
      const answer = await push(web, token, {
        path,
        headers: { ...headers, 'content-type': 'application/json' },
        body: { ...(body as object), [key]: value },
      });
      expect(answer.status, `${path} ${key}: ${answer.text}`).not.toBe(500);
    }
  }
  const { stderr } = await web.stop();
  expect(stderr).not.toContain(token);
  expect((await wx('source', '--json')).stdout).not.toContain(token);
});

describe.each(STORES)('a source, on $store', ({ environment }) => {
  test('is made, listed and removed; its token pushes until then', async () => {
    const { web, wx, token } = await start(environment(), '--title', 'NAS', '--ttl', '10m');
    expect((await push(web, token, { path: '/push/$T', body: { text: 'x' } })).status).toBe(200);
    const listed = await wx('source', '--json');
    expect(jsonLines(listed.stdout)[0]).toMatchObject({
      sources: [
        {
          name: 'test',
          user: null,
          title: 'NAS',
          template: null,
          ttlMs: 600_000,
          lastUsedAt: expect.any(String),
        },
      ],
    });
    expect(await wx('source', 'add', 'test')).toMatchObject({
      code: 75,
      stderr: expect.stringContaining('already'),
    });
    expect((await wx('source', 'remove', 'test')).code).toBe(0);
    expect((await wx('source', 'remove', 'test')).code).toBe(66);
    expect((await push(web, token, { path: '/push/$T', body: { text: 'x' } })).status).toBe(401);
  });

  test('a token of the scope "push" is that of a source: it pushes, and does nothing else', async () => {
    const { web, wx } = await start(environment());
    const made = await wx('token', 'add', 'nas', '--scope', 'push', '--to', 'owner@im.wechat', '--json');
    const token = jsonLines(made.stdout)[0]?.token as string;
    expect((await push(web, token, { path: '/push/$T', body: { text: 'x' } })).status).toBe(200);
    expect((await web.ask('/accounts', { token })).status).toBe(401);
    expect(jsonLines((await wx('source', '--json')).stdout)[0]).toMatchObject({
      sources: [{ name: 'test' }, { name: 'nas', user: 'owner@im.wechat' }],
    });
    expect((await wx('token', 'add', 'x', '--scope', 'push', '--expires', '1d')).code).toBe(64);
  });

  test('an ID is sent once, a key replaces, a ttl ends; each for its source alone', async () => {
    const { web, wx, token, admin } = await start(environment());
    const other = jsonLines((await wx('source', 'add', 'other', '--json')).stdout)[0]?.token as string;
    const send = (of: string, body: object) => push(web, of, { path: '/push/$T', body });
    const first = await send(token, { text: 'a', id: '1' });
    expect((await send(token, { text: 'again', id: '1' })).json).toMatchObject({
      parts: [{ id: (first.json as { parts: { id: string }[] }).parts[0]?.id }],
    });
    await send(other, { text: 'of another', id: '1', key: 'k' });
    await send(token, { text: 'old', key: 'k', ttl: '1h' });
    await send(token, { text: 'new', key: 'k' });
    const { json } = await web.ask('/accounts/mine/parts?limit=10', { token: admin });
    const parts = (json as { parts: { text: string; verdict: string; reason: string | null }[] }).parts;
    expect(parts.map(({ text }) => text).reverse()).toEqual(['a', 'of another', 'old', 'new']);
    expect(parts[1]).toMatchObject({ verdict: 'expired', reason: 'replaced' });
    expect((await send(token, { text: 'x', ttl: '5' })).status).toBe(400);
  });

  test('the API makes and removes it', async () => {
    const { web, admin } = await start(environment());
    const template = { title: '{{build.name}}', text: '{{build.state}}: {{build.url|url}}' };
    const made = await web.post('/sources', { name: 'ci', account: 'mine', template }, { token: admin });
    expect(made).toMatchObject({ status: 201, json: { name: 'ci', template } });
    const token = made.json?.token as string;
    await push(web, token, {
      path: '/push/$T',
      body: { build: { name: '{{x}}', state: 'red' }, url: 'http://b' },
    });
    expect((await queuedAfter(web, admin, 0)).texts).toEqual(['{{x}}\nred: http://b']);
    expect((await push(web, token, { path: '/push/$T', body: { other: 1 } })).status).toBe(200);
    const bad = await web.post(
      '/sources',
      { name: 'c', account: 'mine', template: { text: '{{a b}}' } },
      { token: admin },
    );
    expect(bad.status).toBe(422);
    expect((await web.ask('/sources/ci', { method: 'DELETE', token: admin })).status).toBe(204);
    expect((await push(web, token, { path: '/push/$T', body: { text: 'x' } })).status).toBe(401);
  });
});

test('a file that was uploaded to the robot of WeCom goes with the message that names it', async () => {
  const { web, token, admin } = await start({});
  const uploaded = await push(web, token, {
    path: '/cgi-bin/webhook/upload_media?key=$T&type=file',
    headers: { 'content-type': 'multipart/form-data; boundary=b' },
    body: '--b\r\nContent-Disposition: form-data; name="media"; filename="w.txt"; filelength=6\r\nContent-Type: application/octet-stream\r\n\r\nmytext\r\n--b--\r\n',
  });
  expect(uploaded.json).toMatchObject({ errcode: 0, type: 'file', media_id: expect.any(String) });
  const message = { msgtype: 'file', file: { media_id: uploaded.json?.media_id } };
  const sent = () => push(web, token, { path: '/cgi-bin/webhook/send?key=$T', body: message });
  expect((await sent()).json).toEqual({ errcode: 0, errmsg: 'ok' });
  expect((await sent()).json).toMatchObject({ errcode: 40007 });
  expect((await queuedAfter(web, admin, 0)).texts).toEqual(['[w.txt]']);
});

test('who tries tokens is stopped; a right one still pushes', async () => {
  const { web, token } = await start({});
  const guess = () => push(web, 'A23456789012345', { path: '/push/$T', body: { text: 'x' } });
  const statuses: number[] = [];
  for (let n = 0; n < 12; n++) statuses.push((await guess()).status);
  expect(statuses).toEqual([...Array(10).fill(401), 429, 429]);
  expect((await push(web, token, { path: '/push/$T', body: { text: 'x' } })).status).toBe(200);
});

test('ten thousand pushes on one source: all are answered, a hundred wait, the others are counted', {
  timeout: 120_000,
}, async () => {
  const { web, token, admin } = await start({}, '--digest', '1h');
  const verdicts: Record<string, number> = {};
  let left = 10_000;
  const client = async (): Promise<void> => {
    while (left-- > 0) {
      const { status, headers } = await push(web, token, { path: '/push/$T', body: { text: 'disk full' } });
      const verdict = `${status} ${headers['x-wxagent-verdict']}`;
      verdicts[verdict] = (verdicts[verdict] ?? 0) + 1;
    }
  };
  await Promise.all(Array.from({ length: 20 }, client));
  expect(verdicts).toEqual({ '200 delayed': 100, '200 counted': 9_900 });
  const { json } = await web.ask('/accounts/mine/parts?verdict=delayed&limit=100', { token: admin });
  expect((json as { parts: object[] }).parts).toHaveLength(100);
});

test.each([
  ['by HTTP/1.0, without a Host', () => 'HTTP/1.0\r\n', 'disk full', /^HTTP\/1\.1 200 /],
  [
    'of unknown length, and too large',
    (host: string) => `HTTP/1.1\r\nHost: ${host}\r\nTransfer-Encoding: chunked\r\n`,
    `${(9 * 1024 * 1024).toString(16)}\r\n${'x'.repeat(9 * 1024 * 1024)}\r\n0\r\n\r\n`,
    /^HTTP\/1\.1 413 /,
  ],
])('a push %s is answered', async (_, head, body, wanted) => {
  const { web, token } = await start({});
  const { host, hostname, port } = new URL(web.url);
  const length = head(host).includes('chunked') ? '' : `Content-Length: ${body.length}\r\n`;
  const socket = connect(Number(port), hostname);
  let answer = '';
  socket.setEncoding('latin1').on('data', (piece) => {
    answer += piece;
  });
  // It may be closed while the rest is on its way.
  socket.on('error', () => {});
  socket.write(`POST /push/${token} ${head(host)}Content-Type: text/plain\r\n${length}\r\n${body}`);
  await pollUntil('an answer', async () => answer.includes('\r\n\r\n'));
  socket.destroy();
  expect(answer).toMatch(wanted);
});

test('a source that another process removes pushes no more, while it pushes', async () => {
  const { web, wx, token } = await start({}, '--digest', '1h');
  const statuses = new Set<number>();
  let isOver = false;
  const client = async (): Promise<void> => {
    while (!isOver) statuses.add((await push(web, token, { path: '/push/$T', body: { text: 'x' } })).status);
  };
  const clients = [client(), client()];
  await wx('source', 'remove', 'test');
  expect((await push(web, token, { path: '/push/$T', body: { text: 'x' } })).status).toBe(401);
  // What is not queued asks as well.
  const unknown = { path: '/push/$T/github', body: {}, headers: { 'x-github-event': 'watch' } };
  expect((await push(web, token, unknown)).status).toBe(401);
  isOver = true;
  await Promise.all(clients);
  expect([...statuses].sort().filter((status) => ![200, 401, 429].includes(status))).toEqual([]);
});

test('what cannot go now is held, which is a success; without a login it may be tried again', async () => {
  const { web, wx, token, admin } = await start({});
  await push(web, token, { path: '/push/$T', body: { text: 'first' } });
  await pollUntil('a hold', async () => {
    const { json } = await web.ask('/accounts/mine/parts?verdict=held', { token: admin });
    return (json as { parts: object[] }).parts.length > 0;
  });
  expect(await push(web, token, { path: '/push/$T', body: { text: 'second' } })).toMatchObject({
    status: 200,
    headers: { 'x-wxagent-verdict': 'delayed', 'x-wxagent-reason': 'hold' },
  });
  expect(
    await push(web, token, { path: '/push/$T', body: { text: 'third', important: true } }),
  ).toMatchObject({
    status: 200,
    headers: { 'x-wxagent-verdict': 'held', 'x-wxagent-reason': 'first-contact' },
  });
  await wx('logout');
  // A look at the accounts counts for half a second: what comes meanwhile waits for a login.
  await readUntil(
    'a refusal',
    () => push(web, token, { path: '/push/$T/alertmanager', body: { alerts: [{}] } }),
    ({ status }) => status === 503,
  );
});

test('what was accepted is there after a kill', async () => {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const made = await runHere(['source', 'add', 'test', '--json'], { home });
  const { token } = jsonLines(made.stdout)[0] as { token: string };
  const server = startWxagent(['web', '--listen', '127.0.0.1:0', '--json'], { home });
  await server.says('stdout', '}\n');
  const { url } = jsonLines(server.stdout)[0] as { url: string };
  const texts = Array.from({ length: 30 }, (_, n) => `text ${n}`);
  const answers = await Promise.all(
    texts.map((text) => askAt(`${url}/push/${token}`, { method: 'POST', body: text })),
  );
  server.signal('SIGKILL');
  await server.exited;
  expect(answers.map(({ status }) => status)).toEqual(texts.map(() => 200));
  const { parts } = jsonLines((await runHere(['outbox', '--json'], { home })).stdout)[0] as {
    parts: { text: string }[];
  };
  expect(parts.map(({ text }) => text).sort()).toEqual([...texts].sort());
});

describe.each(STORES)('a budget, on $store', ({ environment }) => {
  test('pushes of a digest are one text on the phone, also when the server has ended meanwhile', async () => {
    const env = environment();
    const { home, web, wx, token, simulator } = await start(env, '--digest', '2s');
    simulator.control.messages([{ text: 'hi' }]);
    await wx('run', '--once', '--echo', '--no-typing');
    await answered(simulator, 1);
    for (const text of ['one', 'two', 'three'])
      expect((await push(web, token, { path: '/push/$T', body: { text } })).headers).toMatchObject({
        'x-wxagent-verdict': 'delayed',
        'x-wxagent-reason': 'digest',
      });
    await web.stop();
    const others = [await startWeb({ home, env }), await startWeb({ home, env })];
    const [, text] = await answered(simulator, 2);
    expect(text).toMatch(/^📬 3 messages .*\n• .* \[test\] one\n• .* two\n• .* three$/);
    for (const one of others) await one.stop();
    expect(answers(simulator)).toHaveLength(2);
  });
});

test('a runner sends what a server has taken that is gone', async () => {
  const { web, wx, token, simulator } = await start({}, '--digest', '1s');
  simulator.control.messages([{ text: 'hi' }]);
  await wx('run', '--once', '--echo', '--no-typing');
  for (const text of ['one', 'two']) await push(web, token, { path: '/push/$T', body: { text } });
  await web.stop();
  await wx('run', '--echo', '--no-typing', '--exit-idle', '3s');
  expect((await answered(simulator, 2))[1]).toMatch(/^📬 2 messages/);
});

test('twenty alerts in a row: as many go as leave three messages, the others wait to be joined', {
  timeout: 60_000,
}, async () => {
  const { web, wx, token, simulator } = await start({});
  simulator.control.messages([{ text: '你好' }]);
  await wx('run', '--once', '--echo', '--no-typing');
  const verdicts: string[] = [];
  for (let n = 1; n <= 20; n++) {
    const { headers } = await push(web, token, { path: '/push/$T', body: { text: `alert ${n}` } });
    verdicts.push(headers['x-wxagent-reason'] ?? headers['x-wxagent-verdict'] ?? '');
    if (n <= 6) await answered(simulator, n + 1);
  }
  expect(verdicts).toEqual([...Array(6).fill('queued'), ...Array(14).fill('allowance')]);
});

/** The lines of docs/push.md that push, but for those of a source with a template. */
const LINES = blocksOf(readPage('docs/push.md'))
  .flatMap(({ text }) => text.split('\n'))
  .filter((line) => line.startsWith('curl ') && line.includes('$U') && !line.includes('"repo"'));

test('every line of docs/push.md pushes as it stands', { timeout: 60_000 }, async (context) => {
  const { web, token } = await start({});
  const folder = makeFolder();
  writeFileSync(join(folder, 'report.pdf'), 'a report');
  for (const line of LINES) {
    const timed = line.replace(
      'curl ',
      `curl -sS --max-time 20 -w ' %{http_code} %header{x-wxagent-verdict}' `,
    );
    const env = { ...process.env, U: web.url, TOKEN: token };
    const told = await new Promise<string>((resolve) => {
      execFile('/bin/sh', ['-c', timed], { cwd: folder, env }, (error, stdout, stderr) =>
        resolve(error ? `${error.message} ${stderr}` : stdout),
      );
    });
    if (/curl: not found/.test(told)) return context.skip();
    expect(told, line).toMatch(/ 200( |$)/);
    expect(told, line).not.toMatch(/rejected|"errcode":[^0]/);
  }
  expect(LINES.length).toBeGreaterThan(15);
});
