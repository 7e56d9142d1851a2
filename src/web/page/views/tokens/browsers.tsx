import { language } from '../../../../page/language.ts';
import { whoInWords } from '../../../../views/audit-words.ts';
import { ask } from '../../api-client/api.ts';
import { withCode } from '../../frame/code-dialog.tsx';
import { confirmed } from '../../frame/dialog.tsx';
import { useLoaded } from '../../frame/load.ts';
import { WhenLoaded } from '../../frame/loading.tsx';
import { fromNow } from '../../frame/time.ts';
import { complain } from '../../frame/toast.tsx';
import { tokenWords } from './words.ts';

interface Browser {
  name: string;
  userAgent: string;
  createdAt: string;
  lastSeenAt: string;
  isThisOne: boolean;
}

/** The browsers that are in, and what ends all of them. */
export function Browsers() {
  const words = tokenWords();
  const loaded = useLoaded(
    (signal) => ask<{ sessions: Browser[] }>('/sessions', { signal }),
    [],
    ({ type }) => type === 'audit',
  );
  const endAll = async (): Promise<void> => {
    if (!(await confirmed({ title: words.endAll, about: words.endAllAbout, act: words.endAll }))) return;
    await withCode(() => ask('/sessions', { method: 'DELETE' }));
    loaded.reload();
  };
  return (
    <section class="card" aria-labelledby="browsers">
      <h2 id="browsers">{words.browsers}</h2>
      <WhenLoaded of={loaded}>
        {({ sessions }) => (
          <ul class="rows">
            {sessions.map(({ name, userAgent, lastSeenAt, isThisOne }) => (
              <li key={name} class="row">
                <div class="row-text">
                  <p>
                    <strong>{whoInWords(name, language.value)}</strong>{' '}
                    {isThisOne && <span class="badge good">{words.thisOne}</span>}
                  </p>
                  <p class="dim">
                    {words.seen(fromNow(Date.parse(lastSeenAt)))} · {userAgent}
                  </p>
                </div>
              </li>
            ))}
          </ul>
        )}
      </WhenLoaded>
      <div class="buttons">
        <button type="button" onClick={() => endAll().catch(complain)}>
          {words.endAll}
        </button>
      </div>
    </section>
  );
}
