import { SQLITE_EVENTS, SQLITE_EVENTS_FOR_READERS, SQLITE_WANTED_EVENTS } from '../events/event-schema.ts';

/**
 * Forward migrations of an SQLite database, applied in order; the number of those applied is SQLite's `user_version`.
 * Ids are TEXT (uint64 does not fit a double), content is BLOB (a text with NUL reads back cut).
 */
export const SQLITE_MIGRATIONS = [
  `
  CREATE TABLE accounts (
    account TEXT PRIMARY KEY,
    login TEXT NOT NULL,             -- digest of the token in use: a new login is a takeover
    owner TEXT,
    cursor TEXT NOT NULL DEFAULT '',
    login_expired INTEGER NOT NULL DEFAULT 0,
    last_poll_at INTEGER,
    pace_at INTEGER NOT NULL DEFAULT 0,       -- when the pace allows a part again, were there no burst
    recent_sends TEXT NOT NULL DEFAULT '[]',  -- wall-clock times of the last requests, newest last
    throttle_until INTEGER,
    throttle_step INTEGER NOT NULL DEFAULT 0
  ) WITHOUT ROWID;

  CREATE TABLE users (
    account TEXT NOT NULL,
    user TEXT NOT NULL,
    context_token TEXT,
    last_message_at INTEGER,
    last_message_seq INTEGER NOT NULL DEFAULT 0,
    sent INTEGER NOT NULL DEFAULT 0,          -- bot messages since the user's last one
    last_send_at INTEGER NOT NULL DEFAULT 0,
    session_id TEXT,
    turn INTEGER NOT NULL DEFAULT 0,
    lease TEXT,                               -- process that delivers to this user
    lease_until INTEGER NOT NULL DEFAULT 0,
    PRIMARY KEY (account, user)
  ) WITHOUT ROWID;

  CREATE TABLE inbox (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    id TEXT NOT NULL,
    user TEXT NOT NULL,
    state TEXT NOT NULL,
    reason TEXT,
    kind TEXT NOT NULL,
    fingerprint TEXT NOT NULL,
    context_token TEXT,
    created_at INTEGER,
    received_at INTEGER NOT NULL,
    raw BLOB NOT NULL,
    copies INTEGER NOT NULL DEFAULT 0,        -- duplicates seen
    attempt INTEGER NOT NULL DEFAULT 0,
    failures INTEGER NOT NULL DEFAULT 0,
    started_at INTEGER,
    child TEXT,                               -- JSON of the process of the running turn
    not_before INTEGER,
    session_id TEXT,
    turn INTEGER,
    detail BLOB,
    finished_at INTEGER
  );
  CREATE UNIQUE INDEX inbox_id ON inbox (account, id);
  CREATE INDEX inbox_content ON inbox (account, user, fingerprint, created_at);
  CREATE INDEX inbox_unfinished ON inbox (account, seq) WHERE state IN ('received', 'waiting', 'running');
  CREATE INDEX inbox_user ON inbox (account, user, seq);
  CREATE INDEX inbox_noted ON inbox (account, state) WHERE state IN ('failed', 'ignored');

  CREATE TABLE parts (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    user TEXT NOT NULL,
    client_id TEXT NOT NULL,
    message TEXT,                             -- id of the message this answers
    origin TEXT NOT NULL,
    run_id TEXT,
    text BLOB NOT NULL,
    file BLOB,                                -- JSON of the file to send; null for a text
    upload BLOB,                              -- what the CDN gave for it
    state TEXT NOT NULL,
    reason TEXT,
    server_id TEXT,
    send_id TEXT,                             -- send --id
    send_key TEXT,                            -- send --key
    expires_at INTEGER,                       -- send --ttl
    body BLOB,                                -- bytes of the request whose result is not known
    seen_seq INTEGER,                         -- the user's newest message when that request was made
    tries INTEGER NOT NULL DEFAULT 0,         -- definite refusals with an unknown code
    repeats INTEGER NOT NULL DEFAULT 0,       -- requests whose result stayed unknown
    throttled INTEGER NOT NULL DEFAULT 0,     -- has waited out a throttle
    not_before INTEGER NOT NULL DEFAULT 0,
    created_at INTEGER NOT NULL,
    held_at INTEGER,
    merged_into INTEGER,
    finished_at INTEGER
  );
  CREATE INDEX parts_open ON parts (account, user, seq) WHERE state IN ('queued', 'uploading', 'sending', 'held');
  CREATE INDEX parts_send_id ON parts (account, send_id) WHERE send_id IS NOT NULL;
  CREATE INDEX parts_expired ON parts (account, user) WHERE state = 'expired';
  `,
  `
  CREATE TABLE session_values (
    account TEXT NOT NULL,
    user TEXT NOT NULL,
    session_id TEXT NOT NULL,
    name TEXT NOT NULL,
    changed_at INTEGER NOT NULL,
    value BLOB NOT NULL,
    PRIMARY KEY (account, user, session_id, name)
  );
  `,
  `
  CREATE TABLE children (             -- processes of agents that live longer than a turn
    account TEXT NOT NULL,
    pid INTEGER NOT NULL,
    start_time TEXT NOT NULL,
    PRIMARY KEY (account, pid)
  ) WITHOUT ROWID;
  `,
  `
  ALTER TABLE inbox ADD COLUMN outputs TEXT;                     -- JSON: digests of what its turns have queued, in order
  ALTER TABLE inbox ADD COLUMN said INTEGER NOT NULL DEFAULT 0;  -- whether its user was told anything while it ran
  `,
  `
  CREATE TABLE media_keys (
    account TEXT NOT NULL,
    md5 TEXT NOT NULL,
    key BLOB NOT NULL,
    seen_at INTEGER NOT NULL,
    PRIMARY KEY (account, md5, key)
  );
  CREATE INDEX media_keys_age ON media_keys (seen_at);
  `,
  // Quotes of sent parts; messages with items of unknown kinds.
  `
  CREATE INDEX parts_server_id ON parts (account, server_id) WHERE server_id IS NOT NULL;
  ALTER TABLE inbox ADD COLUMN unknown_items INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX inbox_unknown ON inbox (account) WHERE unknown_items > 0;
  `,
  `
  ALTER TABLE parts ADD COLUMN unsure INTEGER NOT NULL DEFAULT 0;  -- refused after a request whose result stayed unknown
  `,
  `
  ALTER TABLE inbox ADD COLUMN text_from INTEGER NOT NULL DEFAULT 0;  -- where its text for the agent begins
  ALTER TABLE inbox ADD COLUMN burst INTEGER;  -- first message of the turn that this one is part of (--merge)
  CREATE INDEX inbox_burst ON inbox (burst) WHERE burst IS NOT NULL;
  -- From now on only what may still live is noted.
  UPDATE inbox SET child = NULL WHERE child IS NOT NULL AND state <> 'running';
  CREATE INDEX inbox_child ON inbox (account) WHERE child IS NOT NULL;

  CREATE TABLE allowed (
    account TEXT NOT NULL,
    user TEXT NOT NULL,
    since INTEGER NOT NULL,
    PRIMARY KEY (account, user)
  ) WITHOUT ROWID;
  `,
  // Every message and every reply asks whether the user has held parts.
  `
  CREATE INDEX parts_held ON parts (account, user, seq) WHERE state = 'held';
  `,
  // Messages of the same time are on the same page: ordered by user and content, each wrote a page of its own.
  `
  DROP INDEX inbox_content;
  CREATE INDEX inbox_content ON inbox (account, created_at, fingerprint);
  `,
  // Messages that were received without a runner: the next runner triages them.
  `
  ALTER TABLE inbox ADD COLUMN untriaged INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX inbox_untriaged ON inbox (account, seq) WHERE untriaged = 1;
  `,
  `
  CREATE TABLE server_time (  -- what was heard of the server's time, by the boot of this machine
    boot TEXT PRIMARY KEY,
    uptime_ms INTEGER NOT NULL,
    time_ms INTEGER NOT NULL
  ) WITHOUT ROWID;
  `,
  // Requests that cannot have arrived; the progress of an upload, for the processes that wait for it.
  `
  ALTER TABLE parts ADD COLUMN unsent INTEGER NOT NULL DEFAULT 0;  -- tries that found no connection
  ALTER TABLE parts ADD COLUMN upload_progress TEXT;               -- JSON: bytes of its file that have gone up, of how many
  `,
  `
  ALTER TABLE users ADD COLUMN language TEXT;  -- of the last text that had one: zh or en
  `,
  // The files of a lock can be deleted under its holder.
  `
  CREATE TABLE pollers (  -- processes that receive messages, beside their locks
    account TEXT PRIMARY KEY,
    claimant TEXT NOT NULL,
    purpose TEXT NOT NULL
  ) WITHOUT ROWID;
  `,
  // One lock for all accounts of a process.
  `
  ALTER TABLE pollers ADD COLUMN slot INTEGER;  -- which lock the process has; null: that of the account (earlier versions)
  `,
  // Where the content is; no row: here.
  `
  CREATE TABLE moves (
    store TEXT PRIMARY KEY,   -- names the content, wherever it goes
    state TEXT NOT NULL,      -- here, leaving, left, arriving
    other TEXT NOT NULL,      -- the other place
    mover TEXT NOT NULL       -- process that moves it
  ) WITHOUT ROWID;
  `,
  // Who may use the API: secrets are here as their SHA-256.
  `
  CREATE TABLE access_tokens (
    id TEXT PRIMARY KEY,      -- stands in the token itself
    name TEXT NOT NULL,
    scope TEXT NOT NULL,
    account TEXT,             -- the only one it is for
    user TEXT,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    last_used_at INTEGER,     -- to within five minutes
    digest TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX access_tokens_name ON access_tokens (name);

  CREATE TABLE access_codes (  -- one-time codes that are not used yet
    digest TEXT PRIMARY KEY,
    expires_at INTEGER NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE access_sessions (  -- browsers that came in by a code
    digest TEXT PRIMARY KEY,
    user_agent TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    last_seen_at INTEGER NOT NULL
  ) WITHOUT ROWID;

  CREATE TABLE audit (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    at INTEGER NOT NULL,
    who TEXT NOT NULL,
    act TEXT NOT NULL,
    account TEXT,
    about TEXT NOT NULL
  );
  `,
  SQLITE_EVENTS,
  // Links by which somebody else adds one account.
  `
  CREATE TABLE invitations (
    id TEXT PRIMARY KEY,      -- stands in the token of the link
    name TEXT NOT NULL,
    digest TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER NOT NULL,
    used_at INTEGER
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX invitations_name ON invitations (name);
  `,
  // Conversations: what was sent to a user, whose messages failed, and how far somebody has looked. Of indexes that it
  // holds equally good, SQLite takes the one made last: that must be one that has few rows.
  `
  CREATE INDEX parts_user ON parts (account, user, seq);
  DROP INDEX parts_open;
  DROP INDEX parts_expired;
  DROP INDEX parts_held;
  CREATE INDEX parts_open ON parts (account, user, seq) WHERE state IN ('queued', 'uploading', 'sending', 'held');
  CREATE INDEX parts_expired ON parts (account, user) WHERE state = 'expired';
  CREATE INDEX parts_held ON parts (account, user, seq) WHERE state = 'held';
  DROP INDEX inbox_noted;
  CREATE INDEX inbox_noted ON inbox (account, state, user) WHERE state IN ('failed', 'ignored');
  CREATE TABLE seen (
    account TEXT NOT NULL,
    user TEXT NOT NULL,
    seq INTEGER NOT NULL,
    PRIMARY KEY (account, user)
  ) WITHOUT ROWID;
  `,
  // Questions of programs (`ask`). The answer is stored with the message that brings it.
  `
  CREATE TABLE questions (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    user TEXT NOT NULL,
    number INTEGER NOT NULL,      -- by which the user can name it
    part INTEGER NOT NULL,        -- the part that asks
    fingerprint TEXT,             -- of what is asked: the same question may be taken over
    choices TEXT,                 -- JSON; null: any text is an answer
    timeout_ms INTEGER NOT NULL,  -- from the arrival of the part on
    asker TEXT,                   -- process that waits for the answer
    asker_until INTEGER NOT NULL DEFAULT 0,
    state TEXT NOT NULL,          -- open, answered, closed
    answer BLOB,
    choice INTEGER,
    told INTEGER NOT NULL DEFAULT 0,  -- the user knows what was wrong with an answer
    created_at INTEGER NOT NULL,
    finished_at INTEGER
  );
  CREATE INDEX questions_user ON questions (account, user, seq);
  `,
  `
  ALTER TABLE users ADD COLUMN renewed_seq INTEGER;  -- the user's newest message when the poll session was renewed for them
  `,
  // Programs of others that push; their tokens are here as their SHA-256.
  `
  CREATE TABLE sources (
    name TEXT PRIMARY KEY,
    account TEXT NOT NULL,
    user TEXT,                -- null: the owner
    title TEXT,
    template TEXT,            -- JSON
    ttl INTEGER,
    created_at INTEGER NOT NULL,
    last_used_at INTEGER,     -- to within five minutes
    digest TEXT NOT NULL
  ) WITHOUT ROWID;
  CREATE UNIQUE INDEX sources_digest ON sources (digest);
  `,
  // Users are asked for a word before their windows end.
  `
  ALTER TABLE accounts ADD COLUMN keeper TEXT;     -- JSON; null: nobody is asked
  ALTER TABLE users ADD COLUMN asked_seq INTEGER;  -- the user's newest message when they were asked
  `,
  `
  CREATE TABLE expected (       -- texts that are to come again and again, by the key of send --key
    account TEXT NOT NULL,
    key TEXT NOT NULL,
    user TEXT,                  -- who is told; null: the owner
    every_ms INTEGER NOT NULL,
    since INTEGER NOT NULL,
    last_seen_at INTEGER,
    missing_since INTEGER,      -- its user was told that it is missing
    PRIMARY KEY (account, key)
  ) WITHOUT ROWID;
  `,
  // Parts that were not confirmed in time go to a command.
  `
  ALTER TABLE parts ADD COLUMN fallback_from TEXT;      -- the state that a part has again if the command fails
  ALTER TABLE parts ADD COLUMN fallback_by TEXT;        -- process that runs the command
  ALTER TABLE parts ADD COLUMN fallback_until INTEGER;  -- end of its lease, or of the pause after it has failed
  ALTER TABLE parts ADD COLUMN fallback_tries INTEGER NOT NULL DEFAULT 0;
  CREATE INDEX parts_unarrived ON parts (account, seq) WHERE state IN ('unconfirmed', 'refused');
  CREATE INDEX parts_fallback ON parts (account, seq) WHERE state = 'fallback' AND finished_at IS NULL;
  `,
  SQLITE_WANTED_EVENTS,
  // Pushes that wait for their source's rule, or for others.
  `
  ALTER TABLE sources ADD COLUMN digest_ms INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sources ADD COLUMN limit_count INTEGER;
  ALTER TABLE sources ADD COLUMN limit_ms INTEGER;
  ALTER TABLE sources ADD COLUMN quiet TEXT;                          -- minutes of the day: from-to
  ALTER TABLE sources ADD COLUMN important INTEGER NOT NULL DEFAULT 0;
  ALTER TABLE sources ADD COLUMN sent TEXT NOT NULL DEFAULT '[]';     -- times of its texts within the limit
  ALTER TABLE sources ADD COLUMN uncounted INTEGER NOT NULL DEFAULT 0; -- pushes that were not kept, to be told
  ALTER TABLE parts ADD COLUMN source TEXT;                           -- which source pushed it
  CREATE INDEX parts_delayed ON parts (account, user, seq) WHERE state = 'delayed';
  `,
  `
  ALTER TABLE accounts ADD COLUMN deaf TEXT;  -- JSON: the sign that nothing is shown of what it sends
  `,
  `
  CREATE TABLE scheduled (      -- texts that are to be sent later (send --at)
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    account TEXT NOT NULL,
    user TEXT NOT NULL,
    text BLOB NOT NULL,
    format TEXT NOT NULL,
    at INTEGER NOT NULL,
    send_key TEXT,
    send_id TEXT,
    ttl_ms INTEGER,
    created_at INTEGER NOT NULL
  );
  CREATE INDEX scheduled_at ON scheduled (at);
  `,
  // What a source has for pushes that do not arrive.
  `
  ALTER TABLE sources ADD COLUMN fallback TEXT;       -- command; null: none of its own
  ALTER TABLE sources ADD COLUMN within_ms INTEGER;   -- how long a push may be unconfirmed
  ALTER TABLE parts ADD COLUMN important INTEGER NOT NULL DEFAULT 0;
  `,
  '', // Triggers of the log, which its first reader makes since.
  `
  ALTER TABLE pollers ADD COLUMN since INTEGER;  -- when it began to receive; null: noted by an earlier version
  `,
  SQLITE_EVENTS_FOR_READERS,
  // The start of a turn changes no column of it.
  `
  UPDATE inbox SET finished_at = received_at
    WHERE finished_at IS NULL AND state NOT IN ('received', 'waiting', 'running');
  DROP INDEX inbox_unfinished;
  CREATE INDEX inbox_unfinished ON inbox (account, seq) WHERE finished_at IS NULL;
  `,
  // Each push counts those of its source; what is due is looked for each second. A ttl ends a wait as well.
  `
  DROP INDEX parts_delayed;
  CREATE INDEX parts_delayed ON parts (account, user, source, run_id, created_at) WHERE state = 'delayed';
  CREATE INDEX parts_due ON parts (account, user, not_before) WHERE state = 'delayed';
  CREATE INDEX parts_pushed ON parts (account, user, source)
    WHERE source IS NOT NULL AND state IN ('queued', 'uploading', 'sending', 'held');
  CREATE INDEX parts_keyed ON parts (account, user, send_key) WHERE send_key IS NOT NULL AND finished_at IS NULL;
  CREATE INDEX questions_part ON questions (part);
  UPDATE parts SET not_before = expires_at WHERE state = 'delayed' AND expires_at < not_before;
  `,
];
