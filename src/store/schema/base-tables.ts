/** The types of columns, and what tables end with, in one of the databases. */
export interface ColumnTypes {
  /** Names and IDs: they are compared and sorted by their bytes. */
  key: string;
  /** Whole numbers, which times in milliseconds are. */
  whole: string;
  /** Content: in SQLite, a text with NUL reads back cut. */
  bytes: string;
  /** The number of a row, which no other row ever had. */
  numbered: string;
  /** Ends a table whose rows lie in the order of their key. */
  byKey: string;
}

/**
 * The first migrations, from before there was a store on PostgreSQL: there they are one. Ids are texts, since uint64 does not
 * fit a double. `user` is in quotes: without them it is, on PostgreSQL, the name of the role.
 */
export const baseMigrations = ({ key, whole, bytes, numbered, byKey }: ColumnTypes): string[][] => [
  [
    `CREATE TABLE accounts (
      account ${key} PRIMARY KEY,
      login TEXT NOT NULL,             -- digest of the token in use: a new login is a takeover
      owner ${key},
      cursor TEXT NOT NULL DEFAULT '',
      login_expired ${whole} NOT NULL DEFAULT 0,
      last_poll_at ${whole},
      pace_at ${whole} NOT NULL DEFAULT 0,       -- when the pace allows a part again, were there no burst
      recent_sends TEXT NOT NULL DEFAULT '[]',  -- wall-clock times of the last requests, newest last
      throttle_until ${whole},
      throttle_step ${whole} NOT NULL DEFAULT 0
    )${byKey}`,
    `CREATE TABLE users (
      account ${key} NOT NULL,
      "user" ${key} NOT NULL,
      context_token TEXT,
      last_message_at ${whole},
      last_message_seq ${whole} NOT NULL DEFAULT 0,
      sent ${whole} NOT NULL DEFAULT 0,          -- bot messages since the user's last one
      last_send_at ${whole} NOT NULL DEFAULT 0,
      session_id TEXT,
      turn ${whole} NOT NULL DEFAULT 0,
      lease TEXT,                               -- process that delivers to this user
      lease_until ${whole} NOT NULL DEFAULT 0,
      PRIMARY KEY (account, "user")
    )${byKey}`,
    `CREATE TABLE inbox (
      seq ${numbered},
      account ${key} NOT NULL,
      id ${key} NOT NULL,
      "user" ${key} NOT NULL,
      state TEXT NOT NULL,
      reason TEXT,
      kind TEXT NOT NULL,
      fingerprint ${key} NOT NULL,
      context_token TEXT,
      created_at ${whole},
      received_at ${whole} NOT NULL,
      raw ${bytes} NOT NULL,
      copies ${whole} NOT NULL DEFAULT 0,        -- duplicates seen
      attempt ${whole} NOT NULL DEFAULT 0,
      failures ${whole} NOT NULL DEFAULT 0,
      started_at ${whole},
      child TEXT,                               -- JSON of the process of the running turn
      not_before ${whole},
      session_id TEXT,
      turn ${whole},
      detail ${bytes},
      finished_at ${whole}
    )`,
    'CREATE UNIQUE INDEX inbox_id ON inbox (account, id)',
    'CREATE INDEX inbox_content ON inbox (account, "user", fingerprint, created_at)',
    "CREATE INDEX inbox_unfinished ON inbox (account, seq) WHERE state IN ('received', 'waiting', 'running')",
    'CREATE INDEX inbox_user ON inbox (account, "user", seq)',
    "CREATE INDEX inbox_noted ON inbox (account, state) WHERE state IN ('failed', 'ignored')",
    `CREATE TABLE parts (
      seq ${numbered},
      account ${key} NOT NULL,
      "user" ${key} NOT NULL,
      client_id ${key} NOT NULL,
      message ${key},                             -- id of the message this answers
      origin TEXT NOT NULL,
      run_id TEXT,
      text ${bytes} NOT NULL,
      file ${bytes},                                -- JSON of the file to send; null for a text
      upload ${bytes},                              -- what the CDN gave for it
      state TEXT NOT NULL,
      reason TEXT,
      server_id ${key},
      send_id ${key},                             -- send --id
      send_key ${key},                            -- send --key
      expires_at ${whole},                       -- send --ttl
      body ${bytes},                                -- bytes of the request whose result is not known
      seen_seq ${whole},                         -- the user's newest message when that request was made
      tries ${whole} NOT NULL DEFAULT 0,         -- definite refusals with an unknown code
      repeats ${whole} NOT NULL DEFAULT 0,       -- requests whose result stayed unknown
      throttled ${whole} NOT NULL DEFAULT 0,     -- has waited out a throttle
      not_before ${whole} NOT NULL DEFAULT 0,
      created_at ${whole} NOT NULL,
      held_at ${whole},
      merged_into ${whole},
      finished_at ${whole}
    )`,
    `CREATE INDEX parts_open ON parts (account, "user", seq) WHERE state IN ('queued', 'uploading', 'sending', 'held')`,
    'CREATE INDEX parts_send_id ON parts (account, send_id) WHERE send_id IS NOT NULL',
    `CREATE INDEX parts_expired ON parts (account, "user") WHERE state = 'expired'`,
  ],
  [
    `CREATE TABLE session_values (
      account ${key} NOT NULL,
      "user" ${key} NOT NULL,
      session_id ${key} NOT NULL,
      name ${key} NOT NULL,
      changed_at ${whole} NOT NULL,
      value ${bytes} NOT NULL,
      PRIMARY KEY (account, "user", session_id, name)
    )`,
  ],
  [
    `CREATE TABLE children (             -- processes of agents that live longer than a turn
      account ${key} NOT NULL,
      pid ${whole} NOT NULL,
      start_time TEXT NOT NULL,
      PRIMARY KEY (account, pid)
    )${byKey}`,
  ],
  [
    'ALTER TABLE inbox ADD COLUMN outputs TEXT', // JSON: digests of what its turns have queued, in order
    `ALTER TABLE inbox ADD COLUMN said ${whole} NOT NULL DEFAULT 0`, // whether its user was told anything while it ran
  ],
  [
    `CREATE TABLE media_keys (
      account ${key} NOT NULL,
      md5 ${key} NOT NULL,
      key ${bytes} NOT NULL,
      seen_at ${whole} NOT NULL,
      PRIMARY KEY (account, md5, key)
    )`,
    'CREATE INDEX media_keys_age ON media_keys (seen_at)',
  ],
  // Quotes of sent parts; messages with items of unknown kinds.
  [
    'CREATE INDEX parts_server_id ON parts (account, server_id) WHERE server_id IS NOT NULL',
    `ALTER TABLE inbox ADD COLUMN unknown_items ${whole} NOT NULL DEFAULT 0`,
    'CREATE INDEX inbox_unknown ON inbox (account) WHERE unknown_items > 0',
  ],
  [
    `ALTER TABLE parts ADD COLUMN unsure ${whole} NOT NULL DEFAULT 0`, // refused after a request whose result stayed unknown
  ],
  [
    `ALTER TABLE inbox ADD COLUMN text_from ${whole} NOT NULL DEFAULT 0`, // where its text for the agent begins
    `ALTER TABLE inbox ADD COLUMN burst ${whole}`, // first message of the turn that this one is part of (--merge)
    'CREATE INDEX inbox_burst ON inbox (burst) WHERE burst IS NOT NULL',
    // From now on only what may still live is noted.
    "UPDATE inbox SET child = NULL WHERE child IS NOT NULL AND state <> 'running'",
    'CREATE INDEX inbox_child ON inbox (account) WHERE child IS NOT NULL',
    `CREATE TABLE allowed (
      account ${key} NOT NULL,
      "user" ${key} NOT NULL,
      since ${whole} NOT NULL,
      PRIMARY KEY (account, "user")
    )${byKey}`,
  ],
  // Every message and every reply asks whether the user has held parts.
  [`CREATE INDEX parts_held ON parts (account, "user", seq) WHERE state = 'held'`],
  // Messages of the same time are on the same page: ordered by user and content, each wrote a page of its own.
  ['DROP INDEX inbox_content', 'CREATE INDEX inbox_content ON inbox (account, created_at, fingerprint)'],
  // Messages that were received without a runner: the next runner triages them.
  [
    `ALTER TABLE inbox ADD COLUMN untriaged ${whole} NOT NULL DEFAULT 0`,
    'CREATE INDEX inbox_untriaged ON inbox (account, seq) WHERE untriaged = 1',
  ],
  [
    `CREATE TABLE server_time (  -- what was heard of the server's time, by the boot of this machine
      boot ${key} PRIMARY KEY,
      uptime_ms ${whole} NOT NULL,
      time_ms ${whole} NOT NULL
    )${byKey}`,
  ],
  // Requests that cannot have arrived; the progress of an upload, for the processes that wait for it.
  [
    `ALTER TABLE parts ADD COLUMN unsent ${whole} NOT NULL DEFAULT 0`, // tries that found no connection
    'ALTER TABLE parts ADD COLUMN upload_progress TEXT', // JSON: bytes of its file that have gone up, of how many
  ],
  [
    'ALTER TABLE users ADD COLUMN language TEXT', // of the last text that had one: zh or en
  ],
  // The files of a lock can be deleted under its holder.
  [
    `CREATE TABLE pollers (  -- processes that receive messages, beside their locks
      account ${key} PRIMARY KEY,
      claimant TEXT NOT NULL,
      purpose TEXT NOT NULL
    )${byKey}`,
  ],
  // One lock for all accounts of a process.
  [
    `ALTER TABLE pollers ADD COLUMN slot ${whole}`, // which lock the process has; null: that of the account (earlier versions)
  ],
];
