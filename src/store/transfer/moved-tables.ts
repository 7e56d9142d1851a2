/** What the values of a column are. */
type ColumnType = 'text' | 'number' | 'blob';

/** A table whose rows belong to a store wherever it lies. */
export interface MovedTable {
  readonly name: string;
  /** The columns by which its rows are ordered, which no two rows share. */
  readonly key: readonly string[];
  readonly columns: readonly { readonly name: string; readonly type: ColumnType }[];
  /** The database numbers its rows; a number is never used again. */
  readonly isNumbered: boolean;
}

/** What a table has, in short: two that say the same have the same rows. */
export interface TableSum {
  rows: number;
  /** SHA-256 over all rows in the order of their key, in hex. */
  digest: string;
}

/**
 * Every table that moves with a store, and every column of it. A table that is missing here would be lost with a move: a
 * test compares the list with both schemas.
 */
export const MOVED_TABLES: readonly MovedTable[] = [
  table('accounts', ['account'], {
    text: 'account login owner cursor recent_sends keeper deaf',
    number: 'login_expired last_poll_at pace_at throttle_until throttle_step',
  }),
  table('users', ['account', 'user'], {
    text: 'account user context_token session_id lease language',
    number: 'last_message_at last_message_seq sent last_send_at turn lease_until renewed_seq asked_seq',
  }),
  table('inbox', ['seq'], {
    text: 'account id user state reason kind fingerprint context_token child session_id outputs',
    number: `seq created_at received_at copies attempt failures started_at not_before turn finished_at said unknown_items
      text_from burst untriaged`,
    blob: 'raw detail',
  }),
  table('parts', ['seq'], {
    text: `account user client_id message origin run_id state reason server_id send_id send_key upload_progress
      fallback_from fallback_by source joined alert_source`,
    number: `seq expires_at seen_seq tries repeats throttled not_before created_at held_at merged_into finished_at unsure
      unsent fallback_until fallback_tries important waits_since`,
    blob: 'text file upload body',
  }),
  table('questions', ['seq'], {
    text: 'account user fingerprint choices asker state',
    number: 'seq number part timeout_ms asker_until choice told created_at finished_at',
    blob: 'answer',
  }),
  table('expected', ['account', 'key'], {
    text: 'account key user',
    number: 'every_ms since last_seen_at missing_since',
  }),
  table('scheduled', ['seq'], {
    text: 'account user format send_key send_id',
    number: 'seq at ttl_ms created_at',
    blob: 'text',
  }),
  table('session_values', ['account', 'user', 'session_id', 'name'], {
    text: 'account user session_id name',
    number: 'changed_at',
    blob: 'value',
  }),
  table('children', ['account', 'pid'], { text: 'account start_time', number: 'pid' }),
  table('media_keys', ['account', 'md5', 'key'], { text: 'account md5', number: 'seen_at', blob: 'key' }),
  table('allowed', ['account', 'user'], { text: 'account user', number: 'since' }),
  table('seen', ['account', 'user'], { text: 'account user', number: 'seq' }),
  table('server_time', ['boot'], { text: 'boot', number: 'uptime_ms time_ms' }),
  table('access_tokens', ['id'], {
    text: 'id name scope account user digest',
    number: 'created_at expires_at last_used_at',
  }),
  table('access_codes', ['digest'], { text: 'digest', number: 'expires_at' }),
  table('access_sessions', ['digest'], { text: 'digest user_agent', number: 'created_at last_seen_at' }),
  table('invitations', ['id'], { text: 'id name digest', number: 'created_at expires_at used_at' }),
  table('sources', ['name'], {
    text: 'name account user title template digest quiet sent fallback secret',
    number: 'ttl created_at last_used_at digest_ms limit_count limit_ms important uncounted within_ms',
  }),
  table('audit', ['seq'], { text: 'who act account about', number: 'seq at' }),
];

/** Tables that say nothing of a store's content: what is in them when another store arrives goes. */
export const PASSING_TABLES: readonly string[] = ['server_time', 'children', 'access_codes'];

/** The tables in which a process notes that it serves accounts, in both databases. Nobody else is told of them. */
export const SERVING_TABLES = {
  sqlite: ['pollers'],
  postgres: ['pollers', 'workers', 'leases', 'account_news'],
} as const;

function table(
  name: string,
  key: readonly string[],
  columns: Partial<Record<ColumnType, string>>,
): MovedTable {
  const types = Object.entries(columns) as [ColumnType, string][];
  return {
    name,
    key,
    columns: types.flatMap(([type, names]) => names.split(/\s+/).map((column) => ({ name: column, type }))),
    isNumbered: key.length === 1 && key[0] === 'seq',
  };
}
