import type { ComponentChild } from 'preact';
import { trouble } from '../api-client/state.ts';
import type { Loaded } from './load.ts';
import { frameWords } from './words.ts';

/** What has been loaded, or why it has not. */
export function WhenLoaded<T>({ of, children }: { of: Loaded<T>; children: (value: T) => ComponentChild }) {
  const words = frameWords();
  return (
    <>
      {of.problem !== null && (of.value === null || trouble.value === null) && (
        <div class="problem" role="alert">
          <p>{of.problem}</p>
          <button type="button" onClick={of.reload}>
            {words.again}
          </button>
        </div>
      )}
      {of.value === null ? of.problem === null && <p class="wait">{words.loading}</p> : children(of.value)}
    </>
  );
}

/** What keeps the page from what it shows, read out when it comes. */
export function TroubleBar() {
  return (
    <div role="alert">
      {trouble.value !== null && <p class="trouble">{frameWords().trouble[trouble.value]}</p>}
    </div>
  );
}
