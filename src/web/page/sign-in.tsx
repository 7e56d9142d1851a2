import { useSignal } from '@preact/signals';
import { PageSwitches } from '../../page/switches.tsx';
import { comeIn, offeredCode } from './api-client/session.ts';
import { CodeField } from './frame/fields.tsx';
import { frameWords } from './frame/words.ts';

/** Where a browser comes in. */
export function SignIn() {
  const words = frameWords().signIn;
  const code = useSignal(offeredCode.peek());
  const isBusy = useSignal(false);
  return (
    <main class="sign-in" tabIndex={-1} aria-labelledby="sign-in">
      <div class="sign-in-head">
        <h1>wxagent</h1>
        <PageSwitches />
      </div>
      <form
        class="card"
        onSubmit={async (event) => {
          event.preventDefault();
          if (code.value.trim() === '' || isBusy.value) return;
          isBusy.value = true;
          await comeIn(code.value);
          isBusy.value = false;
        }}
      >
        <h2 id="sign-in">{words.title}</h2>
        <p>{words.about}</p>
        <CodeField of={code} />
        <button type="submit" class="primary" disabled={isBusy.value}>
          {words.act}
        </button>
        <small>{words.lasts}</small>
      </form>
    </main>
  );
}
