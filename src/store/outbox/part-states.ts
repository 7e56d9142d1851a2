/**
 * Parts that are not final, as SQL. SQLite uses the index of open parts only where a query has exactly this text;
 * otherwise it reads every part there ever was. A further condition on the state is written `+state =`: SQLite would
 * fold a plain one into the list, and build that list at every run.
 */
export const OPEN = "state IN ('queued', 'uploading', 'sending', 'held')";

/** Held parts, as SQL: exactly the text of their index. */
export const HELD = "state = 'held'";

/** Pushes that wait for their time, as SQL: exactly the text of their index. They are not in the queue yet. */
export const DELAYED = "state = 'delayed'";

/** Those of them into which others were joined: exactly the text of their index. */
export const JOINING = `${DELAYED} AND joined IS NOT NULL`;

/** Parts that expired while held, and not by their `--ttl`, as SQL: `retry --expired` queues them again. */
export const CAN_RETURN = "reason LIKE 'hold-max%'";

/** Since when there is something to tell, as SQL: what replaces another text says the same of by now. */
export const sinceOf = (part: string): string => `COALESCE(${part}.waits_since, ${part}.created_at)`;
export const SINCE = sinceOf('parts');

/** Whether a part belongs to a question, which may have several: long texts, and files before it. As SQL. */
export const IS_OF_QUESTION = `EXISTS (SELECT 1 FROM questions JOIN parts AS asked ON asked.seq = questions.part
  WHERE questions.part >= parts.seq AND (asked.seq = parts.seq OR asked.run_id = parts.run_id))`;

/**
 * Who tells of a part another way, as SQL: the source that has pushed it, if that has a command of its own, else ''; null:
 * nobody, for it is an answer, a notice or a question. Of several that were merged one row has it for all.
 */
export const ALERT_SOURCE = `COALESCE(parts.alert_source, CASE WHEN parts.origin = 'send'
  AND NOT ${IS_OF_QUESTION}
  THEN COALESCE((SELECT name FROM sources WHERE name = parts.source AND fallback IS NOT NULL), '') END)`;

/**
 * The final state of an open part that is given up, as SQL. A part that is being sent, or was once sent with an unknown
 * result, may have arrived: it is `unconfirmed`.
 */
export const GIVEN_UP = "CASE WHEN state = 'sending' OR unsure = 1 THEN 'unconfirmed' ELSE 'expired' END";

/** Messages that are not finished, as SQL: exactly the text of their index. */
export const UNFINISHED = 'finished_at IS NULL';
