import { trouble } from '../api-client/state.ts';
import { frameWords } from './words.ts';

/** What keeps the page from what it shows, read out when it comes. */
export function TroubleBar() {
  return (
    <div role="alert">
      {trouble.value !== null && <p class="trouble">{frameWords().trouble[trouble.value]}</p>}
    </div>
  );
}
