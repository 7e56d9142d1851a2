import { signal } from '@preact/signals';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { frameWords } from './words.ts';

/** What is asked before something is done that cannot be taken back. */
export interface Question {
  title: string;
  /** What it does. */
  about: string;
  /** The word on the button that does it. */
  act: string;
}

const asked = signal<(Question & { answer: (isYes: boolean) => void }) | null>(null);

/** Asks once; whether it is to be done. */
export function confirmed(question: Question): Promise<boolean> {
  asked.peek()?.answer(false);
  return new Promise((answer) => {
    asked.value = { ...question, answer };
  });
}

/** The place of questions. */
export function ConfirmDialog() {
  const question = asked.value;
  const box = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    if (question && !box.current?.open) box.current?.showModal();
  }, [question]);
  // Who goes to another view, as by "back", does not want it.
  useEffect(() => {
    const leave = (): void => box.current?.close();
    addEventListener('hashchange', leave);
    return () => removeEventListener('hashchange', leave);
  }, []);
  const end = (isYes: boolean): void => {
    asked.value = null;
    box.current?.close();
    question?.answer(isYes);
  };
  return (
    <dialog
      ref={box}
      class="dialog"
      aria-labelledby="dialog-title"
      aria-describedby="dialog-about"
      // However it was closed: by Escape, or by the back of a phone.
      onClose={() => asked.peek() && end(false)}
    >
      {question && (
        <>
          <h2 id="dialog-title">{question.title}</h2>
          <p id="dialog-about">{question.about}</p>
          <div class="buttons">
            <button type="button" onClick={() => end(false)}>
              {frameWords().cancel}
            </button>
            <button type="button" class="primary danger" onClick={() => end(true)}>
              {question.act}
            </button>
          </div>
        </>
      )}
    </dialog>
  );
}
