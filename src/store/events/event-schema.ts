/**
 * The log of state events, and the triggers that write it. A trigger writes in the transaction of the change, whatever step
 * makes it and in whatever process: no step can forget it, and it costs no statement and no way to a server.
 */

/** The transaction that writes an event. */
const XID = 'CAST(CAST(pg_current_xact_id() AS TEXT) AS BIGINT)';

/** Events of a message: those of its turn, while it runs or has just run. */
const OF_TURN = "NEW.state = 'running' OR OLD.state = 'running'";
const TURN_MS = "CASE WHEN OLD.state = 'running' THEN NEW.finished_at - NEW.started_at END";
/** A verdict says what is known of a part; before there is one, it is on its way. */
const KIND_OF_PART =
  "CASE WHEN NEW.state IN ('queued', 'uploading', 'sending') THEN 'part' ELSE 'verdict' END";
const LOGIN_STATE = "CASE NEW.login_expired WHEN 1 THEN 'expired' ELSE 'ok' END";
/** A turn that comes with its end has moved here from another store: nothing has happened. */
const IS_NEWS = 'NEW.finished_at IS NULL OR NEW.attempt = 0';

const NOTE = 'INSERT INTO events (kind, account, "user", message, subject, state, ms)';
const ofMessage = (kind: string, ms: string): string =>
  `${NOTE} VALUES (${kind}, NEW.account, NEW."user", NEW.id, NULL, NEW.state, ${ms});`;
const PART = `${NOTE} VALUES (${KIND_OF_PART}, NEW.account, NEW."user", NEW.message, CAST(NEW.seq AS TEXT), NEW.state, NULL);`;
const LOGIN = `${NOTE} VALUES ('login', NEW.account, NULL, NULL, NULL, ${LOGIN_STATE}, NULL);`;
const ofService = (account: string, subject: string, state: string): string =>
  `${NOTE} VALUES ('worker', ${account}, NULL, NULL, ${subject}, ${state}, NULL);`;
const CHANGED_STATE = 'OLD.state <> NEW.state';
const CHANGED_LOGIN = 'OLD.login <> NEW.login OR OLD.login_expired <> NEW.login_expired';

/** How long events are kept: for whoever comes back, not for ever. */
export const EVENTS_KEPT_MS = 24 * 3_600_000;
/** When SQLite stops writing the log, if nobody reads it from now on: later than anybody may come back. */
export const WANTED_UNTIL = `unixepoch() + ${EVENTS_KEPT_MS / 1_000 + 3_600}`;

/** When something is noted, and what. */
interface Trigger {
  name: string;
  on: string;
  when: string;
  note: string;
}

const ofScheduled = (row: string, state: string): string =>
  `${NOTE} VALUES ('scheduled', ${row}.account, ${row}."user", NULL, CAST(${row}.seq AS TEXT), '${state}', NULL);`;

/** What both databases note alike. */
const TRIGGERS: readonly Trigger[] = [
  { name: 'event_new_message', on: 'INSERT ON inbox', when: IS_NEWS, note: ofMessage("'message'", 'NULL') },
  {
    name: 'event_message',
    on: 'UPDATE OF state ON inbox',
    when: CHANGED_STATE,
    note: ofMessage(`CASE WHEN ${OF_TURN} THEN 'turn' ELSE 'message' END`, TURN_MS),
  },
  { name: 'event_new_part', on: 'INSERT ON parts', when: 'NEW.finished_at IS NULL', note: PART },
  { name: 'event_part', on: 'UPDATE OF state ON parts', when: CHANGED_STATE, note: PART },
  { name: 'event_new_login', on: 'INSERT ON accounts', when: '1 = 1', note: LOGIN },
  { name: 'event_login', on: 'UPDATE OF login, login_expired ON accounts', when: CHANGED_LOGIN, note: LOGIN },
];

/** The same, on PostgreSQL since a later migration: texts that wait for their time, and what was granted or removed. */
const LATER: readonly Trigger[] = [
  { name: 'event_scheduled', on: 'INSERT ON scheduled', when: '1 = 1', note: ofScheduled('NEW', 'waiting') },
  { name: 'event_no_scheduled', on: 'DELETE ON scheduled', when: '1 = 1', note: ofScheduled('OLD', 'ended') },
  {
    name: 'event_audit',
    on: 'INSERT ON audit',
    when: '1 = 1',
    note: `${NOTE} VALUES ('audit', NEW.account, NULL, NULL, NULL, NEW.act, NULL);`,
  },
];

/** Who serves accounts in a home. */
const OF_POLLERS: readonly Trigger[] = [
  {
    name: 'event_poller',
    on: 'INSERT ON pollers',
    when: "NEW.purpose = 'serve'",
    note: ofService('NEW.account', 'NULL', "'serving'"),
  },
  {
    name: 'event_other_poller',
    on: 'UPDATE OF claimant ON pollers',
    when: "NEW.purpose = 'serve' AND OLD.claimant <> NEW.claimant",
    note: ofService('NEW.account', 'NULL', "'serving'"),
  },
  {
    name: 'event_no_poller',
    on: 'DELETE ON pollers',
    when: "OLD.purpose = 'serve'",
    note: ofService('OLD.account', 'NULL', "'free'"),
  },
];

/** Who serves accounts of a server. */
const OF_WORKERS: readonly Trigger[] = [
  {
    name: 'event_worker',
    on: 'INSERT ON workers',
    when: "NEW.purpose <> 'look'",
    note: ofService('NULL', 'NEW.name', "'started'"),
  },
  {
    name: 'event_no_worker',
    on: 'DELETE ON workers',
    when: "OLD.purpose <> 'look'",
    note: ofService('NULL', 'OLD.name', "'ended'"),
  },
  {
    name: 'event_lease',
    on: 'UPDATE OF worker ON leases',
    when: 'OLD.worker IS DISTINCT FROM NEW.worker',
    note: ofService(
      'NEW.account',
      'NEW.last_name',
      "CASE WHEN NEW.worker IS NULL THEN 'free' ELSE 'serving' END",
    ),
  },
];

const ON_SQLITE = [...TRIGGERS, ...LATER, ...OF_POLLERS];

/** Has SQLite write the log; see `wantEvents`. */
export const WRITE_LOG = ON_SQLITE.map(
  ({ name, on, when, note }) => `CREATE TRIGGER ${name} AFTER ${on} WHEN ${when} BEGIN ${note} END`,
);
/** Has SQLite write it no longer. */
export const END_LOG = ON_SQLITE.map(({ name }) => `DROP TRIGGER IF EXISTS ${name}`);

export const SQLITE_EVENTS = `
  CREATE TABLE events (
    xid INTEGER NOT NULL DEFAULT 0,  -- PostgreSQL: the transaction
    seq INTEGER PRIMARY KEY,
    at INTEGER NOT NULL DEFAULT (CAST(unixepoch('subsec') * 1000 AS INTEGER)),
    kind TEXT NOT NULL,
    account TEXT,
    user TEXT,
    message TEXT,
    subject TEXT,                    -- number of the part, name of the worker
    state TEXT NOT NULL,
    ms INTEGER                       -- how long a turn took that has ended
  );
`;

/** SQLite's second migration: the log is written only while it is wanted. */
export const SQLITE_WANTED_EVENTS = `
  CREATE TABLE event_log (wanted_until INTEGER NOT NULL);  -- seconds since 1970; 0: it is not written
  INSERT INTO event_log VALUES (0);
`;

/** The third: there are triggers only while it is wanted. One that was wanted before begins anew. */
export const SQLITE_EVENTS_FOR_READERS = `
  UPDATE event_log SET wanted_until = 0;
  ${END_LOG.join(';\n  ')};
`;

/**
 * The function of a trigger on PostgreSQL. Whoever writes, and whatever the schema is called by now, an event goes into the
 * schema of what it tells of. With a path of its own (`SET`), a function gives back that of its caller at its end.
 */
const postgresFunction = ({ name, note }: Trigger): string =>
  `CREATE OR REPLACE FUNCTION ${name}() RETURNS trigger LANGUAGE plpgsql SET search_path FROM CURRENT AS
     $$ BEGIN PERFORM set_config('search_path', quote_ident(TG_TABLE_SCHEMA) || ', pg_temp', true); ${note} RETURN NULL; END $$`;

/** The statements of a trigger on PostgreSQL. */
const postgresTrigger = (trigger: Trigger): string[] => {
  const { name, on, when } = trigger;
  return [
    postgresFunction(trigger),
    `CREATE TRIGGER ${name} AFTER ${on} FOR EACH ROW WHEN (${when}) EXECUTE FUNCTION ${name}()`,
  ];
};

/** The migration of PostgreSQL. `key`: the type of IDs. */
export const postgresEvents = (key: string): string[] => [
  `CREATE TABLE events (
     xid BIGINT NOT NULL DEFAULT ${XID},
     seq BIGINT GENERATED BY DEFAULT AS IDENTITY,
     at BIGINT NOT NULL DEFAULT CAST(extract(epoch FROM clock_timestamp()) * 1000 AS BIGINT),
     kind TEXT NOT NULL,
     account ${key},
     "user" ${key},
     message ${key},
     subject TEXT,
     state TEXT NOT NULL,
     ms BIGINT,
     PRIMARY KEY (xid, seq)
   )`,
  ...[...TRIGGERS, ...OF_WORKERS].flatMap(postgresTrigger),
];

/** PostgreSQL's migration of {@link LATER}. */
export const POSTGRES_LATER_EVENTS: string[] = LATER.flatMap(postgresTrigger);

/** PostgreSQL's migration of functions that went by the name which the schema had when it was made. */
export const POSTGRES_EVENTS_IN_PLACE: string[] = [...TRIGGERS, ...OF_WORKERS, ...LATER].map(
  postgresFunction,
);
