import { effect, type Signal, signal } from '@preact/signals';

/** A choice that outlives the page; where a browser keeps nothing, it lasts as long as the page. */
export function storedChoice<T extends string>(name: string, choices: readonly T[], initial: T): Signal<T> {
  const stored = read(name);
  const choice = signal(choices.find((one) => one === stored) ?? initial);
  effect(() => write(name, choice.value));
  return choice;
}

/** Whether this browser keeps anything for a page. */
export function isKept(): boolean {
  try {
    return localStorage.length >= 0;
  } catch {
    return false;
  }
}

function read(name: string): string | null {
  try {
    return localStorage.getItem(name);
  } catch {
    return null;
  }
}

function write(name: string, value: string): void {
  try {
    localStorage.setItem(name, value);
  } catch {
    // Storage is switched off: the page works all the same.
  }
}
