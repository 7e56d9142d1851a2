import { asWxError, codeOf, isShortage, reasonOf, WxError } from '../core/errors.ts';
import type { ServerAddress } from './server-address.ts';

const SQLSTATE = /^[0-9FHPX][0-9A-Z]{4}$/;

/** Other transactions were in the way: the step is run again. */
const IN_THE_WAY = new Set(['40001', '40P01', '55P03']);

/** The transaction was rolled back, by the server's own word, also when it was said of its COMMIT. */
const ROLLED_BACK = /^(?:40|23)/;

/**
 * Conditions of the server or of the way to it that may pass: connections, shortages, shutdowns, timeouts, a standby.
 * With them those of statements that a connection has lost or had before, or that were parsed for other columns.
 */
const MAY_PASS = /^(?:08|53|58|57P0|57014$|25P03$|25P04$|25006$|26000$|42P05$|0A000$)/;

const WRONG_LOGIN = /^28/;
const NO_DATABASE = '3D000';
/** A pooler has one code for both, which says nothing. */
const LOGIN_AT_POOLER = /^(?:(?:password|SASL) authentication failed|no such user)/i;
const DATABASE_AT_POOLER = /^no such database/i;
/** The client itself refuses what the server offers; it has no code for that. */
const OF_SASL = /^SASL: /;
/** Tables or their schema are missing. */
const GONE = new Set(['42P01', '3F000']);
const NO_RIGHT = '42501';
const TOO_MANY = '53300';
const DISK_FULL = '53100';

/** Codes of Node for certificates that are not trusted. */
const CERTIFICATE = /^(?:ERR_TLS_|CERT_|DEPTH_ZERO_|SELF_SIGNED_|UNABLE_TO_|ERR_SSL_|HOSTNAME_)/;

const OTHER_NAME = 'ERR_TLS_CERT_ALTNAME_INVALID';

/** The client tells it by its message only. */
const NO_TLS = /^The server does not support SSL connections$/;

const WITHOUT_DIRECT = 'leave sslnegotiation out of the URL: it needs PostgreSQL 17, and no pooler before it';

/** What has answered speaks another language. */
const NO_POSTGRES = /^There was an error establishing an SSL connection$/;

/** Whether a server that was asked for TLS has none. */
export function hasNoTls(thrown: unknown): boolean {
  return NO_TLS.test(reasonOf(thrown));
}

/** Whether the server answered with this error about the statement, so that the connection still works. */
export function isAnswer(thrown: unknown): boolean {
  return SQLSTATE.test(codeOf(thrown)) && !mayPass(thrown);
}

/** Whether the server, and no pooler before it, has refused a statement, and undone its transaction with that. */
export function isRefusal(thrown: unknown): boolean {
  return SQLSTATE.test(codeOf(thrown)) && !/^(?:08|57P|25P)/.test(codeOf(thrown));
}

/** Whether the step only has to be run again, because other transactions were in its way. */
export function isInTheWay(thrown: unknown): boolean {
  return IN_THE_WAY.has(codeOf(thrown));
}

/** Whether a COMMIT that failed with this has surely not committed. */
export function isRolledBack(thrown: unknown): boolean {
  return ROLLED_BACK.test(codeOf(thrown));
}

/** A server says so of a statement used wrongly; poolers of whatever they cannot do just now, and end the connection. */
const PROTOCOL = '08P01';

/** Whether the failure may pass, with the connection or without it. Errors of the client itself have no SQLSTATE. */
export function mayPass(thrown: unknown): boolean {
  if (thrown instanceof WxError) return thrown.kind === 'network';
  const code = codeOf(thrown);
  if (code === PROTOCOL) return (thrown as { severity?: unknown }).severity === 'FATAL';
  return MAY_PASS.test(code) || isShortage(thrown) || isOfConnection(thrown);
}

/** Whether the step is faulty, and not the server: what it says, or a value that breaks a rule of the tables. */
function isFaultOfStep(thrown: unknown): boolean {
  const code = codeOf(thrown);
  return /^(?:2[0-7]|42|0A|08P01)/.test(code) && !mayPass(thrown) && !GONE.has(code);
}

/** Whether a pooler has given the connection to others between two statements that need each other. */
export function isOfPooler(thrown: unknown): boolean {
  return codeOf(thrown) === '26000' || codeOf(thrown) === '42P05';
}

/** Whether the tables are gone that a step needs. */
export function isGone(thrown: unknown): boolean {
  return GONE.has(codeOf(thrown));
}

/** Whether something was to be written where nothing may be: in a read, or on a standby. */
export function isReadOnly(thrown: unknown): boolean {
  return codeOf(thrown) === '25006';
}

const OF_SOCKETS =
  /^(?:E(?:CONN|PIPE|TIMEDOUT|HOST|NET|ADDR|AI_|NOENT|ACCES|NOTFOUND|PROTO|PERM)|ERR_STREAM_|ERR_SOCKET_)/;
/** The client tells the end of a connection by its message only. */
const OF_CLIENT =
  /^(?:Connection terminated|Client has encountered a connection error|Client was closed|timeout expired|There was an error establishing an SSL connection)/;

function isOfConnection(thrown: unknown): boolean {
  return OF_SOCKETS.test(codeOf(thrown)) || (codeOf(thrown) === '' && OF_CLIENT.test(reasonOf(thrown)));
}

/** Whether nothing at all was heard of the server in time. */
export function isSilence(thrown: unknown): boolean {
  return codeOf(thrown instanceof WxError ? thrown.cause : thrown) === 'ETIMEDOUT';
}

/** Whether a server, or a pooler before it, has no more connections for us, as far as it says. */
export function isFull(thrown: unknown): boolean {
  const cause = thrown instanceof WxError && thrown.kind === 'network' ? thrown.cause : thrown;
  return [TOO_MANY, PROTOCOL].includes(codeOf(cause));
}

/** What gives a right that is missing. Whoever restores a backup as somebody else has the tables of that one. */
function whatGrants(reason: string, { schema, with: { user, database } }: ServerAddress): string {
  if (/must be owner/i.test(reason))
    return `let the owner of the tables run it, or restore them with: pg_restore --no-owner --role="${user}"`;
  if (/\bdatabase\b/i.test(reason)) return `GRANT CREATE ON DATABASE "${database}" TO "${user}"`;
  const what = /\b(?:schema|sequence)\b/i.exec(reason)?.[0].toLowerCase() ?? 'table';
  const all = what === 'schema' ? 'SCHEMA' : `ALL ${what.toUpperCase()}S IN SCHEMA`;
  return `GRANT ALL ON ${all} "${schema}" TO "${user}"`;
}

/** The error for a server that cannot be used, or that refuses what is asked of it. Its sentence has no password. */
export function serverError(address: ServerAddress, thrown: unknown): WxError {
  if (thrown instanceof WxError) return thrown;
  const code = codeOf(thrown);
  const reason = reasonOf(thrown) || code;
  const isOfPoolers = code === PROTOCOL;
  if (WRONG_LOGIN.test(code) || (isOfPoolers && LOGIN_AT_POOLER.test(reason)) || OF_SASL.test(reason)) {
    const isForTls = address.with.tls === 'disable' && /no encryption|SSL off/i.test(reason);
    const ofUser = /pg_hba\.conf/.test(reason)
      ? 'allow this host, user and database in pg_hba.conf of the server'
      : /^(?:Peer|Ident) /.test(reason)
        ? 'run it as the user of this machine who has that name, or let pg_hba.conf of the server ask for a password'
        : 'check user and password in the URL';
    return new WxError('not-logged-in', `the server refuses the login at ${address}: ${reason}`, {
      hint: isForTls ? 'say sslmode=require in the URL' : ofUser,
      cause: thrown,
    });
  }
  if (code === NO_RIGHT) {
    return new WxError('not-logged-in', `${address.with.user} lacks a right at ${address}: ${reason}`, {
      hint: whatGrants(reason, address),
      cause: thrown,
    });
  }
  if (code === NO_DATABASE || (isOfPoolers && DATABASE_AT_POOLER.test(reason))) {
    return new WxError('config', `there is no database ${address.with.database} at ${address}`, {
      hint: `createdb ${address.with.database}`,
      cause: thrown,
    });
  }
  if (CERTIFICATE.test(code)) {
    return new WxError('config', `the certificate of ${address} is not trusted: ${reason}`, {
      hint:
        code === OTHER_NAME
          ? 'name the host as its certificate does, or say sslmode=verify-ca in the URL'
          : 'add sslrootcert=<file with the certificate of its issuer> to the URL',
      cause: thrown,
    });
  }
  if (code === 'EPROTO' && address.with.isDirect) {
    return new WxError('config', `${address} offers no TLS at once, which sslnegotiation=direct asks for`, {
      hint: WITHOUT_DIRECT,
      cause: thrown,
    });
  }
  if (/^ERR_OSSL_/.test(code)) {
    return new WxError('config', `sslcert, sslkey or sslrootcert of ${address} cannot be used: ${reason}`, {
      hint: 'sslkey has to be the key of sslcert, in PEM and without a passphrase',
      cause: thrown,
    });
  }
  if (NO_POSTGRES.test(reason)) {
    return new WxError('network', `what answers at ${address} is not PostgreSQL`, {
      hint: 'check the host and the port of the URL',
      cause: thrown,
    });
  }
  if (NO_TLS.test(reason)) {
    return new WxError('config', `${address} offers no TLS, which sslmode=${address.with.tls} asks for`, {
      cause: thrown,
    });
  }
  if (isFaultOfStep(thrown)) {
    // Before any step, it is the connection that asks for something that is none.
    if ((thrown as { severity?: unknown }).severity !== 'FATAL') return asWxError(thrown);
    return new WxError('config', `${address} refuses the connection: ${reason}`, {
      hint: 'check options in the URL, with a blank as %20',
      cause: thrown,
    });
  }
  if (codeOf(thrown) === DISK_FULL) {
    return new WxError('storage', `the disk of the server is full (${address})`, { cause: thrown });
  }
  if (isShortage(thrown))
    return new WxError('storage', `this machine is short of room: ${reason}`, { cause: thrown });
  const kind = isOfConnection(thrown) || /^(?:08|57P0|25|53300)/.test(code) ? 'network' : 'storage';
  const hint =
    code === TOO_MANY
      ? 'raise max_connections, or put pgbouncer before it'
      : // So an older server ends what begins with TLS, and any server that stops.
        address.with.isDirect && /before secure TLS connection was established/.test(reason)
        ? WITHOUT_DIRECT
        : 'wxagent doctor';
  return new WxError(kind, `cannot use ${address}: ${reason}`, { hint, cause: thrown });
}
