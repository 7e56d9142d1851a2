import { signal } from '@preact/signals';
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
  return (
    <div class="toasts">
      {[false, true].map((isBad) => (
        <div key={String(isBad)} role={isBad ? 'alert' : 'status'}>
          {toasts.value
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
