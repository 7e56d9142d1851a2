import { useSignal } from '@preact/signals';
import { dayAndTime } from '../../../../page/language.ts';
import { ask } from '../../api-client/api.ts';
import type { Invitation } from '../../api-client/types.ts';
import { withCode } from '../../frame/code-dialog.tsx';
import { confirmed } from '../../frame/dialog.tsx';
import { Choice, TextField } from '../../frame/fields.tsx';
import { useLoaded } from '../../frame/load.ts';
import { WhenLoaded } from '../../frame/loading.tsx';
import { useOneAtATime } from '../../frame/one-at-a-time.ts';
import { Secret } from '../../frame/secret.tsx';
import { nowMs } from '../../frame/time.ts';
import { complain, tell } from '../../frame/toast.tsx';
import { logInWords } from './words.ts';

/** How long an invitation may be good, in days. */
const DAYS = ['1', '3', '7'];
const DAY_MS = 24 * 3_600_000;

/** Links by which somebody else adds an account. */
export function Invitations() {
  const words = logInWords();
  const link = useSignal<string | null>(null);
  const loaded = useLoaded(
    (signal) => ask<{ invitations: Invitation[] }>('/invitations', { signal }),
    [],
    ({ type }) => type === 'audit',
  );
  return (
    <>
      <section class="card" aria-labelledby="invite">
        <h2 id="invite">{words.invite}</h2>
        <p>{words.inviteAbout}</p>
        <NewInvitation
          onMade={(made) => {
            link.value = made;
            loaded.reload();
          }}
        />
        <WhenLoaded of={loaded}>
          {({ invitations }) => (
            <ul class="rows">
              {invitations.map((one) => (
                <InvitationRow key={one.name + one.createdAt} invitation={one} onChange={loaded.reload} />
              ))}
            </ul>
          )}
        </WhenLoaded>
      </section>
      {link.value !== null && (
        <Secret
          name={words.link}
          about={words.linkAbout}
          text={link.value}
          onDone={() => {
            link.value = null;
          }}
        />
      )}
    </>
  );
}

function NewInvitation({ onMade }: { onMade: (link: string) => void }) {
  const words = logInWords();
  const name = useSignal('');
  const days = useSignal(DAYS[0] as string);
  const make = useOneAtATime(async () => {
    const expiresAt = new Date(nowMs.peek() + Number(days.value) * DAY_MS).toISOString();
    const body = { name: name.value, expiresAt };
    const made = await withCode(() => ask<{ link: string }>('/invitations', { body }));
    if (made === null) return;
    name.value = '';
    onMade(made.link);
  });
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (name.value !== '') make();
      }}
    >
      <div class="form-grid">
        <TextField label={words.inviteName} of={name} isNeeded />
        <Choice label={words.goodFor} of={days}>
          {DAYS.map((n) => (
            <option key={n} value={n}>
              {words.days(Number(n))}
            </option>
          ))}
        </Choice>
      </div>
      <div class="buttons form-end">
        <button type="submit">{words.makeLink}</button>
      </div>
    </form>
  );
}

function InvitationRow({
  invitation: { name, state, expiresAt, usedAt },
  onChange,
}: {
  invitation: Invitation;
  onChange: () => void;
}) {
  const words = logInWords();
  const remove = async (): Promise<void> => {
    const question = { title: words.removeOf(name), about: words.removeAbout, act: words.remove };
    if (!(await confirmed(question))) return;
    const path = `/invitations/${encodeURIComponent(name)}`;
    if ((await withCode(() => ask(path, { method: 'DELETE' }))) === null) return;
    tell(words.removed(name));
    onChange();
  };
  return (
    <li class="row">
      <div class="row-text">
        <p>
          <strong>{name}</strong>{' '}
          <span class={`badge ${state === 'open' ? 'good' : ''}`}>{words.states[state]}</span>
        </p>
        <p class="dim">{words.when[state](dayAndTime(Date.parse(usedAt ?? expiresAt ?? '')))}</p>
      </div>
      <button type="button" aria-label={words.removeOf(name)} onClick={() => remove().catch(complain)}>
        {words.remove}
      </button>
    </li>
  );
}
