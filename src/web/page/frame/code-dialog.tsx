import { signal, useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Problem } from '../server/api.ts';
import { comeIn, refusal } from '../server/session.ts';
import { CodeField } from './fields.tsx';
import { frameWords } from './words.ts';

const asked = signal<((isGiven: boolean) => void) | null>(null);

/**
 * Does what needs a one-time code of the last minutes: asks for one where the server wants it, and goes on. null: none was
 * given. Throws what `work` throws otherwise.
 */
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
  asked.peek()?.(false);
  refusal.value = null;
  return new Promise((answer) => {
    asked.value = answer;
  });
}

/** The place where the code is asked for. */
export function CodeDialog() {
  const words = frameWords();
  const answer = asked.value;
  const box = useRef<HTMLDialogElement>(null);
  const code = useSignal('');
  const isBusy = useSignal(false);
  useLayoutEffect(() => {
    if (answer && !box.current?.open) box.current?.showModal();
  }, [answer]);
  const end = (isGiven: boolean): void => {
    asked.value = null;
    code.value = '';
    box.current?.close();
    answer?.(isGiven);
  };
  return (
    <dialog ref={box} class="dialog" aria-labelledby="confirm-title" onCancel={() => end(false)}>
      {answer && (
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
      )}
    </dialog>
  );
}
