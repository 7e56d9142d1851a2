import { dayAndTime } from '../../../../page/language.ts';
import { confirmed } from '../../frame/dialog.tsx';
import { accountName, userName } from '../../frame/names.ts';
import { complain, tell } from '../../frame/toast.tsx';
import { dropLater, type Later } from './parts.ts';
import { outboxWords } from './words.ts';

/** Texts of `send --at`: a runner queues them at their time. */
export function LaterTexts({ later, onDrop }: { later: readonly Later[]; onDrop: () => void }) {
  const words = outboxWords();
  return (
    <section class="card queue" aria-labelledby="later">
      <h2 id="later">{words.later}</h2>
      <p class="dim">{words.laterAbout}</p>
      <ol class="parts">
        {later.map((one) => {
          const { account, text } = one;
          return (
            <li key={`${account.id} ${text.id}`}>
              <div>
                <p class="part-text">{text.text}</p>
                <p class="dim">
                  <time dateTime={text.at}>{words.at(dayAndTime(Date.parse(text.at)))}</time>
                  {' · '}
                  {userName(text.user)} ({accountName(account)})
                </p>
              </div>
              <button
                type="button"
                aria-label={words.dropNamed(text.text)}
                onClick={() => drop(one).finally(onDrop)}
              >
                {words.drop}
              </button>
            </li>
          );
        })}
      </ol>
    </section>
  );
}

async function drop(later: Later): Promise<void> {
  const words = outboxWords();
  const about = words.ask.about(later.text.text, userName(later.text.user));
  if (!(await confirmed({ title: words.ask.laterTitle, about, act: words.drop }))) return;
  try {
    if (await dropLater(later)) tell(words.dropped);
    else complain(words.gone);
  } catch (thrown) {
    complain(thrown);
  }
}
