import { randomBytes } from 'node:crypto';
import { connect } from 'node:net';
import { text } from 'node:stream/consumers';
import { Client } from 'pg';
import { inject } from 'vitest';
import type { ServerAddress } from './postgres-setup.ts';

/** The server of this run, as a URL of its administrator; null: these tests are skipped. */
export const SERVER: string | null = await findServer();

async function findServer(): Promise<string | null> {
  const named = process.env.WXAGENT_TEST_POSTGRES;
  if (named) return named;
  const told = JSON.parse(await text(connect(inject('postgresPort'), '127.0.0.1'))) as
    | ServerAddress
    | { error: string }
    | null;
  if (told === null) {
    console.warn(
      'no PostgreSQL for this platform: its tests are skipped (or name a server: WXAGENT_TEST_POSTGRES)',
    );
    return null;
  }
  if ('error' in told) throw new Error(told.error);
  return urlOf(told);
}

/** The URL of a server of the tests, over its socket where it has one. */
export function urlOf({ port, socketFolder, user, password }: ServerAddress): string {
  const login = `${user}:${encodeURIComponent(password)}`;
  if (socketFolder === null) return `postgres://${login}@127.0.0.1:${port}/postgres`;
  return `postgres://${login}@/postgres?host=${encodeURIComponent(socketFolder)}&port=${port}`;
}

/** What a test that is skipped names, while it is collected. */
const NO_SERVER = 'postgres://nobody@localhost/none';

/** A URL with other parts: `host` is a name, an address or a folder, the rest are parameters. */
export function withParts(
  url: string | null,
  parts: { host?: string; port?: number; user?: string; password?: string; database?: string } & Record<
    string,
    string | number | undefined
  >,
): string {
  const changed = new URL((url ?? NO_SERVER).replace('@/', '@localhost/'));
  const { host, port, user, password, database, ...parameters } = parts;
  if (user !== undefined) changed.username = encodeURIComponent(user);
  if (password !== undefined) changed.password = encodeURIComponent(password);
  if (database !== undefined) changed.pathname = `/${database}`;
  if (host !== undefined) {
    changed.searchParams.delete('host');
    changed.searchParams.delete('port');
    if (host.startsWith('/')) Object.assign(parameters, { host, port });
    else Object.assign(changed, { hostname: host, port: String(port ?? '') });
  }
  for (const [name, value] of Object.entries(parameters)) changed.searchParams.set(name, String(value));
  return changed.href;
}

/** Where a proxy finds a server: at its socket, or at its port. */
export function upstreamOf(url: string): { host: string; port: number } | { path: string } {
  const { hostname, port, searchParams } = new URL(url.replace('@/', '@localhost/'));
  const folder = searchParams.get('host');
  if (folder !== null) return { path: `${folder}/.s.PGSQL.${searchParams.get('port')}` };
  return { host: hostname, port: Number(port || 5432) };
}

/** A name that no other test has. */
export function uniqueName(): string {
  return `test_${randomBytes(6).toString('hex')}`;
}

/** Runs SQL as the administrator of a server. */
export async function administer(url: string, ...sql: string[]): Promise<Record<string, unknown>[]> {
  const client = await connectTo(url);
  try {
    let rows: Record<string, unknown>[] = [];
    for (const one of sql) ({ rows } = await client.query(one));
    return rows;
  } finally {
    await client.end();
  }
}

/** A connection of the administrator of a server. */
export async function connectTo(url: string): Promise<Client> {
  const { username, password, pathname, searchParams, hostname, port } = new URL(
    url.replace('@/', '@localhost/'),
  );
  const client = new Client({
    user: decodeURIComponent(username),
    password: decodeURIComponent(password),
    database: pathname.slice(1),
    host: searchParams.get('host') ?? hostname,
    port: Number(searchParams.get('port') ?? port),
    ssl: false,
  });
  await client.connect();
  return client;
}
