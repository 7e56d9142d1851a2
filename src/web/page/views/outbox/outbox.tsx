import { useSignal } from '@preact/signals';
import { Icon } from '../../../../page/icons.tsx';
import { dayAndTime } from '../../../../page/language.ts';
import type { Part } from '../../api-client/types.ts';
import { confirmed } from '../../frame/dialog.tsx';
import { useLoaded } from '../../frame/load.ts';
import { WhenLoaded } from '../../frame/loading.tsx';
import { accountName, userName } from '../../frame/names.ts';
import { stateWords } from '../../frame/state-words.ts';
import { complain, tell } from '../../frame/toast.tsx';
import type { View } from '../../frame/view.ts';
import { LaterTexts } from './later.tsx';
import { dropPart, loadOpenParts, type UserQueue } from './parts.ts';
import { outboxWords } from './words.ts';

/** How long a runner keeps what it holds, without `--hold-max`. */
const HOLD_MAX_MS = 7 * 24 * 3_600_000;

/** What waits to be sent: why, until when, and what will become of it. */
export const OUTBOX: View = {
  path: 'outbox',
  name: { en: 'Outbox', zh: '发件箱' },
  icon: 'outbox',
  isMain: true,
  Content: Outbox,
};

function Outbox() {
  const words = outboxWords();
  const pages = useSignal(1);
  const loaded = useLoaded(
    (signal) => loadOpenParts(pages.value, signal),
    [pages.value],
    ({ type }) => ['part', 'verdict', 'scheduled', 'login'].includes(type),
  );
  return (
    <WhenLoaded of={loaded}>
      {({ queues, later, hasMore }) => (
        <>
          {queues.length + later.length === 0 && (
            <p class="nothing">
              <Icon name="check" />
              {words.nothing}
            </p>
          )}
          {queues.map((queue) => (
            <Queue
              key={`${queue.account.id} ${queue.user}`}
              queue={queue}
              isWhole={!hasMore}
              onDrop={loaded.reload}
            />
          ))}
          {later.length > 0 && <LaterTexts later={later} onDrop={loaded.reload} />}
          {queues.some(({ parts }) => parts.some(isHeld)) && <p class="dim about">{words.holdMax}</p>}
          {hasMore && (
            <button type="button" onClick={() => pages.value++}>
              {words.more}
            </button>
          )}
        </>
      )}
    </WhenLoaded>
  );
}

function Queue(props: { queue: UserQueue; isWhole: boolean; onDrop: () => void }) {
  const { queue, isWhole, onDrop } = props;
  const { account, user, parts } = queue;
  const held = parts.find(isHeld);
  return (
    <section class="card queue" aria-label={userName(user)}>
      <div class="card-head">
        <h2>{userName(user)}</h2>
        <span class="dim">{accountName(account)}</span>
      </div>
      {held && (
        <p class="why">
          <Icon name="alert" />
          <span>{outboxWords().held(stateWords().holds[held.reason ?? ''] ?? held.reason ?? '')}</span>
        </p>
      )}
      <p class="dim">{whatHappens(queue, isWhole)}</p>
      <ol class="parts">
        {parts.map((part) => (
          <PartRow key={part.id} part={part} onDrop={() => drop(queue, part).finally(onDrop)} />
        ))}
      </ol>
    </section>
  );
}

function PartRow({ part, onDrop }: { part: Part; onDrop: () => void }) {
  const words = outboxWords();
  const { verdict, createdAt, heldAt } = part;
  const since = words.since(dayAndTime(Date.parse(heldAt ?? createdAt)));
  return (
    <li>
      <div>
        <p class="part-text">
          {part.name !== null && <Icon name={part.kind === 'image' ? 'picture' : 'file'} />}
          {gistOf(part)}
        </p>
        <p class="dim">
          <span class={`badge ${verdict === 'held' ? 'warn' : ''}`}>{stateWords().verdicts[verdict]}</span>{' '}
          {[since, delayOf(part), untilWhen(part)].filter(Boolean).join(' · ')}
        </p>
      </div>
      {verdict !== 'sending' && (
        <button type="button" aria-label={words.dropNamed(gistOf(part))} onClick={onDrop}>
          {words.drop}
        </button>
      )}
    </li>
  );
}

async function drop({ account, user }: UserQueue, part: Part): Promise<void> {
  const words = outboxWords();
  const about = words.ask.about(gistOf(part), userName(user));
  if (!(await confirmed({ title: words.ask.title, about, act: words.drop }))) return;
  try {
    const { verdict, isDropped } = await dropPart(account, part);
    if (!isDropped) complain(words.already(stateWords().verdicts[verdict] ?? verdict));
    else tell(verdict === 'unconfirmed' ? words.droppedUnsure : words.dropped);
  } catch (thrown) {
    complain(thrown);
  }
}

/** `isWhole` false: there may be more of them than are loaded. */
function whatHappens({ account, parts }: UserQueue, isWhole: boolean): string {
  const words = outboxWords();
  if (account.login === 'expired') return words.waitsForLogin;
  const held = parts.filter(isHeld);
  if (held.length === 0) return words.goesByItself;
  if (held.every(({ reason }) => reason === 'throttle')) return words.whenThrottleEnds;
  if (!isWhole) return words.whenTheyWriteAny;
  const texts = held.filter(({ kind }) => kind === 'text').length;
  return words.whenTheyWrite(texts, held.length - texts);
}

function delayOf({ verdict, reason }: Part): string | null {
  return verdict === 'delayed' && reason !== null ? (stateWords().delays[reason] ?? reason) : null;
}

function untilWhen({ heldAt, expiresAt }: Part): string | null {
  const words = outboxWords();
  if (expiresAt !== null) return words.until(dayAndTime(Date.parse(expiresAt)));
  return heldAt === null ? null : words.untilByRunner(dayAndTime(Date.parse(heldAt) + HOLD_MAX_MS));
}

function gistOf({ text, name, kind }: Part): string {
  return name === null ? text : `${outboxWords().files[kind] ?? kind}: ${name}`;
}

function isHeld({ verdict }: Part): boolean {
  return verdict === 'held';
}
