import { describe, expect, it } from 'vitest';
import { serverError } from '../../../src/postgres/failures.ts';
import { parseServerUrl } from '../../../src/postgres/server-address.ts';

const address = parseServerUrl(
  'postgres://wx:5up3rs3cr3t@db:6432/bots?sslmode=require&sslnegotiation=direct',
);

/** As a server, a pooler or Node reports it. */
function failed(message: string, code: string): Error {
  return Object.assign(new Error(message), { code, severity: 'FATAL' });
}

describe('the error for a server', () => {
  it.each([
    // pgbouncer says all of this under one code.
    [failed('password authentication failed', '08P01'), 77, 'refuses the login', 'check user and password'],
    [failed('no such user: wx', '08P01'), 77, 'refuses the login', 'check user and password'],
    [failed('no such database: bots', '08P01'), 78, 'there is no database bots', 'createdb bots'],
    [failed('unsupported startup parameter: options', '08P01'), 69, 'unsupported startup parameter', ''],
    [failed('no more connections allowed (max_client_conn)', '08P01'), 69, 'no more connections', ''],
    [
      failed('pg_hba.conf rejects connection for host "10.0.0.1"', '28000'),
      77,
      'refuses the login',
      'allow this host, user and database in pg_hba.conf',
    ],
    [
      failed('Peer authentication failed for user "wx"', '28000'),
      77,
      'refuses the login',
      'run it as the user of this machine who has that name',
    ],
    [
      failed('unrecognized configuration parameter "+work_mem"', '42704'),
      78,
      'refuses the connection',
      'options in the URL, with a blank as %20',
    ],
    [
      failed('key values mismatch', 'ERR_OSSL_X509_KEY_VALUES_MISMATCH'),
      78,
      'cannot be used: key values mismatch',
      'sslkey has to be the key of sslcert',
    ],
    [
      failed('Client network socket disconnected before secure TLS connection was established', 'ECONNRESET'),
      69,
      'before secure TLS',
      'leave sslnegotiation out',
    ],
    [
      failed('SASL: SCRAM-SERVER-FIRST-MESSAGE: iteration count 500000 exceeds 100000', ''),
      77,
      'refuses the login',
      'check user and password',
    ],
    [failed('permission denied for schema wxagent', '42501'), 77, 'lacks a right', 'GRANT ALL ON SCHEMA "wx'],
    [
      failed('permission denied for table schema_version', '42501'),
      77,
      'lacks a right',
      'GRANT ALL ON ALL TABLES IN SCHEMA "wxagent" TO "wx"',
    ],
    [
      failed('permission denied for sequence inbox_seq_seq', '42501'),
      77,
      'lacks a right',
      'GRANT ALL ON ALL SEQUENCES IN SCHEMA "wxagent" TO "wx"',
    ],
    [failed('must be owner of table users', '42501'), 77, 'lacks a right', '--no-owner --role="wx"'],
    // A trigger of the administrator.
    [failed('no DDL here', 'P0001'), 74, 'no DDL here', ''],
    [failed('sorry, too many clients already', '53300'), 69, 'too many clients', 'raise max_connections'],
    [failed('the database system is starting up', '57P03'), 69, 'starting up', ''],
    [failed('could not extend file', '53100'), 74, 'the disk of the server is full', ''],
    [
      failed('Hostname/IP does not match', 'ERR_TLS_CERT_ALTNAME_INVALID'),
      78,
      'is not trusted',
      'name the host',
    ],
    [failed('self-signed certificate', 'DEPTH_ZERO_SELF_SIGNED_CERT'), 78, 'is not trusted', 'sslrootcert='],
    [
      failed('write EPROTO: wrong version number', 'EPROTO'),
      78,
      'offers no TLS at once',
      'leave sslnegotiation out',
    ],
  ])('says what is wrong: %s', (thrown, exit, sentence, hint) => {
    const error = serverError(address, thrown);
    expect({ exit: error.exit, message: error.message, hint: error.hint ?? '' }).toEqual({
      exit,
      message: expect.stringContaining(sentence),
      hint: expect.stringContaining(hint),
    });
    expect(`${error.message} ${error.hint} ${error.stack}`).not.toContain('5up3rs3cr3t');
  });
});
