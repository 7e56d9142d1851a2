import { signal } from '@preact/signals';
import { ask, newKey, Problem, upload } from '../../api-client/api.ts';
import { nowMs } from '../../frame/time.ts';

/** What is being sent from this page, or could not be. */
export interface Sending {
  /** By which the server knows it: however often it is asked, it is sent once. */
  key: string;
  account: string;
  user: string;
  text: string;
  files: readonly File[];
  timeMs: number;
  /** How much of the files is uploaded, from 0 to 1; null: nothing is on its way. */
  share: number | null;
  /** Why it was not sent, as a sentence; null: it is on its way. */
  problem: string | null;
  stop: AbortController;
}

const STORED = 'wxagent-sending';

/** Everything that is on its way, oldest first. */
export const sendings = signal<readonly Sending[]>([]);

export function send(account: string, user: string, text: string, files: readonly File[] = []): void {
  const one = { key: newKey(), account, user, text, files, timeMs: nowMs.peek() };
  sendings.value = [...sendings.value, { ...one, share: null, problem: null, stop: new AbortController() }];
  void go(one.key);
}

/** Sends what could not be sent, once more. */
export function sendAgain(key: string): void {
  change(key, { problem: null, stop: new AbortController() });
  void go(key);
}

/** Takes back what is on its way, or could not be sent. */
export function forget(key: string): void {
  const one = sendings.value.find((each) => each.key === key);
  sendings.value = sendings.value.filter((each) => each.key !== key);
  one?.stop.abort();
  keep();
}

async function go(key: string): Promise<void> {
  const one = sendings.value.find((each) => each.key === key);
  if (!one) return;
  keep();
  const { account, user, text, files, stop } = one;
  const path = `/accounts/${encodeURIComponent(account)}/send`;
  try {
    if (files.length === 0) await ask(path, { body: { text, to: user, format: 'raw' }, key });
    else {
      const form = new FormData();
      form.append('to', user);
      for (const file of files) form.append('file', file, file.name);
      await inTurn(async () => {
        stop.signal.throwIfAborted();
        await upload(path, form, { key, signal: stop.signal, onProgress: (share) => change(key, { share }) });
      });
    }
    forget(key);
  } catch (thrown) {
    if (stop.signal.aborted) return;
    change(key, { share: null, problem: thrown instanceof Error ? thrown.message : String(thrown) });
    // What the server has refused, it refuses again after a reload.
    if (thrown instanceof Problem && thrown.status !== 0) keep();
  }
}

let lastUpload: Promise<unknown> = Promise.resolve();

/** One upload after the other: files come in the order in which they were sent, and a browser has connections left. */
function inTurn(work: () => Promise<void>): Promise<void> {
  const mine = lastUpload.then(work);
  lastUpload = mine.catch(() => {});
  return mine;
}

function change(key: string, to: Partial<Sending>): void {
  sendings.value = sendings.value.map((one) => (one.key === key ? { ...one, ...to } : one));
}

/** Texts outlive a reload; of a file a browser keeps nothing, so it asks before it leaves. */
function keep(): void {
  const texts = sendings.value
    .filter(({ files }) => files.length === 0)
    .map(({ key, account, user, text, timeMs, problem }) => ({ key, account, user, text, timeMs, problem }));
  try {
    sessionStorage.setItem(STORED, JSON.stringify(texts));
  } catch {
    // Storage is switched off: a reload forgets it.
  }
}

/** Goes on with what a reload has interrupted. What was refused waits for a person. */
function resume(): void {
  try {
    const texts = JSON.parse(sessionStorage.getItem(STORED) ?? '[]') as Omit<Sending, 'files'>[];
    sendings.value = texts.map((one) => ({
      ...{ ...one, files: [], share: null, stop: new AbortController() },
    }));
  } catch {
    // It is not ours to read.
  }
  for (const { key, problem } of sendings.value) if (problem === null) void go(key);
}

resume();
addEventListener('beforeunload', (event) => {
  if (sendings.value.some(({ files, problem }) => files.length > 0 && problem === null))
    event.preventDefault();
});

/** What is being written to a user, kept for a reload. */
export function draftOf(account: string, user: string): { text: string; onChange: (text: string) => void } {
  const name = `wxagent-draft ${account} ${user}`;
  let text = '';
  try {
    text = sessionStorage.getItem(name) ?? '';
  } catch {
    // Storage is switched off.
  }
  return {
    text,
    onChange(now) {
      try {
        if (now === '') sessionStorage.removeItem(name);
        else sessionStorage.setItem(name, now);
      } catch {
        // Storage is switched off: a reload forgets it.
      }
    },
  };
}
