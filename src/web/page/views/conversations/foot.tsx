import { ask } from '../../api-client/api.ts';
import type { Entry } from '../../api-client/types.ts';
import { confirmed } from '../../frame/dialog.tsx';
import { stateWords } from '../../frame/state-words.ts';
import { complain, tell } from '../../frame/toast.tsx';
import { forget, type Sending, sendAgain } from './sending.ts';
import { conversationWords } from './words.ts';

/** States in which a message can be run again; one that is done was answered. */
const RUNS_AGAIN = ['failed', 'ignored', 'superseded'];

/** What became of an entry, in words, and what can be done about it. */
export function Foot({ entry, account }: { entry: Entry; account: string }) {
  return entry.part ? (
    <PartFoot part={entry.part} account={account} />
  ) : (
    <MessageFoot message={entry.message} account={account} />
  );
}

function PartFoot({ part, account }: { part: NonNullable<Entry['part']>; account: string }) {
  const words = conversationWords();
  const { verdicts, holds, whenHeldGoes } = stateWords();
  const { verdict, reason, origin } = part;
  const isBad = ['refused', 'expired'].includes(verdict);
  const isHeld = verdict === 'held';
  const why = reason === null ? null : (holds[reason] ?? words.reasons[reason] ?? reason);
  const state = verdicts[verdict] ?? verdict;
  const what = why === null ? state : words.because(state, why);
  const drop = async (): Promise<void> => {
    const isSure = await confirmed({ title: words.dropTitle, about: words.dropAbout, act: words.drop });
    if (!isSure) return;
    await ask(`/accounts/${encodeURIComponent(account)}/parts/${part.id}`, { method: 'DELETE' }).then(
      () => tell(words.dropped),
      complain,
    );
  };
  return (
    <p class={`foot ${isBad ? 'bad' : isHeld ? 'held' : ''}`}>
      <span>
        {words.origins[origin] ?? origin} ·{' '}
        {isHeld && reason !== null ? words.next(what, whenHeldGoes(reason)) : what}
      </span>
      {isHeld && (
        <button type="button" class="small" onClick={() => void drop()}>
          {words.drop}
        </button>
      )}
    </p>
  );
}

function MessageFoot({ message, account }: { message: NonNullable<Entry['message']>; account: string }) {
  const words = conversationWords();
  const { state, reason, detail, attempt, id, user } = message;
  if (state === 'done') return null;
  const [first = '', ...stderr] = (detail ?? '').split('\n');
  const runAgain = (): void => {
    ask(`/accounts/${encodeURIComponent(account)}/messages/${encodeURIComponent(id)}/retry`, {
      method: 'POST',
    }).then(() => tell(words.ranAgain), complain);
  };
  const allow = (): void => {
    ask(`/accounts/${encodeURIComponent(account)}/allowed`, { body: { user } }).then(
      () => tell(words.allowed),
      complain,
    );
  };
  const what = [words.states[state] ?? state, words.reasons[reason ?? ''] ?? reason, first]
    .filter((one) => one !== null && one !== '')
    .reduce<string>((all, one) => (all === '' ? `${one}` : words.because(all, `${one}`)), '');
  return (
    <div class={`foot ${state === 'failed' ? 'bad' : ''}`}>
      <p>{attempt > 1 ? words.withAttempt(what, attempt) : what}</p>
      {stderr.length > 0 && (
        <details>
          <summary>{words.stderr}</summary>
          {/* biome-ignore lint/a11y/noNoninteractiveTabindex: what scrolls must be reached by keyboard. */}
          <pre tabIndex={0}>{stderr.join('\n')}</pre>
        </details>
      )}
      {reason === 'stranger' && (
        <button type="button" class="small" onClick={allow}>
          {words.allow}
        </button>
      )}
      {RUNS_AGAIN.includes(state) && reason !== 'command' && (
        <button type="button" class="small" onClick={runAgain}>
          {words.runAgain}
        </button>
      )}
    </div>
  );
}

/** How far something is that this page sends, or why it was not sent. */
export function SendingFoot({ sending: { key, share, problem, files } }: { sending: Sending }) {
  const words = conversationWords();
  if (problem !== null)
    return (
      <div class="foot bad" role="alert">
        <p>
          {words.notSent} {problem}
        </p>
        <p>
          <button type="button" class="small" onClick={() => sendAgain(key)}>
            {words.sendAgain}
          </button>{' '}
          <button type="button" class="small" onClick={() => forget(key)}>
            {words.discard}
          </button>
        </p>
      </div>
    );
  if (files.length === 0) return <p class="foot">{words.sending}</p>;
  const percent = Math.floor((share ?? 0) * 100);
  return (
    <div class="foot">
      <progress max={100} value={percent} aria-label={words.uploaded(percent)} />
      <span>{words.uploaded(percent)}</span>
      <button type="button" class="small" onClick={() => forget(key)}>
        {words.cancelUpload}
      </button>
    </div>
  );
}
