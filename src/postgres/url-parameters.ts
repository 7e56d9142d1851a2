import { WxError } from '../core/errors.ts';

/** Parameters that are obeyed; `server-address.ts` says how. */
const OBEYED = [
  ...[
    'host',
    'port',
    'user',
    'password',
    'dbname',
    'sslmode',
    'sslrootcert',
    'sslcert',
    'sslkey',
    'sslnegotiation',
  ],
  ...['channel_binding', 'connect_timeout', 'application_name', 'options', 'schema', 'prepare', 'pgbouncer'],
] as const;

export type Parameter = (typeof OBEYED)[number];

/**
 * Parameters of other clients that hosts print, with the values that change nothing here: what they ask for is so anyway.
 * wxagent takes only a server that can be written, keeps its connections alive, and speaks UTF-8.
 */
const GRANTED: Readonly<Record<string, RegExp>> = {
  target_session_attrs: /^(?:any|read-write|primary)$/,
  load_balance_hosts: /^disable$/,
  keepalives: /^1$/,
  keepalives_idle: /^\d+$/,
  keepalives_interval: /^\d+$/,
  keepalives_count: /^\d+$/,
  tcp_user_timeout: /^\d+$/,
  gssencmode: /^(?:disable|prefer)$/,
  sslsni: /^1$/,
  client_encoding: /^(?:auto|utf-?8|unicode)$/i,
  fallback_application_name: /^/,
  uselibpqcompat: /^true$/,
};

/** What to write instead of parameters of other programs. */
const INSTEAD: Readonly<Record<string, string>> = {
  ssl: 'sslmode=require',
  sslaccept: 'sslmode=verify-full',
  statement_cache_size: 'prepare=off',
  search_path: 'schema',
  currentSchema: 'schema',
};

/** Reads the parameters of a URL, decoded. Throws WxError `usage`; `decode` throws it for what is not encoded. */
export function parametersOf(query: string, decode: (text: string) => string): Map<Parameter, string> {
  const parameters = new Map<Parameter, string>();
  const seen = new Set<string>();
  for (const pair of query.split('&').filter((one) => one !== '')) {
    const [name = '', ...rest] = pair.split('=');
    if (seen.has(name)) throw refused(`the address of the store has the parameter "${name}" twice`);
    const value = (): string => decode(rest.join('='));
    if (isObeyed(name)) parameters.set(name, value());
    else if (Object.hasOwn(GRANTED, name)) checkGranted(name, value());
    else throw unknown(name);
    seen.add(name);
  }
  return parameters;
}

function isObeyed(name: string): name is Parameter {
  return (OBEYED as readonly string[]).includes(name);
}

function checkGranted(name: string, value: string): void {
  if (GRANTED[name]?.test(value)) return;
  throw refused(
    `the address of the store asks for something that wxagent cannot do, with "${name}": leave it out`,
  );
}

function unknown(name: string): WxError {
  const shown = /^[a-z_]{1,40}$/i.test(name) ? `"${name}"` : 'one';
  if (Object.hasOwn(INSTEAD, name)) {
    return refused(`the address of the store has the parameter ${shown}: write ${INSTEAD[name]} instead`);
  }
  return refused(
    `the address of the store has a parameter that is not known, ${shown}: leave it out. Known are ${OBEYED.join(', ')}`,
  );
}

/** The error for an address that cannot be used. */
export function refused(sentence: string): WxError {
  return new WxError('usage', sentence, {
    hint: 'postgres://user:password@host:5432/database?sslmode=verify-full',
  });
}
