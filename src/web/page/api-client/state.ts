import { effect, signal } from '@preact/signals';
import { isKept, storedChoice } from '../../../page/stored-choice.ts';

/** What keeps the page from what it shows: nobody answers, a proxy does instead of the server, or the store fails. */
export type Trouble = 'server' | 'between' | 'store';

/** What is wrong just now; null: nothing. */
export const trouble = signal<Trouble | null>(null);

/** The version of the server that this page belongs to; null: not known yet. */
let ownVersion: string | null = null;

/** Whether the server was updated since this page was loaded: the two may no longer understand each other. */
export const isOutdated = signal(false);

/** Counts up when everything that is shown may be old: it has to be loaded again. */
export const stale = signal(0);

/** Whether this browser has come in; null: not known yet. */
export const isIn = signal<boolean | null>(null);

/** Counts up when this browser gets a session: what was asked before was asked with another one. */
export const sessions = signal(0);

/** Whether it had come in when the page was last open: who never was is not asked for. Who keeps nothing may have been. */
export const wasIn = storedChoice('wxagent-in', ['no', 'yes'], isKept() ? 'no' : 'yes');

/** How much the clock of the server is ahead of that of the browser. */
export const clockAheadMs = signal(0);

effect(() => {
  if (isIn.value !== null) wasIn.value = isIn.value ? 'yes' : 'no';
});

/** Notes how a request ended. */
export function noteTrouble(found: Trouble | null): void {
  if (trouble.peek() !== null && found === null) stale.value++;
  trouble.value = found;
}

/** Notes the version of the server that has answered. */
export function noteVersion(found: string): void {
  ownVersion ??= found;
  isOutdated.value = found !== ownVersion;
}
