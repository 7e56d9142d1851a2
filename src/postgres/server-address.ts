import { isIP } from 'node:net';
import { userInfo } from 'node:os';
import { WxError } from '../core/errors.ts';

/** How a connection is secured, in the words of PostgreSQL's own clients. */
export type TlsMode = (typeof TLS_MODES)[number];

const TLS_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;
const PARAMETERS = ['host', 'port', 'sslmode', 'sslrootcert', 'schema', 'prepare'];

/** As an `sslrootcert`: the certificates that Node trusts, which sign for names. */
const SYSTEM = 'system';
const DEFAULT_PORT = 5432;
const DEFAULT_SCHEMA = 'wxagent';
/** PostgreSQL cuts longer names without a word. */
const LONGEST_NAME = 63;

/** Where a database is, and how it is reached. The password is in no text of it: not in JSON, not in `inspect`. */
export class ServerAddress {
  /** A name, an address, or the folder of a socket. */
  readonly host: string;
  readonly port: number;
  readonly user: string;
  readonly database: string;
  readonly schema: string;
  readonly tls: TlsMode;
  /** File with the certificates that are trusted; null: those that Node trusts. */
  readonly rootCertificate: string | null;
  /** Whether the server keeps parsed statements for a connection, which some poolers do not bear. */
  readonly isPrepared: boolean;
  readonly #password: string | null;

  constructor(parts: Pick<ServerAddress, keyof ServerAddress & Parts> & { password: string | null }) {
    this.host = parts.host;
    this.port = parts.port;
    this.user = parts.user;
    this.database = parts.database;
    this.schema = parts.schema;
    this.tls = parts.tls;
    this.rootCertificate = parts.rootCertificate;
    this.isPrepared = parts.isPrepared;
    this.#password = parts.password;
  }

  get isSocket(): boolean {
    return this.host.startsWith('/');
  }

  /** Null: the URL has none. */
  password(): string | null {
    return this.#password;
  }

  /** The URL without its password, for messages. */
  toString(): string {
    const { host, port, user, database, schema } = this;
    const at = this.isSocket ? '' : `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
    const parameters = [
      ...(this.isSocket ? [`host=${host}`] : []),
      ...(schema === DEFAULT_SCHEMA ? [] : [`schema=${schema}`]),
    ];
    const query = parameters.length > 0 ? `?${parameters.join('&')}` : '';
    return `postgres://${user}@${at}/${database}${query}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

type Parts = 'host' | 'port' | 'user' | 'database' | 'schema' | 'tls' | 'rootCertificate' | 'isPrepared';

/**
 * Reads `postgres://user:password@host:port/database?parameters`. Throws WxError `usage`. No message repeats what may be a
 * piece of the password: a character that is not encoded there moves the pieces that follow.
 */
export function parseServerUrl(text: string): ServerAddress {
  const match = /^postgres(?:ql)?:\/\/([^/?#]*)(?:\/([^?#]*))?(?:\?([^#]*))?(#.*)?$/is.exec(text.trim());
  if (!match) throw refused('the address of the store is not a URL of PostgreSQL');
  const [, authority = '', path = '', query = '', fragment] = match;
  if (fragment !== undefined || `${path}${query}`.includes('@') || /[\s\p{Cc}]/u.test(text.trim())) {
    throw notEncoded();
  }
  const at = authority.lastIndexOf('@');
  const login = authority.slice(0, Math.max(at, 0));
  const colon = login.indexOf(':');
  const place = placeOf(authority.slice(at + 1));
  const parameters = parametersOf(query);
  const host = parameters.get('host') || place.host || 'localhost';
  const port = parameters.get('port') ?? place.port ?? String(DEFAULT_PORT);
  if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535) {
    throw refused('the address of the store has a port that is not a number from 1 to 65535');
  }
  if (!host.startsWith('/') && !isIP(host) && !/^[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*\.?$/u.test(host)) {
    throw refused(
      host.includes(',')
        ? 'the address of the store names several hosts, but only one can be used'
        : 'the address of the store has a host that is not a host name',
    );
  }
  const user = decoded(colon < 0 ? login : login.slice(0, colon)) || userInfo().username;
  const address = {
    host,
    port: Number(port),
    user,
    database: decoded(path) || user,
    schema: schemaOf(parameters.get('schema') ?? DEFAULT_SCHEMA),
    isPrepared: isOn(parameters.get('prepare') ?? 'on'),
  };
  const password = colon < 0 ? null : decoded(login.slice(colon + 1));
  const named = parameters.get('sslrootcert') ?? null;
  const tls = tlsOf(parameters.get('sslmode') ?? 'prefer', host, named);
  return new ServerAddress({ ...address, tls, rootCertificate: named === SYSTEM ? null : named, password });
}

/** The host and port of a URL; the folder of a socket may stand there, encoded. */
function placeOf(text: string): { host: string; port: string | undefined } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/s.exec(text) ?? [];
  if (bracketed !== undefined && isIP(bracketed) !== 6)
    throw refused('the address of the store has a host that is not a host name');
  const host = bracketed ?? plain;
  if (host === undefined)
    throw refused(
      'the address of the store has a host that is not a host name (an IPv6 address stands in brackets)',
    );
  return { host: decoded(host), port: port || undefined };
}

function parametersOf(query: string): Map<string, string> {
  const parameters = new Map<string, string>();
  for (const pair of query.split('&').filter((one) => one !== '')) {
    const [name = '', ...rest] = pair.split('=');
    if (!PARAMETERS.includes(name)) {
      const shown = /^[a-z_]{1,40}$/i.test(name) ? `"${name}"` : 'one';
      throw refused(
        `the address of the store has a parameter that is not known, ${shown}. Known are ${PARAMETERS.join(', ')}`,
      );
    }
    if (parameters.has(name)) throw refused(`the address of the store has the parameter "${name}" twice`);
    parameters.set(name, decoded(rest.join('=')));
  }
  return parameters;
}

function schemaOf(name: string): string {
  const isReserved = name.startsWith('pg_') || name === 'information_schema';
  if (/^[a-z_][a-z0-9_]*$/.test(name) && name.length <= LONGEST_NAME && !isReserved) return name;
  throw refused(
    `the address of the store has a schema that cannot be used: its name has up to ${LONGEST_NAME} small letters, digits and underscores, and does not begin with a digit or with pg_`,
  );
}

function isOn(text: string): boolean {
  if (text !== 'on' && text !== 'off')
    throw refused('the address of the store has a "prepare" that is neither on nor off');
  return text === 'on';
}

/** TLS protects nothing on a socket of this machine. Whoever names certificates wants them to be checked. */
function tlsOf(mode: string, host: string, rootCertificate: string | null): TlsMode {
  if (!isTlsMode(mode)) {
    throw refused(
      `the address of the store has an sslmode that is not known. Known are ${TLS_MODES.join(', ')}; "no-verify" is "require" here`,
    );
  }
  if (host.startsWith('/')) return 'disable';
  if (rootCertificate === null) return mode;
  if (mode === 'disable') throw refused('the address of the store has an sslrootcert, but sslmode=disable');
  return mode === 'verify-full' || rootCertificate === SYSTEM ? 'verify-full' : 'verify-ca';
}

function isTlsMode(text: string): text is TlsMode {
  return (TLS_MODES as readonly string[]).includes(text);
}

function decoded(text: string): string {
  let plain: string;
  try {
    plain = decodeURIComponent(text);
  } catch {
    throw notEncoded();
  }
  if (plain.includes('\0')) throw refused('the address of the store has a NUL character');
  return plain;
}

function notEncoded(): WxError {
  return refused(
    'the address of the store has characters that must be encoded: # as %23, % as %25, / as %2F, ? as %3F, @ as %40, a blank as %20',
  );
}

function refused(sentence: string): WxError {
  return new WxError('usage', sentence, {
    hint: 'postgres://user:password@host:5432/database?sslmode=verify-full',
  });
}
