import { signal, useSignal } from '@preact/signals';
import { Problem } from '../api-client/api.ts';
import { comeIn, refusal } from '../api-client/session.ts';
import { Modal } from './dialog.tsx';
import { CodeField } from './fields.tsx';
import { frameWords } from './words.ts';

const asked = signal<((isGiven: boolean) => void) | null>(null);

/** Does what needs a recent one-time code, and asks for one. null: none was given. Throws what `work` throws. */
export async function withCode<T>(work: () => Promise<T>): Promise<T | null> {
  for (;;) {
    try {
      return await work();
    } catch (thrown) {
      if (!(thrown instanceof Problem) || thrown.kind !== 'code-needed') throw thrown;
    }
    if (!(await codeGiven())) return null;
  }
}

function codeGiven(): Promise<boolean> {
  end(false);
  refusal.value = null;
  return new Promise((answer) => {
    asked.value = answer;
  });
}

function end(isGiven: boolean): void {
  const answer = asked.peek();
  asked.value = null;
  answer?.(isGiven);
}

/** The place where the code is asked for. */
export function CodeDialog() {
  const answer = asked.value;
  return (
    <Modal question={answer} titleId="confirm-title" onLeave={() => end(false)}>
      <CodeForm />
    </Modal>
  );
}

function CodeForm() {
  const words = frameWords();
  const code = useSignal('');
  const isBusy = useSignal(false);
  return (
    <form
      onSubmit={async (event) => {
        event.preventDefault();
        if (code.value.trim() === '' || isBusy.value) return;
        isBusy.value = true;
        const isGiven = await comeIn(code.value);
        isBusy.value = false;
        if (isGiven) end(true);
      }}
    >
      <h2 id="confirm-title">{words.confirmCode.title}</h2>
      <p>{words.confirmCode.about}</p>
      <CodeField of={code} />
      <div class="buttons">
        <button type="button" onClick={() => end(false)}>
          {words.cancel}
        </button>
        <button type="submit" class="primary" disabled={isBusy.value}>
          {words.confirmCode.act}
        </button>
      </div>
    </form>
  );
}
