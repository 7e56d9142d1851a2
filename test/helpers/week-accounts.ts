import type { WeekRecord } from './week.ts';
import type { StoredPart } from './week-store.ts';

const HIDDEN = /\.\.\. (\d+) more are not shown/g;
const UNCOUNTED = /\.\.\. and (\d+) more that were not kept/g;

/**
 * What is wrong with the accounts of a week. Each alert is on the phone, in a text of several, or was told another way, once.
 * Which of that it is, the store says as well. Those that were only counted are in the numbers of texts, and so are those for
 * which a text of many had no room.
 */
export function faultsOf({ plan, alerts, shown, told, parts, torn }: WeekRecord): string[] {
  const faults: string[] = [];
  const bySeq = new Map(parts.map((part) => [part.seq, part]));
  const byId = new Map<string, StoredPart[]>();
  for (const part of parts) {
    if (part.id === null) continue;
    const id = part.id.replace(/^[^:]*:/, '');
    byId.set(id, [...(byId.get(id) ?? []), part]);
  }
  /** What a command was told of the same parts twice counts once where a killed runner may have begun it. */
  const once = told.filter(
    (one, at) =>
      !one.parts.every((part) => torn.has(Number(part))) ||
      told.findIndex((other) => other.parts.join() === one.parts.join()) === at,
  );
  const onPhone = countWords(shown);
  const elsewhere = countWords(once.map(({ text }) => text));
  const lost: StoredPart[] = [];
  let hidden = 0;
  let repeated = 0;
  let counted = 0;

  for (const alert of alerts) {
    const { id, source, verdict, key } = alert;
    const rows = byId.get(id) ?? [];
    const [row] = rows;
    const places = [onPhone.get(id) ?? 0, elsewhere.get(id) ?? 0] as const;
    const sum = places[0] + places[1];
    const named = `${id} of ${plan.sources[source]?.options.join(' ')}, ${verdict}`;
    if (alert.isRepeated) repeated++;
    if (verdict === 'counted') {
      counted++;
      if (rows.length > 0 || sum > 0)
        faults.push(`${named}: only counted, but kept or told: ${JSON.stringify([rows, places])}`);
      continue;
    }
    if (!row || rows.length > 1) {
      faults.push(`${named}: ${rows.length} rows`);
      continue;
    }
    let carrier = row;
    for (let next: StoredPart | undefined = row; next; next = bySeq.get(next.mergedInto ?? -1))
      carrier = next;
    const say = (what: string): void =>
      void faults.push(
        `${named}: ${what}; phone ${places[0]}, other way ${places[1]}, ${carrier.seq} is ${carrier.state} (${carrier.reason}), of ${row.seq}, into ${carrier.mergedInto}; ${commandsOf(told, carrier)}`,
      );
    const isLate = carrier.reason === 'ttl' && alert.ttl !== undefined;
    const isReplaced =
      carrier.reason === 'replaced' &&
      alerts.some((one) => one !== alert && one.source === source && one.key === key && key !== undefined);
    if (isLate && carrier.state === 'expired') counted++;
    if (sum > 1) say('more than once');
    else if (isLate || isReplaced) {
      // What is given up while it may have arrived is unconfirmed.
      if (sum > 0 && carrier.state !== 'unconfirmed') say('given up');
    } else if (places[0] === 1 && carrier.state !== 'confirmed') say('on the phone');
    else if (places[1] === 1 && carrier.state !== 'fallback') say('told another way');
    else if (sum === 0) {
      const mayBeTold = plan.fallbackWithin !== null || plan.sources[source]?.hasFallback === true;
      const isTold = mayBeTold && carrier.tries < MOST_TRIES;
      if (torn.has(carrier.seq)) continue;
      if (carrier.state === 'confirmed' || carrier.state === 'fallback') hidden++;
      else if (carrier.state === 'unconfirmed' && !isTold) lost.push(carrier);
      else say('nowhere');
    }
  }

  const texts = [...shown, ...once.map(({ text }) => text)];
  if (sumOf(HIDDEN, texts) !== hidden)
    faults.push(`${hidden} are in no text, of which texts say ${sumOf(HIDDEN, texts)}`);
  const unheard = [...new Set(lost)].map(({ text }) => text);
  const saidCounted = sumOf(UNCOUNTED, [...texts, ...unheard]);
  // A program that was not answered pushes again what may have been counted.
  if (saidCounted < counted || saidCounted > counted + repeated)
    faults.push(`${counted} were only counted, of which texts say ${saidCounted}`);
  const known = new Set(alerts.map(({ id }) => id));
  for (const id of [...onPhone.keys(), ...elsewhere.keys()])
    if (!known.has(id)) faults.push(`${id} was never pushed`);
  for (const { seq, state } of parts)
    if (!FINAL.includes(state)) faults.push(`${seq} is ${state} at the end`);
  return faults;
}

/** So often a command is tried. */
const MOST_TRIES = 3;
const FINAL = ['confirmed', 'unconfirmed', 'refused', 'expired', 'merged', 'fallback'];

/** How often a command was started for a part, and with which others. */
function commandsOf(told: WeekRecord['told'], { seq, tries }: StoredPart): string {
  const own = told.filter(({ parts }) => parts.includes(String(seq)));
  return `${tries} commands, done: ${JSON.stringify(own.map(({ attempt, parts }) => [attempt, parts.join()]))}`;
}

function countWords(texts: readonly string[]): Map<string, number> {
  const counts = new Map<string, number>();
  for (const text of texts)
    for (const [word] of text.matchAll(/alert-\d+/g)) counts.set(word, (counts.get(word) ?? 0) + 1);
  return counts;
}

function sumOf(number: RegExp, texts: readonly string[]): number {
  return texts.reduce(
    (sum, text) => sum + [...text.matchAll(number)].reduce((one, [, n]) => one + Number(n), 0),
    0,
  );
}
