import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { WxError } from '../../../src/core/errors.ts';
import { parseServerUrl } from '../../../src/postgres/server-address.ts';

/** What a URL means; the password, too. */
function read(url: string): Record<string, unknown> {
  const address = parseServerUrl(url);
  return { ...address, password: address.password() };
}

function refusal(url: string): WxError {
  try {
    parseServerUrl(url);
  } catch (error) {
    if (error instanceof WxError) return error;
    throw error;
  }
  throw new Error(`accepted: ${url}`);
}

describe('the address of a server', () => {
  it.each([
    [
      'postgres://alice:pw@db.example:6543/bots',
      { host: 'db.example', port: 6543, user: 'alice', password: 'pw', database: 'bots' },
    ],
    [
      'postgresql://alice@db/bots',
      { host: 'db', port: 5432, password: null, schema: 'wxagent', tls: 'prefer', isPrepared: true },
    ],
    ['POSTGRES://alice@db', { database: 'alice' }],
    [' postgres://alice@db/bots\n', { database: 'bots' }],
    ['postgres:///bots', { host: 'localhost', database: 'bots' }],
    ['postgres://alice:p%40s%3As%2Fw%23%25%3F%20@db/bots', { password: 'p@s:s/w#%? ' }],
    ['postgres://alice:p@ss:w@db/bots', { password: 'p@ss:w', host: 'db' }],
    ["postgres://alice:p+w!$&*()=;,'[]~@db/bots", { password: "p+w!$&*()=;,'[]~" }],
    ['postgres://alice:密码@db/bots', { password: '密码' }],
    ['postgres://a%40b:@db/x%2Fy', { user: 'a@b', password: '', database: 'x/y' }],
    ['postgres://alice@[::1]:5433/bots', { host: '::1', port: 5433 }],
    ['postgres://alice@[fe80::1]/bots', { host: 'fe80::1' }],
    ['postgres://alice@127.0.0.1/bots', { host: '127.0.0.1' }],
    ['postgres://alice@db.internal./bots', { host: 'db.internal.' }],
    ['postgres://alice@my_db-1/bots', { host: 'my_db-1' }],
    ['postgres://alice@/bots?host=/var/run/postgresql', { host: '/var/run/postgresql', tls: 'disable' }],
    [
      'postgres://alice@localhost/bots?host=/cloudsql/a:b:c&port=5433',
      { host: '/cloudsql/a:b:c', port: 5433 },
    ],
    ['postgres://alice@%2Fvar%2Frun%2Fpostgresql:5433/bots', { host: '/var/run/postgresql', port: 5433 }],
    ['postgres://alice@/bots?host=/run/pg&sslmode=verify-full', { tls: 'disable' }],
    ['postgres://alice@db/bots?sslmode=disable', { tls: 'disable' }],
    ['postgres://alice@db/bots?sslmode=require', { tls: 'require' }],
    [
      'postgres://alice@db/bots?sslmode=require&sslrootcert=/ca.pem',
      { tls: 'verify-ca', rootCertificate: '/ca.pem' },
    ],
    ['postgres://alice@db/bots?sslrootcert=system', { tls: 'verify-full', rootCertificate: null }],
    ['postgres://alice@db/bots?schema=shop_2&prepare=off', { schema: 'shop_2', isPrepared: false }],
    ['postgres://alice@db/bots?', { database: 'bots' }],
  ])('reads %s', (url, expected) => {
    expect(read(url)).toMatchObject(expected);
  });

  const SECRET = '5up3rs3cr3t';
  it.each([
    ['mysql://alice@db/bots', 'is not a URL of PostgreSQL'],
    ['postgres:alice', 'is not a URL of PostgreSQL'],
    ['/var/lib/wxagent.db', 'is not a URL of PostgreSQL'],
    [`postgres://alice:${SECRET}#x@db/bots`, 'must be encoded'],
    [`postgres://alice:1/${SECRET}@db/bots`, 'must be encoded'],
    [`postgres://alice:1?${SECRET}@db/bots`, 'must be encoded'],
    [`postgres://alice:${SECRET}%zz@db/bots`, 'must be encoded'],
    [`postgres://alice:${SECRET} x@db/bots`, 'must be encoded'],
    [`postgres://alice:${SECRET}\tx@db/bots`, 'must be encoded'],
    [`postgres://alice:${SECRET}/x`, 'has a port that is not a number'],
    [`postgres://alice:1?${SECRET}=x`, 'has a parameter that is not known'],
    [`postgres://alice:1?5up3r s3cr3t=x`, 'must be encoded'],
    [`postgres://alice:${SECRET}%00@db/bots`, 'has a NUL character'],
    ['postgres://alice@db:0/bots', 'has a port that is not a number'],
    ['postgres://alice@db:65536/bots', 'has a port that is not a number'],
    ['postgres://alice@db:5432:1/bots', 'has a port that is not a number'],
    ['postgres://alice@::1/bots', 'has a port that is not a number'],
    ['postgres://alice@[::1/bots', 'has a port that is not a number'],
    ['postgres://alice@[db]/bots', 'has a host that is not a host name'],
    ['postgres://alice@d*b/bots', 'has a host that is not a host name'],
    ['postgres://alice@one,two/bots', 'names several hosts'],
    ['postgres://alice@db/bots?sslmode=allow', 'has an sslmode that is not known'],
    ['postgres://alice@db/bots?sslmode=no-verify', '"no-verify" is "require" here'],
    ['postgres://alice@db/bots?sslmode=', 'has an sslmode that is not known'],
    ['postgres://alice@db/bots?sslmode=disable&sslrootcert=/ca.pem', 'but sslmode=disable'],
    ['postgres://alice@db/bots?SSLMODE=require', '"SSLMODE"'],
    ['postgres://alice@db/bots?channel_binding=require', '"channel_binding"'],
    ['postgres://alice@db/bots?schema=a&schema=b', 'has the parameter "schema" twice'],
    ['postgres://alice@db/bots?prepare=no', 'neither on nor off'],
    ...[
      '',
      'Shop',
      '1a',
      'a-b',
      'pg_x',
      'information_schema',
      'a"; DROP TABLE x; --',
      "a'",
      'a,b',
      'a'.repeat(64),
    ].map((name) => [
      `postgres://alice@db/bots?schema=${encodeURIComponent(name)}`,
      'has a schema that cannot be used',
    ]),
  ])('refuses %s', (url, sentence) => {
    const { kind, message, hint } = refusal(url as string);
    expect({ kind, message }).toEqual({
      kind: 'usage',
      message: expect.stringContaining(sentence as string),
    });
    expect(`${message} ${hint}`).not.toContain('s3cr3t');
  });

  it('shows no password', () => {
    const address = parseServerUrl(`postgres://alice:${SECRET}@db:6543/bots?schema=shop&sslmode=require`);
    expect(String(address)).toBe('postgres://alice@db:6543/bots?schema=shop');
    expect(String(parseServerUrl(`postgres://alice:${SECRET}@[::1]/bots`))).toBe(
      'postgres://alice@[::1]:5432/bots',
    );
    expect(String(parseServerUrl('postgres://alice@/bots?host=/run/pg'))).toBe(
      'postgres://alice@/bots?host=/run/pg',
    );
    const shown = [inspect(address, { showHidden: true, depth: 9 }), JSON.stringify({ address })];
    expect(shown.join()).not.toContain(SECRET);
  });
});
