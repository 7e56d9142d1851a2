import type { ColumnTypes } from './base-tables.ts';

/** The migrations of both databases since there is PostgreSQL, each a list of statements. New ones go behind `since`. */
export const migrations = ({ key, whole, bytes, numbered, byKey }: ColumnTypes) => ({
  beforeEvents: [
    // Where the content is; no row: here.
    [
      `CREATE TABLE moves (
        store ${key} PRIMARY KEY,   -- names the content, wherever it goes
        state TEXT NOT NULL,      -- here, leaving, left, arriving
        other TEXT NOT NULL,      -- the other place
        mover TEXT NOT NULL       -- process that moves it
      )${byKey}`,
    ],
    // Who may use the API: secrets are here as their SHA-256.
    [
      `CREATE TABLE access_tokens (
        id ${key} PRIMARY KEY,      -- stands in the token itself
        name ${key} NOT NULL,
        scope TEXT NOT NULL,
        account ${key},             -- the only one it is for
        "user" ${key},
        created_at ${whole} NOT NULL,
        expires_at ${whole},
        last_used_at ${whole},     -- to within five minutes
        digest TEXT NOT NULL
      )${byKey}`,
      'CREATE UNIQUE INDEX access_tokens_name ON access_tokens (name)',
      `CREATE TABLE access_codes (  -- one-time codes that are not used yet
        digest ${key} PRIMARY KEY,
        expires_at ${whole} NOT NULL
      )${byKey}`,
      `CREATE TABLE access_sessions (  -- browsers that came in by a code
        digest ${key} PRIMARY KEY,
        user_agent TEXT NOT NULL,
        created_at ${whole} NOT NULL,
        last_seen_at ${whole} NOT NULL
      )${byKey}`,
      `CREATE TABLE audit (
        seq ${numbered},
        at ${whole} NOT NULL,
        who TEXT NOT NULL,
        act TEXT NOT NULL,
        account ${key},
        about TEXT NOT NULL
      )`,
    ],
  ],
  beforeWantedEvents: [
    // Links by which somebody else adds one account.
    [
      `CREATE TABLE invitations (
        id ${key} PRIMARY KEY,      -- stands in the token of the link
        name ${key} NOT NULL,
        digest TEXT NOT NULL,
        created_at ${whole} NOT NULL,
        expires_at ${whole} NOT NULL,
        used_at ${whole}
      )${byKey}`,
      'CREATE UNIQUE INDEX invitations_name ON invitations (name)',
    ],
    // Conversations: what was sent to a user, whose messages failed, and how far somebody has looked. Of indexes that it
    // holds equally good, SQLite takes the one made last: that must be one that has few rows.
    [
      'CREATE INDEX parts_user ON parts (account, "user", seq)',
      'DROP INDEX parts_open',
      'DROP INDEX parts_expired',
      'DROP INDEX parts_held',
      `CREATE INDEX parts_open ON parts (account, "user", seq) WHERE state IN ('queued', 'uploading', 'sending', 'held')`,
      `CREATE INDEX parts_expired ON parts (account, "user") WHERE state = 'expired'`,
      `CREATE INDEX parts_held ON parts (account, "user", seq) WHERE state = 'held'`,
      'DROP INDEX inbox_noted',
      `CREATE INDEX inbox_noted ON inbox (account, state, "user") WHERE state IN ('failed', 'ignored')`,
      `CREATE TABLE seen (
        account ${key} NOT NULL,
        "user" ${key} NOT NULL,
        seq ${whole} NOT NULL,
        PRIMARY KEY (account, "user")
      )${byKey}`,
    ],
    // Questions of programs (`ask`). The answer is stored with the message that brings it.
    [
      `CREATE TABLE questions (
        seq ${numbered},
        account ${key} NOT NULL,
        "user" ${key} NOT NULL,
        number ${whole} NOT NULL,      -- by which the user can name it
        part ${whole} NOT NULL,        -- the part that asks
        fingerprint TEXT,             -- of what is asked: the same question may be taken over
        choices TEXT,                 -- JSON; null: any text is an answer
        timeout_ms ${whole} NOT NULL,  -- from the arrival of the part on
        asker TEXT,                   -- process that waits for the answer
        asker_until ${whole} NOT NULL DEFAULT 0,
        state TEXT NOT NULL,          -- open, answered, closed
        answer ${bytes},
        choice ${whole},
        told ${whole} NOT NULL DEFAULT 0,  -- the user knows what was wrong with an answer
        created_at ${whole} NOT NULL,
        finished_at ${whole}
      )`,
      'CREATE INDEX questions_user ON questions (account, "user", seq)',
    ],
    [
      `ALTER TABLE users ADD COLUMN renewed_seq ${whole}`, // the user's newest message when the poll session was renewed for them
    ],
    // Programs of others that push; their tokens are here as their SHA-256.
    [
      `CREATE TABLE sources (
        name ${key} PRIMARY KEY,
        account ${key} NOT NULL,
        "user" ${key},                -- null: the owner
        title TEXT,
        template TEXT,            -- JSON
        ttl ${whole},
        created_at ${whole} NOT NULL,
        last_used_at ${whole},     -- to within five minutes
        digest ${key} NOT NULL
      )${byKey}`,
      'CREATE UNIQUE INDEX sources_digest ON sources (digest)',
    ],
    // Users are asked for a word before their windows end.
    [
      'ALTER TABLE accounts ADD COLUMN keeper TEXT', // JSON; null: nobody is asked
      `ALTER TABLE users ADD COLUMN asked_seq ${whole}`, // the user's newest message when they were asked
    ],
    [
      `CREATE TABLE expected (       -- texts that are to come again and again, by the key of send --key
        account ${key} NOT NULL,
        key ${key} NOT NULL,
        "user" ${key},                  -- who is told; null: the owner
        every_ms ${whole} NOT NULL,
        since ${whole} NOT NULL,
        last_seen_at ${whole},
        missing_since ${whole},      -- its user was told that it is missing
        PRIMARY KEY (account, key)
      )${byKey}`,
    ],
    // Parts that were not confirmed in time go to a command.
    [
      'ALTER TABLE parts ADD COLUMN fallback_from TEXT', // the state that a part has again if the command fails
      'ALTER TABLE parts ADD COLUMN fallback_by TEXT', // process that runs the command
      `ALTER TABLE parts ADD COLUMN fallback_until ${whole}`, // end of its lease, or of the pause after it has failed
      `ALTER TABLE parts ADD COLUMN fallback_tries ${whole} NOT NULL DEFAULT 0`,
      "CREATE INDEX parts_unarrived ON parts (account, seq) WHERE state IN ('unconfirmed', 'refused')",
      "CREATE INDEX parts_fallback ON parts (account, seq) WHERE state = 'fallback' AND finished_at IS NULL",
    ],
  ],
  beforeLaterEvents: [
    // Pushes that wait for their source's rule, or for others.
    [
      `ALTER TABLE sources ADD COLUMN digest_ms ${whole} NOT NULL DEFAULT 0`,
      `ALTER TABLE sources ADD COLUMN limit_count ${whole}`,
      `ALTER TABLE sources ADD COLUMN limit_ms ${whole}`,
      'ALTER TABLE sources ADD COLUMN quiet TEXT', // minutes of the day: from-to
      `ALTER TABLE sources ADD COLUMN important ${whole} NOT NULL DEFAULT 0`,
      "ALTER TABLE sources ADD COLUMN sent TEXT NOT NULL DEFAULT '[]'", // times of its texts within the limit
      `ALTER TABLE sources ADD COLUMN uncounted ${whole} NOT NULL DEFAULT 0`, // pushes that were not kept, to be told
      `ALTER TABLE parts ADD COLUMN source ${key}`, // which source pushed it
      `CREATE INDEX parts_delayed ON parts (account, "user", seq) WHERE state = 'delayed'`,
    ],
    [
      'ALTER TABLE accounts ADD COLUMN deaf TEXT', // JSON: the sign that nothing is shown of what it sends
    ],
    [
      `CREATE TABLE scheduled (      -- texts that are to be sent later (send --at)
        seq ${numbered},
        account ${key} NOT NULL,
        "user" ${key} NOT NULL,
        text ${bytes} NOT NULL,
        format TEXT NOT NULL,
        at ${whole} NOT NULL,
        send_key ${key},
        send_id ${key},
        ttl_ms ${whole},
        created_at ${whole} NOT NULL
      )`,
      'CREATE INDEX scheduled_at ON scheduled (at)',
    ],
    // What a source has for pushes that do not arrive.
    [
      'ALTER TABLE sources ADD COLUMN fallback TEXT', // command; null: none of its own
      `ALTER TABLE sources ADD COLUMN within_ms ${whole}`, // how long a push may be unconfirmed
      `ALTER TABLE parts ADD COLUMN important ${whole} NOT NULL DEFAULT 0`,
    ],
  ],
  beforeEventsForReaders: [
    [
      `ALTER TABLE pollers ADD COLUMN since ${whole}`, // when it began to receive; null: noted by an earlier version
    ],
  ],
  beforeEventsInPlace: [
    // The start of a turn changes no column of it.
    [
      `UPDATE inbox SET finished_at = received_at
         WHERE finished_at IS NULL AND state NOT IN ('received', 'waiting', 'running')`,
      'DROP INDEX inbox_unfinished',
      'CREATE INDEX inbox_unfinished ON inbox (account, seq) WHERE finished_at IS NULL',
    ],
    // Each push counts those of its source; what is due is looked for each second. A ttl ends a wait as well.
    [
      'DROP INDEX parts_delayed',
      `CREATE INDEX parts_delayed ON parts (account, "user", source, run_id, created_at) WHERE state = 'delayed'`,
      `CREATE INDEX parts_due ON parts (account, "user", not_before) WHERE state = 'delayed'`,
      `CREATE INDEX parts_pushed ON parts (account, "user", source)
         WHERE source IS NOT NULL AND state IN ('queued', 'uploading', 'sending', 'held')`,
      `CREATE INDEX parts_keyed ON parts (account, "user", send_key) WHERE send_key IS NOT NULL AND finished_at IS NULL`,
      'CREATE INDEX questions_part ON questions (part)',
      "UPDATE parts SET not_before = expires_at WHERE state = 'delayed' AND expires_at < not_before",
    ],
    // One index for both: each push that waits writes it.
    [
      'DROP INDEX parts_due',
      'DROP INDEX parts_delayed',
      `CREATE INDEX parts_delayed ON parts (account, "user", source, not_before, created_at, run_id)
         WHERE state = 'delayed'`,
    ],
    // Very many pushes are joined bit by bit. What comes meanwhile waits behind them.
    [
      'ALTER TABLE parts ADD COLUMN joined TEXT', // JSON: what it tells of pushes that were joined into it, while it waits
      `CREATE INDEX parts_joining ON parts (account, "user") WHERE state = 'delayed' AND joined IS NOT NULL`,
    ],
    [
      'ALTER TABLE sources ADD COLUMN secret TEXT', // what its pushes are signed with, encrypted with its token
    ],
    // What was merged into a part goes to a command with it, and is kept no longer than it.
    [
      `ALTER TABLE parts ADD COLUMN alert_source ${key}`, // of what was merged into it: see ALERT_SOURCE
      'CREATE INDEX parts_merged ON parts (merged_into) WHERE merged_into IS NOT NULL',
    ],
    // What is replaced again and again waits no longer for that.
    [
      `ALTER TABLE parts ADD COLUMN waits_since ${whole}`, // since when what it replaced has waited; null: it replaced nothing
      'DROP INDEX parts_delayed',
      `CREATE INDEX parts_delayed ON parts (account, "user", source, not_before, created_at, waits_since, run_id)
         WHERE state = 'delayed'`,
    ],
  ],
  since: [] as string[][],
});
