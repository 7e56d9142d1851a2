import { useSignal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { frameWords } from './words.ts';

/** A secret that is shown once, to be copied. */
export function Secret({ name, about, text, onDone }: SecretProps) {
  const words = frameWords();
  const shown = useRef<HTMLElement>(null);
  const said = useSignal('');
  const box = useRef<HTMLElement>(null);
  // Whoever asked for it goes on here, wherever the view has it.
  useLayoutEffect(() => box.current?.focus(), []);
  return (
    <section class="card secret" aria-label={name} tabIndex={-1} ref={box}>
      <h2>{name}</h2>
      <p>{about}</p>
      <pre>
        <code ref={shown}>{text}</code>
      </pre>
      <div class="buttons">
        <span role="status">{said.value}</span>
        <button
          type="button"
          class="primary"
          onClick={async () => {
            said.value = (await copied(text, shown.current)) ? words.copied : words.selected;
          }}
        >
          {words.copy}
        </button>
        <button type="button" onClick={onDone}>
          {words.done}
        </button>
      </div>
    </section>
  );
}

interface SecretProps {
  name: string;
  /** What it is for. */
  about: string;
  text: string;
  /** It is kept somewhere: it need not be shown any more. */
  onDone: () => void;
}

/** Copies a text. Over plain HTTP a browser has no clipboard for pages of other machines: then it is selected, to be copied by hand. */
async function copied(text: string, shown: HTMLElement | null): Promise<boolean> {
  try {
    await navigator.clipboard.writeText(text);
    return true;
  } catch {
    if (shown) getSelection()?.selectAllChildren(shown);
    return false;
  }
}
