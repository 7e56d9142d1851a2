import { useSignal } from '@preact/signals';
import { BUDGET_MESSAGES, BUDGET_WINDOW_MS } from '../../../../core/message/wechat-limits.ts';
import type { Account, User } from '../../api-client/types.ts';
import { userName } from '../../frame/names.ts';
import { stateWords } from '../../frame/state-words.ts';
import { duration, nowMs } from '../../frame/time.ts';
import { overviewWords } from './words.ts';

/** So many are shown until somebody wants all. */
const FIRST = 4;

/** The users of an account: what may still be sent to each, and for how long. */
export function Users({ account }: { account: Account }) {
  const words = overviewWords();
  const isAll = useSignal(false);
  const users = [...account.users].sort(byUrgency);
  if (users.length === 0) return null;
  return (
    <div class="budgets">
      <ul aria-label={words.users}>
        {users.slice(0, isAll.value ? undefined : FIRST).map((user) => (
          <UserBudget key={user.id} user={user} isOwner={user.id === account.owner} />
        ))}
      </ul>
      {users.length > FIRST && (
        <button
          type="button"
          class="quiet"
          aria-expanded={isAll.value}
          onClick={() => {
            isAll.value = !isAll.value;
          }}
        >
          {isAll.value ? words.fewer : words.all(users.length)}
        </button>
      )}
    </div>
  );
}

/** Who waits for something comes first, then who wrote last. */
function byUrgency(a: User, b: User): number {
  if ((a.hold === null) !== (b.hold === null)) return a.hold === null ? 1 : -1;
  return (b.lastMessageAt ?? '').localeCompare(a.lastMessageAt ?? '');
}

function UserBudget({ user, isOwner }: { user: User; isOwner: boolean }) {
  const words = overviewWords();
  const { budgetLeft, hold } = user;
  const endsMs = user.windowEndsAt === null ? null : Date.parse(user.windowEndsAt);
  const leftMs = endsMs === null ? 0 : Math.max(0, endsMs - nowMs.value);
  const left = leftMs > 0 ? budgetLeft : 0;
  return (
    <li class={`budget ${left === 0 ? 'spent' : ''}`}>
      <p class="budget-user">
        {userName(user.id)}
        {isOwner && <small> {words.owner}</small>}
      </p>
      <p class="budget-left">{words.left(left, BUDGET_MESSAGES)}</p>
      <div class="budget-cells" aria-hidden="true">
        {Array.from({ length: BUDGET_MESSAGES }, (_, cell) => (
          <i key={cell} class={cell < left ? 'full' : ''} />
        ))}
      </div>
      <progress class="budget-window" max={BUDGET_WINDOW_MS} value={leftMs} aria-hidden="true" />
      <p class="dim">
        {endsMs === null ? words.neverWrote : leftMs > 0 ? words.closes(duration(leftMs)) : words.closed}
      </p>
      {hold && (
        <p class="budget-hold">
          {words.heldBecause(hold.parts, stateWords().holds[hold.reason] ?? hold.reason)}
        </p>
      )}
    </li>
  );
}
