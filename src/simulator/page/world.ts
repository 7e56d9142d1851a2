import { computed, effect, signal } from '@preact/signals';
import { listenToEvents } from '../../page/listen-to-events.ts';
import type { StateView } from '../control/views.ts';
import type { Shown } from '../world/world.ts';

/** Lines that the page remembers. */
const MOST_LINES = 2_000;
/** Lines that come within so long are shown at once: a page that begins gets hundreds. */
const TOGETHER_MS = 30;

/** What the phones show, oldest first, with what they do not. */
const lines = signal<readonly Shown[]>([]);
/** Everything beside it; null: nothing has come yet. */
export const state = signal<StateView | null>(null);
export const linesByUser = computed<ReadonlyMap<string, readonly Shown[]>>(() => {
  const byUser = new Map<string, Shown[]>();
  for (const line of lines.value) {
    const own = byUser.get(line.user);
    if (own) own.push(line);
    else byUser.set(line.user, [line]);
  }
  return byUser;
});
/** Users that were added here and have not written yet. */
export const added = signal<readonly string[]>(remembered('added', []));

const chosen = signal<string | null>(remembered('chosen', null));

/** Whose phones there are, the owner first. */
export const users = computed<readonly string[]>(() => {
  const known = state.value?.contacts.map(({ user }) => user) ?? [];
  return [...known, ...added.value.filter((user) => !known.includes(user))];
});

/** Whose phone is looked at; null: no state has come yet. */
export const selected = computed<string | null>(() => {
  if (!state.value) return null;
  const { value } = users;
  return chosen.value !== null && value.includes(chosen.value) ? chosen.value : (value[0] ?? null);
});

/** The last line of each user that has been looked at, in one world. */
const seen = signal<{ world: string; lines: Readonly<Record<string, number>> }>(
  remembered('seen', { world: '', lines: {} }),
);

/** How many messages of the bot a user has not looked at. */
export function unreadOf(user: string): number {
  if (user === selected.value) return 0;
  const { [user]: last = 0 } = seen.value.lines;
  return (linesByUser.value.get(user) ?? []).filter(
    (line) => line.n > last && line.from === 'bot' && line.hidden === null,
  ).length;
}

/** Looks at the phone of a user. */
export function select(user: string): void {
  chosen.value = user;
}

/** The user who scans when nobody is named. */
const owner = computed(() => state.value?.contacts.find((contact) => contact.isOwner)?.user);

export function isOwner(user: string): boolean {
  return user === owner.value;
}

let arrived: Shown[] = [];

function showArrived(): void {
  lines.value = [...lines.value, ...arrived].slice(-MOST_LINES);
  arrived = [];
}

/** How the page stands with the simulator; listening begins here. */
export const { connection } = listenToEvents('/_sim/live', {
  reset: () => {
    arrived = [];
    lines.value = [];
  },
  shown: (line) => {
    if (arrived.length === 0) setTimeout(showArrived, TOGETHER_MS);
    arrived.push(line as Shown);
  },
  state: (view) => {
    state.value = view as StateView;
    const { world } = state.value;
    if (seen.peek().world !== world) seen.value = { world, lines: {} };
  },
});

effect(() => {
  const user = selected.value;
  const last = lines.value.at(-1)?.n ?? 0;
  if (user === null || seen.value.lines[user] === last) return;
  seen.value = { ...seen.value, lines: { ...seen.value.lines, [user]: last } };
});
effect(() => remember('seen', seen.value));
effect(() => remember('added', added.value));
effect(() => remember('chosen', chosen.value));

/** What the page has remembered for a reload. */
function remembered<T>(name: string, initial: T): T {
  try {
    return (JSON.parse(sessionStorage.getItem(`wxagent-${name}`) ?? 'null') as T | null) ?? initial;
  } catch {
    return initial;
  }
}

function remember(name: string, value: unknown): void {
  try {
    sessionStorage.setItem(`wxagent-${name}`, JSON.stringify(value));
  } catch {
    // Storage is switched off: a reload forgets it.
  }
}
