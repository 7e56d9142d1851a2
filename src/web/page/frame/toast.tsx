import { signal } from '@preact/signals';
import { useLayoutEffect, useRef } from 'preact/hooks';
import { Icon } from '../../../page/icons.tsx';
import { frameWords } from './words.ts';

/** How long a word about what went well stays. */
const SHOWN_MS = 6_000;

const toasts = signal<readonly { n: number; text: string; isBad: boolean }[]>([]);
let told = 0;

/** Says what was done; it goes by itself. */
export function tell(text: string): void {
  const n = add(text, false);
  setTimeout(() => remove(n), SHOWN_MS);
}

/** Says what went wrong; it stays until somebody closes it. */
export function complain(thrown: unknown): void {
  add(thrown instanceof Error ? thrown.message : String(thrown), true);
}

/** The place where things are said. */
export function Toasts() {
  const box = useRef<HTMLDivElement>(null);
  const shown = toasts.value;
  // They lie over the page: so much room is left under what is in it.
  useLayoutEffect(() => {
    const height = shown.length === 0 ? 0 : (box.current?.offsetHeight ?? 0);
    document.documentElement.style.setProperty('--toasts', `${height}px`);
  }, [shown]);
  return (
    <div class="toasts" ref={box}>
      {[false, true].map((isBad) => (
        <div key={String(isBad)} role={isBad ? 'alert' : 'status'}>
          {shown
            .filter((one) => one.isBad === isBad)
            .map(({ n, text }) => (
              <p key={n} class={`toast ${isBad ? 'bad' : ''}`}>
                <span>{text}</span>
                <button
                  type="button"
                  class="quiet square"
                  aria-label={frameWords().close}
                  onClick={() => remove(n)}
                >
                  <Icon name="close" />
                </button>
              </p>
            ))}
        </div>
      ))}
    </div>
  );
}

function add(text: string, isBad: boolean): number {
  const n = ++told;
  // The same is said once.
  toasts.value = [...toasts.value.filter((one) => one.text !== text), { n, text, isBad }];
  return n;
}

function remove(n: number): void {
  toasts.value = toasts.value.filter((one) => one.n !== n);
}
