import { signal } from '@preact/signals';
import { openChannel } from '../../../page/channel.ts';
import { ask, Problem } from './api.ts';
import { isIn, sessions, wasIn } from './state.ts';
import { serverWords } from './words.ts';

/** A code of the address that nobody has looked at, as after too many wrong ones: it may still be good. */
export const offeredCode = signal('');

/** Why this browser did not come in; null: it was not tried. */
export const refusal = signal<string | null>(null);

/** Whoever comes in or goes does so in all pages of this browser. */
const otherPages = openChannel('wxagent-session', () => {
  // The page of a guest has no session.
  if (isIn.peek() !== null) void lookWhetherIn();
});

/** Comes in with the code of the address, or with the session there is. A code does not stay in the address. */
export async function begin(): Promise<void> {
  addEventListener('hashchange', () => void comeInByAddress());
  if (await comeInByAddress()) return;
  if (wasIn.peek() === 'no') isIn.value = false;
  else {
    await lookWhetherIn();
    // Who is not refused may be in: the page shows what is wrong, and tries again.
    isIn.value ??= true;
  }
}

/** Comes in where there is a session, and is out where it is refused. */
async function lookWhetherIn(): Promise<void> {
  await ask('/session').then(
    () => {
      isIn.value = true;
    },
    () => {},
  );
}

/** Exchanges a one-time code for the session of this browser. */
export async function comeIn(code: string): Promise<boolean> {
  try {
    await ask('/session', { body: { code } });
    offeredCode.value = '';
    sessions.value++;
    refusal.value = (await isKnown()) ? null : serverWords().noCookie;
    isIn.value = refusal.value === null;
    otherPages.tell(isIn.value);
    return isIn.value;
  } catch (thrown) {
    if (!(thrown instanceof Problem)) throw thrown;
    // It is wrong, used or too old.
    if (thrown.status === 401) offeredCode.value = '';
    refusal.value = thrown.message;
    return false;
  }
}

/** Whether the server knows this browser again: a cookie may be blocked, or was for https only. */
async function isKnown(): Promise<boolean> {
  return ask('/session').then(
    () => true,
    (thrown) => !(thrown instanceof Problem && thrown.status === 401),
  );
}

/** Ends the session of this browser. Throws Problem when the server cannot be told. */
export async function leave(): Promise<void> {
  await ask('/session', { method: 'DELETE' });
  refusal.value = null;
  isIn.value = false;
  otherPages.tell(false);
}

async function comeInByAddress(): Promise<boolean> {
  const [, code] = /^#code=(.*)$/.exec(location.hash) ?? [];
  if (code === undefined) return false;
  history.replaceState(null, '', '/');
  offeredCode.value = code;
  return comeIn(code);
}
