import { inspect } from 'node:util';
import { describe, expect, it } from 'vitest';
import { WxError } from '../../../src/core/errors.ts';
import { parseServerUrl } from '../../../src/postgres/server-address.ts';

/** What a URL means; the password, too. */
function read(url: string): Record<string, unknown> {
  const address = parseServerUrl(url);
  return { ...address.with, ...address.places[0], places: address.places, password: address.password() };
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
    ['postgres://a%40b:@db/x%2Fy', { user: 'a@b', password: null, database: 'x/y' }],
    ['postgres://alice@db/bots?password=', { password: null }],
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
    [
      'postgres://alice@one:5433,two,[::1]:5434/bots?target_session_attrs=read-write',
      {
        places: [
          { host: 'one', port: 5433 },
          { host: 'two', port: 5432 },
          { host: '::1', port: 5434 },
        ],
      },
    ],
    [
      'postgres://alice@/bots?host=one,two&port=5433',
      {
        places: [
          { host: 'one', port: 5433 },
          { host: 'two', port: 5433 },
        ],
      },
    ],
    [
      'postgres:///?host=db&user=a%40b&password=p%26w&dbname=bots',
      { user: 'a@b', password: 'p&w', database: 'bots' },
    ],
    ['postgres://alice:pw@db/bots?user=bob&password=other', { user: 'alice', password: 'pw' }],
    // As hosts of databases print it: Neon, Supabase for transactions, Aiven, Azure, Alibaba Cloud, Tencent Cloud.
    [
      'postgresql://alex:AbC@ep-cool-darkness-a1b2c3d4-pooler.us-east-2.aws.neon.tech/dbname?sslmode=require&channel_binding=require',
      { tls: 'require', isBound: true, database: 'dbname', isPrepared: true },
    ],
    [
      'postgresql://alex:AbC@ep-a1.neon.tech/db?options=endpoint%3Dep-a1&sslmode=require&connect_timeout=15',
      { options: 'endpoint=ep-a1', connectMs: 15_000 },
    ],
    [
      'postgres://postgres.abcdef:pw@aws-0-eu-west-1.pooler.supabase.com:6543/postgres?pgbouncer=true',
      { user: 'postgres.abcdef', port: 6543, isPrepared: false },
    ],
    ['postgres://avnadmin:pw@pg-1.aivencloud.com:20985/defaultdb?sslmode=require', { port: 20_985 }],
    ['postgres://wx%40srv:pw@srv.postgres.database.azure.com/postgres?sslmode=require', { user: 'wx@srv' }],
    [
      'postgres://wx:pw@pgm-bp1.pg.rds.aliyuncs.com:1921/wx',
      { host: 'pgm-bp1.pg.rds.aliyuncs.com', port: 1921 },
    ],
    ['postgres://wx:pw@gz-postgres-1.sql.tencentcdb.com:59870/wx', { port: 59_870, tls: 'prefer' }],
    [
      'postgres://alice@db/bots?sslmode=require&sslnegotiation=direct&application_name=shop&gssencmode=disable&keepalives=1',
      { isDirect: true, applicationName: 'shop' },
    ],
    [
      'postgres://alice@db/bots?sslmode=verify-ca&sslrootcert=/ca.pem&sslcert=/me.crt&sslkey=/me.key',
      { clientCertificate: { certificate: '/me.crt', key: '/me.key' } },
    ],
    ['postgres://alice@db/bots?connect_timeout=0&pgbouncer=false', { connectMs: null, isPrepared: true }],
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
    ['postgres://alice@one,two/bots?port=1,2,3', 'does not have as many ports as hosts'],
    ['postgres://alice@one,/bots', 'has a host that is not a host name'],
    ['postgres://alice@/bots?host=one,,two', 'has a host that is not a host name'],
    ['postgres://alice@db/bots?target_session_attrs=standby', 'cannot do, with "target_session_attrs"'],
    ['postgres://alice@db/bots?gssencmode=require', 'cannot do, with "gssencmode"'],
    ['postgres://alice@db/bots?ssl=true', 'write sslmode=require instead'],
    ['postgres://alice@db/bots?sslmode=require&sslcert=/me.crt', 'one of sslcert and sslkey'],
    ['postgres://alice@db/bots?sslnegotiation=direct', 'needs sslmode=require or more'],
    ['postgres://alice@db/bots?connect_timeout=soon', 'connect_timeout that is not a number'],
    ['postgres://alice@db/bots?pgbouncer=yes', '"pgbouncer" that is neither true nor false'],
    ['postgres://alice@db/bots?connection_limit=1', '"connection_limit": leave it out'],
    ['postgres://alice@db/bots?sslmode=allow', 'has an sslmode that is not known'],
    ['postgres://alice@db/bots?sslmode=no-verify', '"no-verify" is "require" here'],
    ['postgres://alice@db/bots?sslmode=', 'has an sslmode that is not known'],
    ['postgres://alice@db/bots?sslmode=disable&sslrootcert=/ca.pem', 'but sslmode=disable'],
    ['postgres://alice@db/bots?SSLMODE=require', '"SSLMODE"'],
    ['postgres://alice@db/bots?channel_binding=always', 'has a channel_binding that is neither'],
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
    expect(String(parseServerUrl(`postgres://alice:${SECRET}@one,two:5433/bots`))).toBe(
      'postgres://alice@one:5432,two:5433/bots',
    );
    const shown = [
      inspect([address, address.at({ host: 'x', port: 1 })], { showHidden: true, depth: 9 }),
      JSON.stringify({ address }),
    ];
    expect(shown.join()).not.toContain(SECRET);
  });
});
