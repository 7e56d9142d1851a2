import type { Account, AccountList } from '../../home/config-file.ts';
import { type NewLogin, placeLogin } from '../../home/credentials.ts';
import { all, one, type Row, run, type Statement, type Step, together } from '../../sql/statement.ts';
import type { Sealing } from './sealing.ts';

const NEXT_CHANGE = "nextval('credentials_changes')";

/** What is sealed: the token, and where it may be sent, so that who can write the database does not get it sent elsewhere. */
const SECRETS = ['token', 'baseUrl', 'namedUrl', 'cdnUrl'] as const;
type Secret = Pick<Account, (typeof SECRETS)[number]>;

/** Logins as they were read. */
export interface KnownLogins {
  list: AccountList;
  /** The newest change among them. */
  upto: number;
}

/** How many there are, the newest change, and the default one. */
const STATE = `SELECT count(*) AS n, COALESCE(max(changed), 0) AS newest,
  (SELECT account FROM credentials WHERE is_default = 1 LIMIT 1) AS chosen FROM credentials`;
const CHANGED = `SELECT account, id, former_ids, name, owner, logged_in_at, sealed FROM credentials
  WHERE changed > ? ORDER BY seq`;

/**
 * Who is logged in, the first login first, and the accounts that are sealed otherwise than they would be now. Of what is
 * `known` only what has changed since is read: with ten thousand logins, each of them would cost all workers the reading of
 * all. `logins` is what is known when nothing has changed.
 */
export function* credentials(
  sealing: Sealing,
  known: KnownLogins | null = null,
): Step<{ logins: KnownLogins; outdated: string[] }> {
  const [state, rows] = yield* together(one(STATE), all(CHANGED, known?.upto ?? -1));
  const { n, newest, chosen } = state as { n: number; newest: number; chosen: string | null };
  if (known?.upto === newest && known.list.accounts.length === n) return { logins: known, outdated: [] };
  const outdated: string[] = [];
  const accounts = new Map(known?.list.accounts.map((account) => [account.key, account]));
  for (const row of rows) {
    const key = row.account as string;
    // Who needs no login needs no key. With one, it is told at once whether it is the right one.
    if (sealing.isDecrypting && !sealing.isCurrent(key, row.sealed as string)) outdated.push(key);
    accounts.set(
      key,
      lazily(publicOf(row), () => secretOf(sealing, row)),
    );
  }
  // Some have logged out, or a backup was restored: then only all that are there can tell.
  if (known && (accounts.size !== n || newest < known.upto)) return yield* credentials(sealing);
  const list = { accounts: [...accounts.values()], defaultAccount: chosen };
  return { logins: { list, upto: newest }, outdated };
}

function secretOf(sealing: Sealing, row: Row): Secret {
  return JSON.parse(sealing.open(row.account as string, row.sealed as string)) as Secret;
}

/** An account whose secrets are opened when they are first read: a worker reads those of the accounts that it serves. */
function lazily(known: Omit<Account, keyof Secret>, open: () => Secret): Account {
  let secret: Secret | null = null;
  const opened = (): Secret => (secret ??= open());
  const properties = SECRETS.map((name) => [name, { get: () => opened()[name], enumerable: true }] as const);
  return Object.defineProperties(known, Object.fromEntries(properties)) as Account;
}

function publicOf(row: Row): Omit<Account, keyof Secret> {
  return {
    key: row.account as string,
    id: row.id as string,
    formerIds: JSON.parse(row.former_ids as string) as string[],
    name: row.name as string | null,
    owner: row.owner as string | null,
    loggedInAt: row.logged_in_at as string,
  };
}

/** Whether all logins are sealed; null: there are none. */
export function* areSealed(): Step<boolean | null> {
  const row = yield* one(
    "SELECT count(*) AS n, count(*) FILTER (WHERE sealed LIKE 'plain.%') AS plain FROM credentials",
  );
  return row?.n === 0 ? null : row?.plain === 0;
}

/** Stores a login; see `Logins.saveLogin`. */
export function* putLogin(login: NewLogin, sealing: Sealing): Step<Account> {
  const { logins } = yield* credentials(sealing);
  const account = placeLogin(logins.list.accounts, login);
  yield* storeLogin(account, sealing);
  return account;
}

function storeLogin(account: Account, sealing: Sealing): Statement<number> {
  return run(
    `INSERT INTO credentials (account, id, former_ids, name, owner, logged_in_at, sealed, changed)
       VALUES (?, ?, ?, ?, ?, ?, ?, ${NEXT_CHANGE})
       ON CONFLICT (account) DO UPDATE SET id = excluded.id, former_ids = excluded.former_ids, name = excluded.name,
         owner = excluded.owner, logged_in_at = excluded.logged_in_at, sealed = excluded.sealed, changed = excluded.changed`,
    ...[account.key, account.id, JSON.stringify(account.formerIds), account.name, account.owner],
    ...[account.loggedInAt, sealed(account, sealing)],
  );
}

/** Puts other logins in the place of all that are there; see `Logins.replace`. */
export function* replaceLogins({ accounts, defaultAccount }: AccountList, sealing: Sealing): Step<void> {
  yield* run('DELETE FROM credentials');
  for (const account of accounts) yield* storeLogin(account, sealing);
  if (defaultAccount !== null) yield* useLogin(defaultAccount);
}

/** Seals accounts anew, with the first key. One that was changed stays as it is: whoever serves it says so. */
export function* sealAgain(keys: readonly string[], sealing: Sealing): Step<void> {
  const { logins } = yield* credentials(sealing);
  for (const account of logins.list.accounts.filter(({ key }) => keys.includes(key))) {
    let renewed: string;
    try {
      renewed = sealed(account, sealing);
    } catch {
      continue;
    }
    const update = `UPDATE credentials SET sealed = ?, changed = ${NEXT_CHANGE} WHERE account = ?`;
    yield* run(update, renewed, account.key);
  }
}

function sealed({ key, token, baseUrl, namedUrl, cdnUrl }: Account, sealing: Sealing): string {
  return sealing.seal(key, JSON.stringify({ token, baseUrl, namedUrl, cdnUrl } satisfies Secret));
}

/** Forgets a login. */
export function* removeLogin(key: string): Step<void> {
  yield* run('DELETE FROM credentials WHERE account = ?', key);
}

/** Makes an account the default. */
export function* useLogin(key: string): Step<void> {
  yield* run(
    `UPDATE credentials SET is_default = CASE WHEN account = ?1 THEN 1 ELSE 0 END, changed = ${NEXT_CHANGE}
       WHERE is_default = 1 OR account = ?1`,
    key,
  );
}
