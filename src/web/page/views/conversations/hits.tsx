import { useEffect, useState } from 'preact/hooks';
import { dayAndTime } from '../../../../page/language.ts';
import { ask } from '../../api-client/api.ts';
import type { Account, Entry, Message } from '../../api-client/types.ts';
import { plain, userName } from '../../frame/names.ts';
import { linkTo } from '../../frame/route.ts';
import { keyOf } from './entries.ts';
import { conversationWords } from './words.ts';

const PAGE = 30;
/** So much is shown around what was looked for. */
const AROUND_CHARS = 30;

interface Hit {
  key: string;
  user: string;
  timeMs: number;
  text: string;
}

/** Where a search goes on; null: it is over. */
interface Places {
  messages: number | null;
  parts: number | null;
}

/** What users wrote and what was sent to them that has a text in it, newest first. */
export function Hits({ account, text, hasUsers }: { account: Account; text: string; hasUsers: boolean }) {
  const words = conversationWords();
  const [hits, setHits] = useState<readonly Hit[]>([]);
  const [places, setPlaces] = useState<Places | null>(null);
  const [problem, setProblem] = useState<string | null>(null);
  const [isBusy, setBusy] = useState(true);

  const load = async (from: Places | null, signal?: AbortSignal): Promise<void> => {
    setBusy(true);
    try {
      const [messages, parts] = await Promise.all([
        find<{ messages: Message[] }>(account, 'messages', text, from),
        find<{ parts: NonNullable<Entry['part']>[] }>(account, 'parts', text, from),
      ]);
      if (signal?.aborted) return;
      const more = [
        ...(messages?.messages ?? []).map((message) => hitOf({ message, part: null })),
        ...(parts?.parts ?? []).map((part) => hitOf({ message: null, part })),
      ];
      setHits((before) => [...(from === null ? [] : before), ...more].sort((a, b) => b.timeMs - a.timeMs));
      setPlaces({ messages: messages?.before ?? null, parts: parts?.before ?? null });
      setProblem(null);
    } catch (thrown) {
      if (!signal?.aborted) setProblem(thrown instanceof Error ? thrown.message : String(thrown));
    } finally {
      if (!signal?.aborted) setBusy(false);
    }
  };
  useEffect(() => {
    const stop = new AbortController();
    void load(null, stop.signal);
    return () => stop.abort();
  }, [account.id, text]);

  const goesOn = places !== null && (places.messages !== null || places.parts !== null);
  return (
    <div aria-busy={isBusy}>
      {hits.length > 0 && <h2>{words.texts}</h2>}
      {problem !== null && (
        <p class="problem" role="alert">
          {problem}
        </p>
      )}
      <ul>
        {hits.map(({ key, user, timeMs, text: said }) => (
          <li key={key}>
            <a class="contact" href={linkTo('conversations', account.id, user, key)}>
              <span class="contact-text">
                <span class="contact-name">
                  <strong dir="auto">{userName(user)}</strong>
                  <small>{dayAndTime(timeMs)}</small>
                </span>
                <small class="hit" dir="auto">
                  <Marked text={said} wanted={text} />
                </small>
              </span>
            </a>
          </li>
        ))}
      </ul>
      <p role="status">{!isBusy && hits.length === 0 && !hasUsers && !goesOn && words.noHit}</p>
      {goesOn && (
        <button type="button" class="quiet more" disabled={isBusy} onClick={() => void load(places)}>
          {words.searchOn}
        </button>
      )}
    </div>
  );
}

/** The next hits from this place on; null: there are no more. */
async function find<T>(
  { id }: Account,
  what: 'messages' | 'parts',
  text: string,
  from: Places | null,
): Promise<(T & { before: number | null }) | null> {
  if (from?.[what] === null) return null;
  const place = from === null ? '' : `&before=${from[what]}`;
  const found = `/accounts/${encodeURIComponent(id)}/${what}?limit=${PAGE}&text=${encodeURIComponent(text)}`;
  return ask<T & { before: number | null }>(found + place);
}

function hitOf(entry: Entry): Hit {
  const key = keyOf(entry);
  if (entry.part) {
    const { user, createdAt, text, name } = entry.part;
    return { key, user, timeMs: Date.parse(createdAt), text: text || (name ?? '') };
  }
  const { user, time, text, files } = entry.message;
  const names = files.map(({ name }) => name ?? '').join(' ');
  return { key, user, timeMs: Date.parse(time), text: `${text} ${names}`.trim() };
}

/** What was looked for, with what stands around it. */
function Marked({ text, wanted }: { text: string; wanted: string }) {
  const at = text.toLowerCase().indexOf(wanted.toLowerCase());
  if (at < 0) return <>{plain(text.slice(0, 2 * AROUND_CHARS))}</>;
  const end = at + wanted.length;
  const from = Math.max(0, at - AROUND_CHARS);
  return (
    <>
      {from > 0 && '…'}
      {plain(text.slice(from, at))}
      <mark>{plain(text.slice(at, end))}</mark>
      {plain(text.slice(end, end + AROUND_CHARS))}
      {end + AROUND_CHARS < text.length && '…'}
    </>
  );
}
