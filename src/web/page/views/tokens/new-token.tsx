import { useSignal } from '@preact/signals';
import { ask } from '../../api-client/api.ts';
import type { Account, Token } from '../../api-client/types.ts';
import { withCode } from '../../frame/code-dialog.tsx';
import { Choice, TextField } from '../../frame/fields.tsx';
import { accountName } from '../../frame/names.ts';
import { useOneAtATime } from '../../frame/one-at-a-time.ts';
import { nowMs } from '../../frame/time.ts';
import { tokenWords } from './words.ts';

const DAY_MS = 24 * 3_600_000;
/** How long a token may be good, in days; '': until it is removed. */
const DAYS = ['', '7', '30', '90', '365'];

/** Makes a token, whose text is given to `onMade`. */
export function NewToken({
  accounts,
  onMade,
}: {
  accounts: readonly Account[];
  onMade: (text: string) => void;
}) {
  const words = tokenWords();
  const [name, scope, account, to, days] = [
    useSignal(''),
    useSignal<Token['scope']>('read'),
    useSignal(''),
    useSignal(''),
    useSignal('90'),
  ];
  const make = useOneAtATime(async () => {
    const body = {
      name: name.value,
      scope: scope.value,
      ...(account.value === '' ? {} : { account: account.value }),
      ...(to.value === '' ? {} : { to: to.value }),
      ...(days.value === '' ? {} : { expiresAt: inDays(Number(days.value)) }),
    };
    const made = await withCode(() => ask<{ token: string }>('/tokens', { body }));
    if (made === null) return;
    name.value = '';
    onMade(made.token);
  });
  return (
    <form
      class="card"
      aria-labelledby="new-token"
      onSubmit={(event) => {
        event.preventDefault();
        if (name.value !== '') make();
      }}
    >
      <h2 id="new-token">{words.add}</h2>
      <div class="form-grid">
        <TextField label={words.name} of={name} isNeeded />
        <Choice label={words.scope} of={scope}>
          {Object.entries(words.scopes).map(([value, about]) => (
            <option key={value} value={value}>
              {about}
            </option>
          ))}
        </Choice>
        <Choice label={words.account} of={account}>
          <option value="">{words.all}</option>
          {accounts.map((one) => (
            <option key={one.id} value={one.id}>
              {accountName(one)}
            </option>
          ))}
        </Choice>
        <TextField label={words.user} of={to} most={200} />
        <Choice label={words.goodFor} of={days}>
          {DAYS.map((n) => (
            <option key={n} value={n}>
              {n === '' ? words.noEnd : words.days(n)}
            </option>
          ))}
        </Choice>
      </div>
      <div class="buttons">
        <button type="submit" class="primary">
          {words.make}
        </button>
      </div>
    </form>
  );
}

function inDays(days: number): string {
  return new Date(nowMs.peek() + days * DAY_MS).toISOString();
}
