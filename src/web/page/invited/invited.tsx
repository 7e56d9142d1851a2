import { useSignal } from '@preact/signals';
import { useEffect } from 'preact/hooks';
import { dayAndTime } from '../../../page/language.ts';
import { PageSwitches } from '../../../page/switches.tsx';
import { ask, Problem } from '../api-client/api.ts';
import { TroubleBar } from '../frame/loading.tsx';
import { tabMemory } from '../frame/tab-memory.ts';
import { complain, Toasts } from '../frame/toast.tsx';
import { frameWords } from '../frame/words.ts';
import { LoginSteps } from '../login/steps.tsx';
import { useLogin } from '../login/use-login.ts';
import { loginWords } from '../login/words.ts';
import { invitedWords } from './words.ts';

/** Where the page of somebody who is invited is. */
export const INVITED_PATH = '/invite';

const tokenMemory = tabMemory('wxagent-invitation');
const loginMemory = tabMemory('wxagent-invited-login');

/** The token of the link. It does not stay in the address, and survives a reload. */
function tokenOfAddress(): string | null {
  const [, token] = /^#(wxi_\w+)$/.exec(location.hash) ?? [];
  if (token === undefined) return tokenMemory.get();
  history.replaceState(null, '', INVITED_PATH);
  if (token !== tokenMemory.get()) loginMemory.set(null);
  tokenMemory.set(token);
  return token;
}

/** The page of somebody who is invited: they scan, and see nothing else. */
export function Invited() {
  const token = useSignal(tokenOfAddress());
  useEffect(() => {
    const follow = (): void => {
      token.value = tokenOfAddress();
    };
    addEventListener('hashchange', follow);
    return () => removeEventListener('hashchange', follow);
  }, []);
  return (
    <main class="sign-in invited">
      <div class="sign-in-head">
        <h1>wxagent</h1>
        <PageSwitches />
      </div>
      <TroubleBar />
      {token.value === null ? (
        <p class="card">{invitedWords().noToken}</p>
      ) : (
        <Guest key={token.value} token={token.value} />
      )}
      <Toasts />
    </main>
  );
}

type Invitation = { name: string; expiresAt: string } | { refused: string };

function Guest({ token }: { token: string }) {
  const words = invitedWords();
  const handle = useLogin({ path: '/invitation/logins', token, memory: loginMemory });
  const invitation = useSignal<Invitation | null>(null);
  /** Counts up when it has to be looked at again. */
  const looks = useSignal(0);
  const { login } = handle;
  useEffect(() => {
    // A login that goes on, or has just ended, says more.
    if (login !== null) return;
    let again: ReturnType<typeof setTimeout> | undefined;
    const look = (): void => {
      ask<{ name: string; expiresAt: string }>('/invitation', { token }).then(
        (found) => {
          invitation.value = found;
        },
        (thrown) => {
          if (thrown instanceof Problem && thrown.kind !== null && [401, 410].includes(thrown.status))
            invitation.value = { refused: thrown.status === 410 ? thrown.message : words.notValid };
          else again = setTimeout(look, AGAIN_MS);
        },
      );
    };
    look();
    return () => clearTimeout(again);
  }, [login === null, looks.value]);

  if (login)
    return (
      <LoginSteps handle={handle}>
        <p>{loginWords().writeFirst}</p>
        <p class="dim">{words.close}</p>
      </LoginSteps>
    );
  const known = invitation.value;
  if (known === null) return <p class="wait">{frameWords().loading}</p>;
  if ('refused' in known)
    return (
      <section class="card" aria-label={words.title}>
        <h2>{words.title}</h2>
        <p role="alert">{known.refused}</p>
        <p class="dim">{words.askAgain}</p>
      </section>
    );
  return (
    <form
      class="card"
      aria-label={words.title}
      onSubmit={(event) => {
        event.preventDefault();
        handle.begin().catch((thrown) => {
          complain(thrown);
          invitation.value = null;
          looks.value++;
        });
      }}
    >
      <h2>{words.title}</h2>
      <p>{words.about}</p>
      <p>{loginWords().oneBot}</p>
      <button type="submit" class="primary">
        {words.showCode}
      </button>
      <small>{words.until(dayAndTime(Date.parse(known.expiresAt)))}</small>
    </form>
  );
}

const AGAIN_MS = 2_000;
