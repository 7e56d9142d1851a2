import { isIP } from 'node:net';
import { userInfo } from 'node:os';
import type { WxError } from '../core/errors.ts';
import { type Parameter, parametersOf, refused } from './url-parameters.ts';

/** How a connection is secured, in the words of PostgreSQL's own clients. */
export type TlsMode = (typeof TLS_MODES)[number];

const TLS_MODES = ['disable', 'prefer', 'require', 'verify-ca', 'verify-full'] as const;

/** As an `sslrootcert`: the certificates that Node trusts, which sign for names. */
const SYSTEM = 'system';
const DEFAULT_PORT = 5432;
const DEFAULT_SCHEMA = 'wxagent';
/** PostgreSQL cuts longer names without a word. */
const LONGEST_NAME = 63;

/** A place where a server may answer. */
export interface Place {
  /** A name, an address, or the folder of a socket. */
  host: string;
  port: number;
}

/** What else a connection is made of. */
interface ConnectionParts {
  user: string;
  database: string;
  schema: string;
  tls: TlsMode;
  /** File with the certificates that are trusted; null: those that Node trusts. */
  rootCertificate: string | null;
  /** Files with the certificate by which this client is known, and its key. */
  clientCertificate: { certificate: string; key: string } | null;
  /** TLS begins at once, without a question in plain text before it. */
  isDirect: boolean;
  /** The server has to prove that it knows the password, over this very connection. */
  isBound: boolean;
  /** The longest time for a connection to be made; null: as usual. */
  connectMs: number | null;
  applicationName: string;
  /** What the server is told with a new connection; null: nothing. */
  options: string | null;
  /** Whether the server keeps parsed statements for a connection, which some poolers do not bear. */
  isPrepared: boolean;
}

/** Where a database is, and how it is reached. The password is in no text of it: not in JSON, not in `inspect`. */
export class ServerAddress {
  /** In the order in which they are tried: that of them counts which can be written. */
  readonly places: readonly Place[];
  readonly with: Readonly<ConnectionParts>;
  readonly #password: string | null;

  constructor(places: readonly Place[], parts: ConnectionParts, password: string | null) {
    this.places = places;
    this.with = parts;
    this.#password = password;
  }

  get schema(): string {
    return this.with.schema;
  }

  get isPrepared(): boolean {
    return this.with.isPrepared;
  }

  /** Null: the URL has none. */
  password(): string | null {
    return this.#password;
  }

  /** The same database at one of its places. */
  at(place: Place): ServerAddress {
    return new ServerAddress([place], this.with, this.#password);
  }

  /** The URL without its password, for messages. */
  toString(): string {
    const { user, database, schema } = this.with;
    const sockets = this.places.filter(isSocket).map(({ host }) => host);
    const at = this.places.filter((place) => !isSocket(place)).map(shownPlace);
    const parameters = [
      ...(sockets.length > 0 ? [`host=${sockets.join(',')}`] : []),
      ...(schema === DEFAULT_SCHEMA ? [] : [`schema=${schema}`]),
    ];
    const query = parameters.length > 0 ? `?${parameters.join('&')}` : '';
    return `postgres://${user}@${at.join(',')}/${database}${query}`;
  }

  toJSON(): string {
    return this.toString();
  }
}

/** Whether a place is a socket of this machine. */
export function isSocket({ host }: Place): boolean {
  return host.startsWith('/');
}

function shownPlace({ host, port }: Place): string {
  return `${isIP(host) === 6 ? `[${host}]` : host}:${port}`;
}

/** Reads a URL of PostgreSQL. Throws WxError `usage`, whose message repeats nothing that may be of the password. */
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
  const given = parametersOf(query, decoded);
  const places = placesOf(authority.slice(at + 1), given);
  const ofUser = colon < 0 ? login : login.slice(0, colon);
  const user = decoded(ofUser) || given.get('user') || userInfo().username;
  // An empty one is none, as for PostgreSQL's own clients.
  const password = (colon < 0 ? given.get('password') : decoded(login.slice(colon + 1))) || null;
  const sealing = tlsOf(given, places.every(isSocket));
  const address = {
    ...sealing,
    user,
    database: decoded(path) || given.get('dbname') || user,
    schema: schemaOf(given.get('schema') ?? DEFAULT_SCHEMA),
    isPrepared: isOn('prepare', given, 'on', 'off') && !isOn('pgbouncer', given, 'true', 'false', 'false'),
    connectMs: connectMsOf(given.get('connect_timeout') ?? '0'),
    applicationName: given.get('application_name') || 'wxagent',
    options: given.get('options') || null,
  };
  return new ServerAddress(places, address, password);
}

/** The hosts and ports of a URL: one, or several with commas between them. */
function placesOf(authority: string, given: ReadonlyMap<Parameter, string>): Place[] {
  const inUrl = authority.split(',').map(placeOf);
  const named = given.get('host')?.split(',');
  const hosts = named ?? inUrl.map(({ host }) => host);
  const ports = given.get('port')?.split(',') ?? inUrl.map(({ port }) => port ?? '');
  if (ports.length > 1 && ports.length !== hosts.length)
    throw refused('the address of the store does not have as many ports as hosts');
  return hosts.map((host, index) => {
    const port = (ports.length === 1 ? ports[0] : ports[index]) || String(DEFAULT_PORT);
    if (!/^\d{1,5}$/.test(port) || Number(port) < 1 || Number(port) > 65_535)
      throw refused('the address of the store has a port that is not a number from 1 to 65535');
    // A socket may lie in a folder of any name; a comma between hosts with nothing before it is a slip of the pen.
    const known = host || (hosts.length === 1 ? 'localhost' : '');
    if (!known.startsWith('/') && !isIP(known) && !HOST_NAME.test(known))
      throw refused('the address of the store has a host that is not a host name');
    return { host: known, port: Number(port) };
  });
}

const HOST_NAME = /^[\p{L}\p{N}_-]+(?:\.[\p{L}\p{N}_-]+)*\.?$/u;

/** A host and port of a URL; the folder of a socket may stand there, encoded. */
function placeOf(text: string): { host: string; port: string | undefined } {
  const [, bracketed, plain, port] = /^(?:\[([^\]]*)\]|([^:]*))(?::(.*))?$/s.exec(text) ?? [];
  if (bracketed !== undefined && isIP(bracketed) !== 6)
    throw refused('the address of the store has a host that is not a host name');
  const host = bracketed ?? plain;
  if (host === undefined)
    throw refused(
      'the address of the store has a host that is not a host name (write an IPv6 address in brackets)',
    );
  return { host: decoded(host), port: port || undefined };
}

function schemaOf(name: string): string {
  const isReserved = name.startsWith('pg_') || name === 'information_schema';
  if (/^[a-z_][a-z0-9_]*$/.test(name) && name.length <= LONGEST_NAME && !isReserved) return name;
  throw refused(
    `the address of the store has a schema that cannot be used: its name has up to ${LONGEST_NAME} small letters, digits and underscores, and does not begin with a digit or with pg_`,
  );
}

/** A parameter of two values; without it, it is the first one, or `otherwise`. */
function isOn(
  name: Parameter,
  given: ReadonlyMap<Parameter, string>,
  on: string,
  off: string,
  otherwise = on,
): boolean {
  const value = given.get(name) ?? otherwise;
  if (value !== on && value !== off)
    throw refused(`the address of the store has a "${name}" that is neither ${on} nor ${off}`);
  return value === on;
}

function connectMsOf(seconds: string): number | null {
  if (!/^\d{1,6}$/.test(seconds))
    throw refused('the address of the store has a connect_timeout that is not a number of seconds');
  return seconds === '0' ? null : Number(seconds) * 1_000;
}

type Sealing = Pick<
  ConnectionParts,
  'tls' | 'rootCertificate' | 'clientCertificate' | 'isDirect' | 'isBound'
>;

/** TLS protects nothing on a socket of this machine. Whoever names certificates wants them to be checked. */
function tlsOf(given: ReadonlyMap<Parameter, string>, areSockets: boolean): Sealing {
  const mode = given.get('sslmode') ?? 'prefer';
  if (!isTlsMode(mode)) {
    throw refused(
      `the address of the store has an sslmode that is not known. Known are ${TLS_MODES.join(', ')}; "no-verify" is "require" here`,
    );
  }
  const named = given.get('sslrootcert') ?? null;
  if (named !== null && mode === 'disable')
    throw refused('the address of the store has an sslrootcert, but sslmode=disable');
  const certificate = given.get('sslcert') ?? null;
  const key = given.get('sslkey') ?? null;
  if ((certificate === null) !== (key === null))
    throw refused('the address of the store has one of sslcert and sslkey, but not the other');
  const isDirect = !isOn('sslnegotiation', given, 'postgres', 'direct');
  if (isDirect && (mode === 'disable' || mode === 'prefer'))
    throw refused('the address of the store has sslnegotiation=direct, which needs sslmode=require or more');
  const binding = given.get('channel_binding') ?? 'prefer';
  if (!/^(?:disable|prefer|require)$/.test(binding))
    throw refused(
      'the address of the store has a channel_binding that is neither disable, prefer nor require',
    );
  const checked = mode === 'verify-full' || named === SYSTEM ? 'verify-full' : 'verify-ca';
  return {
    tls: areSockets ? 'disable' : named === null ? mode : checked,
    rootCertificate: named === SYSTEM ? null : named,
    clientCertificate: certificate === null || key === null ? null : { certificate, key },
    isDirect,
    isBound: binding === 'require',
  };
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
