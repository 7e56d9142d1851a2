import { signal, useSignal } from '@preact/signals';
import { dayAndTime } from '../../../../page/language.ts';
import { ask, newKey } from '../../api-client/api.ts';
import type { ScheduledText } from '../../api-client/types.ts';
import { Modal } from '../../frame/dialog.tsx';
import { nowMs } from '../../frame/time.ts';
import { tell } from '../../frame/toast.tsx';
import { conversationWords } from './words.ts';

interface Later {
  account: string;
  user: string;
  text: string;
  /** However often the server is asked, the text is kept once. */
  key: string;
  answer: (isKept: boolean) => void;
}

const asked = signal<Later | null>(null);

/** Asks when a text is to be sent, and has it kept until then; whether it is kept. */
export function sendLater(account: string, user: string, text: string): Promise<boolean> {
  end(false);
  return new Promise((answer) => {
    asked.value = { account, user, text, key: newKey(), answer };
  });
}

function end(isKept: boolean): void {
  const later = asked.peek();
  asked.value = null;
  later?.answer(isKept);
}

/** The place where the time is asked for. */
export function LaterDialog() {
  const later = asked.value;
  return (
    <Modal question={later} titleId="later-title" onLeave={() => end(false)}>
      {later && <TimeForm key={later.key} later={later} />}
    </Modal>
  );
}

function TimeForm({ later }: { later: Later }) {
  const words = conversationWords().later;
  const at = useSignal(inAnHour());
  const problem = useSignal<string | null>(null);
  const isBusy = useSignal(false);
  const keep = async (): Promise<void> => {
    const { account, user, text, key } = later;
    const body = { text, to: user, format: 'raw', at: new Date(at.value).toISOString() };
    isBusy.value = true;
    try {
      const path = `/accounts/${encodeURIComponent(account)}/scheduled`;
      const kept = await ask<ScheduledText>(path, { body, key });
      tell(words.kept(dayAndTime(Date.parse(kept.at))));
      if (asked.peek() === later) end(true);
    } catch (thrown) {
      problem.value = thrown instanceof Error ? thrown.message : String(thrown);
      isBusy.value = false;
    }
  };
  return (
    <form
      onSubmit={(event) => {
        event.preventDefault();
        if (!isBusy.value) void keep();
      }}
    >
      <h2 id="later-title">{words.title}</h2>
      <p>{words.about}</p>
      <label class="field">
        <span>{words.at}</span>
        <input
          type="datetime-local"
          required
          value={at.value}
          aria-describedby="later-problem"
          onInput={({ currentTarget }) => {
            at.value = currentTarget.value;
          }}
        />
      </label>
      <p id="later-problem" class="refusal" role="alert">
        {problem.value}
      </p>
      <div class="buttons">
        <button type="button" onClick={() => end(false)}>
          {words.cancel}
        </button>
        <button type="submit" class="primary" aria-disabled={isBusy.value}>
          {words.act}
        </button>
      </div>
    </form>
  );
}

/** The full hour that is at least one away, as the field has it: where the browser is. */
function inAnHour(): string {
  const date = new Date(nowMs.peek());
  date.setHours(date.getHours() + 2, 0, 0, 0);
  const of = (n: number): string => String(n).padStart(2, '0');
  return `${date.getFullYear()}-${of(date.getMonth() + 1)}-${of(date.getDate())}T${of(date.getHours())}:00`;
}
