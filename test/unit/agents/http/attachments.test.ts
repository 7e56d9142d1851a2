import { createHash } from 'node:crypto';
import { truncateSync, writeFileSync } from 'node:fs';
import { request } from 'node:http';
import { join } from 'node:path';
import { describe, expect, it } from 'vitest';
import {
  openAttachmentServer,
  parseAttachmentHost,
} from '../../../../src/agents/http/request/attachment-server.ts';
import { attachment, temporaryFolder } from '../support.ts';
import { agentAt, closeLater, serve } from './support.ts';

const LOOPBACK = parseAttachmentHost('127.0.0.1');

async function openServer(host = LOOPBACK) {
  const server = await openAttachmentServer(host);
  closeLater(server.close);
  return server;
}

function fileWith(content: string | Buffer, name = 'a.jpg'): string {
  const path = join(temporaryFolder(), name);
  writeFileSync(path, content);
  return path;
}

/** What a service is posted, and what `look` sees while the turn runs. */
async function posted(
  options: Parameters<typeof agentAt>[1],
  turn: Parameters<ReturnType<typeof agentAt>['answer']>[0],
  look: (event: Event) => Promise<unknown> = async () => null,
) {
  let looked: unknown;
  const { url, seen } = await serve(async (response, { body }) => {
    looked = await look(JSON.parse(body) as Event);
    response.writeHead(204).end();
  });
  const outcome = await agentAt(url, options).answer(turn);
  return { event: JSON.parse(seen[0]?.body ?? '') as Event, outcome, looked };
}

interface Event {
  attachments: { url?: string; base64?: string; path: string | null; error: string | null }[];
  quote: Event | null;
}

describe('attachments of an event', () => {
  it('are paths, unless something else is asked for', async () => {
    const { event } = await posted({}, { attachments: [attachment()] });
    expect(event.attachments).toEqual([attachment()]);
  });

  it('are inside, those of the quote too', async () => {
    const path = fileWith('a picture');
    const quote = { id: null, text: '', attachments: [attachment({ path })] };
    const lost = attachment({ path: null, error: 'gone' });
    const { event } = await posted(
      { attachments: 'inline' },
      { attachments: [attachment({ path }), lost], quote },
    );
    const inside = { ...attachment({ path: null }), base64: Buffer.from('a picture').toString('base64') };
    expect(event.attachments).toEqual([inside, lost]);
    expect(event.quote?.attachments).toEqual([inside]);
  });

  it('are left out when they are too much together, or gone, and say so', async () => {
    const large = fileWith('');
    truncateSync(large, 17 * 1024 * 1024);
    const attachments = [{ path: large }, { path: fileWith('small') }, { path: '/no/such/file' }].map(
      attachment,
    );
    const { event } = await posted({ attachments: 'inline' }, { attachments });
    expect(event.attachments).toEqual([
      attachment({ path: null, error: expect.stringMatching(/more than 16 MiB.*--http-attachments url/) }),
      { ...attachment({ path: null }), base64: 'c21hbGw=' },
      attachment({ path: null, error: expect.stringContaining('cannot be read') }),
    ]);
  });

  it('have addresses that work until the turn is over', async () => {
    const path = fileWith('a picture');
    const server = await openServer();
    const name = '照片 1/..?.jpg';
    const { looked, event } = await posted(
      { attachments: 'url', server },
      { attachments: [attachment({ path, name })] },
      async ({ attachments: [one] }) => {
        const get = await fetch(one?.url ?? '');
        const head = await fetch(one?.url ?? '', { method: 'HEAD' });
        const post = await fetch(one?.url ?? '', { method: 'POST' });
        return {
          texts: [await get.text(), await head.text()],
          statuses: [get.status, head.status, post.status],
          headers: Object.fromEntries(get.headers),
        };
      },
    );
    expect(looked).toMatchObject({
      texts: ['a picture', ''],
      statuses: [200, 200, 405],
      headers: {
        'content-type': 'image/jpeg',
        'content-length': '9',
        'cache-control': 'no-store',
        'x-content-type-options': 'nosniff',
        connection: 'close',
      },
    });
    const address = event.attachments[0]?.url ?? '';
    expect(address).toMatch(/^http:\/\/127\.0\.0\.1:\d+\/[\w-]{43}\/%E7%85%A7/);
    expect(event.attachments[0]?.path).toBeNull();
    expect((await fetch(address)).status).toBe(404);
  });
});

describe('the server of attachments', () => {
  it('gives every file an address of its own, and only those', async () => {
    const server = await openServer();
    const file = { path: fileWith('x'), name: null, mime: null };
    const [one, two] = [server.publish(file), server.publish(file)];
    expect(one.url).not.toBe(two.url);
    one.withdraw();
    const origin = new URL(two.url).origin;
    const statuses = [
      one.url,
      two.url,
      origin,
      `${origin}/`,
      `${origin}/../etc/passwd`,
      `${two.url.slice(0, -6)}/y`,
    ];
    expect(await Promise.all(statuses.map(async (url) => (await fetch(url)).status))).toEqual([
      404, 200, 404, 404, 404, 404,
    ]);
    const gone = server.publish({ ...file, path: '/no/such/file' });
    expect((await fetch(gone.url)).status).toBe(404);
  });

  it('sends large files whole, and outlives clients that go away', async () => {
    const content = Buffer.alloc(5_000_000, 'wechat ');
    const server = await openServer();
    const { url } = server.publish({ path: fileWith(content), name: 'large.bin', mime: 'application/zip' });
    const leaving = new AbortController();
    const partial = await fetch(url, { signal: leaving.signal });
    await partial.body?.getReader().read();
    leaving.abort();
    const whole = Buffer.from(await (await fetch(url)).arrayBuffer());
    expect(createHash('md5').update(whole).digest('hex')).toBe(
      createHash('md5').update(content).digest('hex'),
    );
  });

  it('answers to its own names, and to no page of a browser', async () => {
    const server = await openServer({ host: 'Files.example', port: 0, bind: '127.0.0.1' });
    const { url } = server.publish({ path: fileWith('x'), name: null, mime: null });
    const { port, pathname } = new URL(url);
    const status = (headers: Record<string, string>) =>
      new Promise<number | undefined>((resolve, reject) => {
        const asking = request({ host: '127.0.0.1', port, path: pathname, headers }, (response) => {
          response.resume();
          resolve(response.statusCode);
        });
        asking.on('error', reject).end();
      });
    const own = [`files.example:${port}`, `127.0.0.1:${port}`, `localhost:${port}`];
    expect(await Promise.all(own.map((host) => status({ host })))).toEqual([200, 200, 200]);
    const foreign: Record<string, string>[] = [
      { host: `evil.example:${port}` },
      { host: `files.example.evil:${port}` },
      { origin: 'https://evil.example' },
      { origin: 'null' },
      { 'sec-fetch-site': 'cross-site' },
    ];
    expect(await Promise.all(foreign.map(status))).toEqual([403, 403, 403, 403, 403]);
  });

  it.each([
    ['127.0.0.1', { host: '127.0.0.1', port: 0, bind: '127.0.0.1' }],
    ['localhost:80', { host: 'localhost', port: 80, bind: '127.0.0.1' }],
    ['192.168.1.20:8900', { host: '192.168.1.20', port: 8900, bind: '192.168.1.20' }],
    ['host.docker.internal:8900', { host: 'host.docker.internal', port: 8900, bind: undefined }],
    ['[::1]:8900', { host: '[::1]', port: 8900, bind: '::1' }],
    ['[::1]', { host: '[::1]', port: 0, bind: '::1' }],
  ])('is found at %s', (text, host) => expect(parseAttachmentHost(text)).toEqual(host));

  it.each([
    '',
    ' ',
    'a b',
    'host:',
    'host:99999',
    'host:x',
    'http://host',
    'host/x',
    'me@host',
    '0.0.0.0:80',
    '[::]',
    '::1',
  ])('is not found at %j', (text) => {
    expect(() => parseAttachmentHost(text)).toThrow(expect.objectContaining({ kind: 'usage', exit: 64 }));
  });

  it('cannot listen where another does', async () => {
    const server = await openServer();
    const { port } = new URL(server.publish({ path: '/x', name: null, mime: null }).url);
    await expect(openAttachmentServer({ ...LOOPBACK, port: Number(port) })).rejects.toMatchObject({
      kind: 'usage',
      message: expect.stringMatching(/cannot listen on 127\.0\.0\.1:\d+: .*EADDRINUSE/),
    });
  });
});
