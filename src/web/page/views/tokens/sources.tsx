import { useSignal } from '@preact/signals';
import { ask } from '../../api-client/api.ts';
import type { Account, Source } from '../../api-client/types.ts';
import { withCode } from '../../frame/code-dialog.tsx';
import { confirmed } from '../../frame/dialog.tsx';
import { Choice, TextField } from '../../frame/fields.tsx';
import { useLoaded } from '../../frame/load.ts';
import { WhenLoaded } from '../../frame/loading.tsx';
import { accountName, userName } from '../../frame/names.ts';
import { useOneAtATime } from '../../frame/one-at-a-time.ts';
import { Secret } from '../../frame/secret.tsx';
import { duration, fromNow } from '../../frame/time.ts';
import { complain, tell } from '../../frame/toast.tsx';
import { sourceWords } from './source-words.ts';

/** How long pushes of a source may be joined, in minutes. */
const DIGESTS = [1, 5, 15, 60];

/** The tools that may push, each with a token of its own. */
export function Sources({ accounts }: { accounts: readonly Account[] }) {
  const words = sourceWords();
  const made = useSignal<string | null>(null);
  const loaded = useLoaded(
    (signal) => ask<{ sources: Source[] }>('/sources', { signal }),
    [],
    ({ type }) => type === 'audit',
  );
  return (
    <>
      {made.value !== null && (
        <Secret
          name={words.made}
          about={words.madeAbout}
          text={`${location.origin}/push/${made.value}`}
          onDone={() => {
            made.value = null;
          }}
        />
      )}
      <section class="card" aria-labelledby="sources">
        <h2 id="sources">{words.sources}</h2>
        <p>{words.about}</p>
        <WhenLoaded of={loaded}>
          {({ sources }) => (
            <ul class="rows">
              {sources.map((source) => (
                <SourceRow key={source.name} source={source} accounts={accounts} onChange={loaded.reload} />
              ))}
            </ul>
          )}
        </WhenLoaded>
        {accounts.length === 0 ? (
          <p class="dim">{words.noAccount}</p>
        ) : (
          <NewSource
            accounts={accounts}
            onMade={(token) => {
              made.value = token;
              loaded.reload();
            }}
          />
        )}
      </section>
    </>
  );
}

function SourceRow(props: { source: Source; accounts: readonly Account[]; onChange: () => void }) {
  const words = sourceWords();
  const { name, account, user, title, digestMs, quietHours, signed, lastUsedAt } = props.source;
  const known = props.accounts.find(({ id }) => id === account);
  const remove = async (): Promise<void> => {
    const question = { title: words.removeOf(name), about: words.removeAbout, act: words.remove };
    if (!(await confirmed(question))) return;
    const path = `/sources/${encodeURIComponent(name)}`;
    if ((await withCode(() => ask(path, { method: 'DELETE' }))) === null) return;
    tell(words.removed(name));
    props.onChange();
  };
  const facts = [
    words.to(known ? accountName(known) : account, user === null ? null : userName(user)),
    title !== null && title,
    digestMs > 0 && words.joined(duration(digestMs)),
    quietHours !== null && words.quiet(quietHours),
    signed && words.signed,
    lastUsedAt === null ? words.unused : words.used(fromNow(Date.parse(lastUsedAt))),
  ];
  return (
    <li class="row">
      <div class="row-text">
        <p>
          <strong>{name}</strong>
        </p>
        <p class="dim">{facts.filter((fact) => fact !== false).join(' · ')}</p>
      </div>
      <button type="button" aria-label={words.removeOf(name)} onClick={() => remove().catch(complain)}>
        {words.remove}
      </button>
    </li>
  );
}

function NewSource(props: { accounts: readonly Account[]; onMade: (token: string) => void }) {
  const words = sourceWords();
  const [name, account, to, title, digest, quietHours, secret] = [
    useSignal(''),
    useSignal(props.accounts[0]?.id ?? ''),
    useSignal(''),
    useSignal(''),
    useSignal(''),
    useSignal(''),
    useSignal(''),
  ];
  const make = useOneAtATime(async () => {
    const given = { to, title, digest, quietHours, secret };
    const chosen = Object.entries(given).flatMap(([key, { value }]) => (value === '' ? [] : [[key, value]]));
    const body = { name: name.value, account: account.value, ...Object.fromEntries(chosen) };
    const made = await withCode(() => ask<{ token: string }>('/sources', { body }));
    if (made === null) return;
    name.value = '';
    secret.value = '';
    props.onMade(made.token);
  });
  return (
    <form
      aria-label={words.add}
      onSubmit={(event) => {
        event.preventDefault();
        if (name.value !== '') make();
      }}
    >
      <div class="form-grid">
        <TextField label={words.name} of={name} isNeeded />
        <Choice label={words.account} of={account}>
          {props.accounts.map((one) => (
            <option key={one.id} value={one.id}>
              {accountName(one)}
            </option>
          ))}
        </Choice>
        <TextField label={words.user} of={to} most={200} />
        <TextField label={words.title} of={title} most={200} />
        <Choice label={words.digest} of={digest}>
          <option value="">{words.single}</option>
          {DIGESTS.map((minutes) => (
            <option key={minutes} value={`${minutes}m`}>
              {words.within(duration(minutes * 60_000))}
            </option>
          ))}
        </Choice>
        <TextField label={words.quietHours} of={quietHours} most={20} />
        <TextField label={words.secret} of={secret} most={1_000} isSecret />
      </div>
      <div class="buttons form-end">
        <button type="submit">{words.make}</button>
      </div>
    </form>
  );
}
