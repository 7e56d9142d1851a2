import { signal } from '@preact/signals';
import type { ComponentChildren } from 'preact';
import { useEffect, useLayoutEffect, useRef } from 'preact/hooks';
import { frameWords } from './words.ts';

/**
 * A dialog that is open while `question` is there. `onLeave` is told when it closes without an answer: by Escape, by the
 * back of a phone, or by another view. The ID of its title is `titleId`.
 */
export function Modal(props: {
  question: object | null;
  titleId: string;
  aboutId?: string;
  onLeave: () => void;
  children: ComponentChildren;
}) {
  const { question, titleId, aboutId, onLeave, children } = props;
  const box = useRef<HTMLDialogElement>(null);
  useLayoutEffect(() => {
    if (!question) box.current?.close();
    else if (!box.current?.open) box.current?.showModal();
  }, [question]);
  useEffect(() => {
    const leave = (): void => box.current?.close();
    addEventListener('hashchange', leave);
    return () => removeEventListener('hashchange', leave);
  }, []);
  return (
    <dialog
      ref={box}
      class="dialog"
      aria-labelledby={titleId}
      aria-describedby={aboutId}
      // Browsers tell it a frame later: by then the next question may be open.
      onClose={() => box.current?.open || onLeave()}
    >
      {question && children}
    </dialog>
  );
}

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
  end(false);
  return new Promise((answer) => {
    asked.value = { ...question, answer };
  });
}

function end(isYes: boolean): void {
  const question = asked.peek();
  asked.value = null;
  question?.answer(isYes);
}

/** The place of questions. */
export function ConfirmDialog() {
  const question = asked.value;
  return (
    <Modal question={question} titleId="dialog-title" aboutId="dialog-about" onLeave={() => end(false)}>
      <h2 id="dialog-title">{question?.title}</h2>
      <p id="dialog-about">{question?.about}</p>
      <div class="buttons">
        <button type="button" onClick={() => end(false)}>
          {frameWords().cancel}
        </button>
        <button type="button" class="primary danger" onClick={() => end(true)}>
          {question?.act}
        </button>
      </div>
    </Modal>
  );
}
