import { computed, effect, signal } from '@preact/signals';
import { storedChoice } from './stored-choice.ts';

const system = matchMedia('(prefers-color-scheme: dark)');
const systemIsDark = signal(system.matches);
system.addEventListener('change', () => {
  systemIsDark.value = system.matches;
});

const chosen = storedChoice('wxagent-theme', ['system', 'light', 'dark'], 'system');

/** Light or dark: the system's, until somebody chooses. */
export const theme = computed<'light' | 'dark'>(() => {
  if (chosen.value !== 'system') return chosen.value;
  return systemIsDark.value ? 'dark' : 'light';
});

/** Light if it was dark. Whoever chooses what the system has follows the system again. */
export function switchTheme(): void {
  const next = theme.value === 'dark' ? 'light' : 'dark';
  chosen.value = next === (systemIsDark.value ? 'dark' : 'light') ? 'system' : next;
}

/** Keeps the document in the theme that is chosen. */
export function followTheme(): void {
  effect(() => {
    document.documentElement.dataset.theme = theme.value;
  });
}
