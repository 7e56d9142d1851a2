import { randomBytes } from 'node:crypto';
import { request } from 'node:http';
import { onTestFinished } from 'vitest';
import { runHere, startHere } from './in-this-process.ts';
import { pollUntil } from './poll-until.ts';
import { administer, SERVER, uniqueName, withParts } from './postgres.ts';
import { jsonLines } from './wxagent.ts';

/** The environment of a store: of a home, or of a server in a schema of its own. */
export const STORES: readonly { store: string; environment(): Record<string, string> }[] = [
  { store: 'SQLite', environment: () => ({}) },
  ...(SERVER === null
    ? []
    : [
        {
          store: 'PostgreSQL',
          environment() {
            const schema = uniqueName();
            onTestFinished(async () => {
              await administer(SERVER as string, `DROP SCHEMA IF EXISTS ${schema} CASCADE`);
            });
            return {
              WXAGENT_STORE: withParts(SERVER as string, { schema }),
              WXAGENT_STORE_KEY: randomBytes(32).toString('base64'),
            };
          },
        },
      ]),
];

/** What a server of the test has answered. */
export interface Answer {
  status: number;
  headers: Record<string, string>;
  text: string;
  /** The body as JSON; null: it is none. */
  json: Record<string, unknown> | null;
}

/** How a request is made. Headers as they are given: also those that `fetch` would not send. */
export interface Ask {
  method?: string;
  headers?: Record<string, string>;
  body?: string | Buffer;
  token?: string;
}

/** A server of `wxagent web`, in the process of the test. */
export interface TestWeb {
  url: string;
  /** Asks below `/api/v1`; a path that begins with `//` is taken as it is, without one slash. */
  ask(path: string, how?: Ask): Promise<Answer>;
  /** Posts JSON. */
  post(path: string, body: unknown, how?: Ask): Promise<Answer>;
  /** Sends a file to the owner, and waits until WeChat has it; the ID of its part. */
  sendFile(token: string, file: { name: string; bytes: Buffer }): Promise<string>;
  /** Makes a token. */
  token(...options: string[]): Promise<string>;
  /** Makes a one-time code. */
  code(): Promise<string>;
  /** The cookie of a new browser, as it sends it. */
  cookie(): Promise<string>;
  /** Ends it; what it has told people. */
  stop(): Promise<{ stderr: string }>;
}

let made = 0;

/** Starts `wxagent web` with these options, for a home. */
export async function startWeb(
  { home, env = {} }: { home: string; env?: Record<string, string> },
  ...options: string[]
): Promise<TestWeb> {
  const web = startHere(['web', '--listen', '127.0.0.1:0', '--json', ...options], { home, env });
  await web.says('stdout', '}\n');
  const url = jsonLines(web.stdout)[0]?.url as string;

  const printed = async (...args: string[]) =>
    jsonLines((await runHere([...args, '--json'], { home, env })).stdout)[0] ?? {};
  const ask: TestWeb['ask'] = (path, how) =>
    askAt(path.startsWith('//') ? `${url}${path.slice(1)}` : `${url}/api/v1${path}`, how);
  const post: TestWeb['post'] = (path, body, how = {}) =>
    ask(path, {
      method: 'POST',
      ...how,
      headers: { 'content-type': 'application/json', ...how.headers },
      body: JSON.stringify(body),
    });
  const code = async () => (await printed('token', 'code')).code as string;
  return {
    url,
    ask,
    post,
    code,
    async sendFile(token, file) {
      const { json } = await ask('/accounts/mine/send', { method: 'POST', token, ...form({}, [file]) });
      const part = (json as { parts: { id: string }[] }).parts[0]?.id as string;
      const look = () => ask(`/accounts/mine/parts/${part}`, { token });
      await pollUntil('a file that was sent', async () => (await look()).json?.hasFile === true);
      return part;
    },
    token: async (...rest) => (await printed('token', 'add', `t${++made}`, ...rest)).token as string,
    async cookie() {
      const { headers } = await post('/session', { code: await code() });
      return (headers['set-cookie'] ?? '').split(';')[0] as string;
    },
    async stop() {
      await web.stop();
      return { stderr: web.stderr };
    },
  };
}

/** A form as programs send it. */
export function form(
  fields: Record<string, string>,
  files: { name: string; bytes: Buffer }[] = [],
): Pick<Ask, 'headers' | 'body'> {
  const boundary = `x${randomBytes(8).toString('hex')}`;
  const parts = [
    ...Object.entries(fields).map(([name, value]) =>
      Buffer.from(`--${boundary}\r\nContent-Disposition: form-data; name="${name}"\r\n\r\n${value}\r\n`),
    ),
    ...files.flatMap(({ name, bytes }) => [
      Buffer.from(
        `--${boundary}\r\nContent-Disposition: form-data; name="file"; filename="${name}"\r\nContent-Type: application/octet-stream\r\n\r\n`,
      ),
      bytes,
      Buffer.from('\r\n'),
    ]),
    Buffer.from(`--${boundary}--\r\n`),
  ];
  return {
    headers: { 'content-type': `multipart/form-data; boundary=${boundary}` },
    body: Buffer.concat(parts),
  };
}

/** Makes one request over a connection of its own. */
export function askAt(url: string, { method = 'GET', headers = {}, body, token }: Ask = {}): Promise<Answer> {
  return new Promise((resolve, reject) => {
    const { hostname, port } = new URL(url);
    const path = url.slice(url.indexOf('/', 'http://'.length));
    // Of GET, Node's client does not say how long its body is.
    const length = body === undefined ? {} : { 'content-length': String(Buffer.byteLength(body)) };
    const given = { ...length, ...(token ? { authorization: `Bearer ${token}` } : {}), ...headers };
    const sent = request({ host: hostname, port, path, method, headers: given, agent: false }, (response) => {
      const chunks: Buffer[] = [];
      response.on('data', (chunk: Buffer) => chunks.push(chunk));
      response.on('error', reject);
      response.on('end', () => {
        const text = Buffer.concat(chunks).toString();
        const flat = Object.entries(response.headers).map(([name, value]) => [name, String(value)]);
        resolve({
          status: response.statusCode ?? 0,
          headers: Object.fromEntries(flat),
          text,
          json: jsonOf(text),
        });
      });
    });
    sent.on('error', reject);
    sent.end(body);
  });
}

function jsonOf(text: string): Record<string, unknown> | null {
  try {
    return JSON.parse(text) as Record<string, unknown>;
  } catch {
    return null;
  }
}
