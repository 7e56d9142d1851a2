import { run, type Step } from '../../sql/statement.ts';
import type { Conversations } from '../port/port.ts';

const NOTE = 'INSERT INTO seen (account, "user", seq)';
/** Of two that look at the same time, the one who has seen more counts. */
const FORWARD =
  'ON CONFLICT (account, "user") DO UPDATE SET seq = excluded.seq WHERE excluded.seq > seen.seq';

export function* markSeen({ account, upTo }: Parameters<Conversations['markSeen']>[0]): Step<void> {
  if (upTo !== null) {
    yield* run(`${NOTE} VALUES (?, ?, ?) ${FORWARD}`, account, upTo.user, upTo.messageSeq);
    return;
  }
  yield* run(
    `${NOTE} SELECT account, "user", max(seq) FROM inbox WHERE account = ? GROUP BY account, "user" ${FORWARD}`,
    account,
  );
}
