import fc from 'fast-check';

/** Alerts that come at once, once in a week. */
const BURST = 300;

/** What a source allows itself, and whether what is not confirmed in time is told another way. */
export interface SourcePlan {
  name: string;
  options: string[];
  hasFallback: boolean;
}

/** What happens before the alerts of a step. */
export type Happening =
  | 'the user writes'
  | 'the account goes deaf'
  | 'the account hears again'
  | 'the login dies'
  | 'somebody logs in'
  | 'the mail is down'
  | 'the mail is up'
  | 'a runner is killed'
  | 'a runner starts anew';

/** An alert: its source, and what it has beside its text. */
export interface WeekAlert {
  source: number;
  isLong?: boolean;
  ttl?: string;
  key?: string;
}

/** One step, the alerts that come in it, and how long it takes. */
export interface WeekStep {
  happenings: Happening[];
  alerts: WeekAlert[];
  /** A runner is killed while these are on their way. */
  isCut: boolean;
  hours: number;
}

/** A week of alerts. */
export interface WeekPlan {
  sources: SourcePlan[];
  /** Whether what no source's command takes is told another way as well (`--on undelivered`), and after how long. */
  fallbackWithin: string | null;
  steps: WeekStep[];
}

/** The hours at which there are alerts: each of the day, and one in the night. */
const HOURS = [...Array.from({ length: 16 }, (_, n) => 8 + n), 27];
const DAYS = 7;

const WITHIN = fc.constantFrom('10m', '30m', '3h');
const options = {
  digest: fc.constantFrom('5m', '30m', '2h').map((time) => ['--digest', time]),
  limit: fc.constantFrom('1/h', '2/4h', '6/h').map((limit) => ['--limit', limit]),
  quiet: fc.constantFrom('23:00-07:00', '12:00-14:30').map((hours) => ['--quiet-hours', hours]),
  important: fc.constant<string[]>(['--important']),
  fallback: WITHIN.map((time) => ['--fallback', 'sh ./tell.sh', '--within', time]),
};
const anyOf = fc.tuple(
  ...Object.values(options).map((option) => fc.option(option, { nil: [] as string[], freq: 1 })),
);

/** Each option alone, none, and three sources of any options. */
const sources: fc.Arbitrary<SourcePlan[]> = fc
  .tuple(
    fc.constant([[]] as string[][]),
    ...Object.values(options).map((o) => o.map((one) => [one])),
    anyOf,
    anyOf,
    anyOf,
  )
  .map((all) =>
    all.map((chosen, n) => {
      const given = chosen.flat();
      return { name: `s${n}`, options: given, hasFallback: given.includes('--fallback') };
    }),
  );

/** What few alerts have beside their text, by chance. */
const RARE: readonly Omit<WeekAlert, 'source'>[] = [
  ...[{ isLong: true }, { ttl: '10m' }, { ttl: '5h' }, { key: 'a' }, { key: 'b' }, { key: 'a', ttl: '90m' }],
];

const place = fc.nat(DAYS * HOURS.length - 1);
const between = fc.tuple(place, fc.integer({ min: 1, max: 16 }));

/** A random week: an alert an hour by day, few by night, a burst; a user who writes twice a day, and never on one day. */
export const weeks: fc.Arbitrary<WeekPlan> = fc
  .record({
    sources,
    fallbackWithin: fc.option(WITHIN, { nil: null }),
    alerts: fc.array(fc.tuple(fc.nat(1_000), fc.nat(20)), {
      minLength: DAYS * HOURS.length,
      maxLength: DAYS * HOURS.length,
    }),
    burst: fc.record({
      at: place,
      from: fc.array(fc.nat(1_000), { minLength: 1, maxLength: 3 }),
      isCut: fc.boolean(),
    }),
    silentDay: fc.nat(DAYS - 1),
    writes: fc.array(fc.tuple(fc.nat(15), fc.nat(15)), { minLength: DAYS, maxLength: DAYS }),
    deaf: between,
    dead: between,
    mailDown: between,
    kills: fc.array(place, { minLength: 1, maxLength: 2 }),
    cuts: fc.array(place, { minLength: 1, maxLength: 2 }),
    restart: place,
  })
  .map(({ sources, fallbackWithin, alerts, burst, silentDay, writes, kills, cuts, restart, ...times }) => {
    const steps = alerts.map(([source, chance], n): WeekStep => {
      const hour = HOURS[n % HOURS.length] as number;
      const next = HOURS[(n + 1) % HOURS.length] as number;
      const isNight = hour > 23;
      return {
        happenings: [],
        alerts: isNight && chance > 5 ? [] : [{ source: source % sources.length, ...RARE[chance] }],
        isCut: cuts.includes(n),
        hours: (next - hour + 24) % 24,
      };
    });
    const at = (n: number): WeekStep => steps[Math.min(n, steps.length - 1)] as WeekStep;
    for (let n = 0; n < BURST; n++)
      at(burst.at).alerts.push({
        source: (burst.from[n % burst.from.length] as number) % sources.length,
        ...RARE[n % 50],
      });
    at(burst.at).isCut ||= burst.isCut;
    for (const [day, hours] of writes.entries())
      if (day !== silentDay)
        for (const hour of hours) at(day * HOURS.length + hour).happenings.push('the user writes');
    const span = ([from, long]: [number, number], begins: Happening, ends: Happening): void => {
      at(from).happenings.push(begins);
      at(from + long).happenings.push(ends);
    };
    span(times.deaf, 'the account goes deaf', 'the account hears again');
    span(times.dead, 'the login dies', 'somebody logs in');
    span(times.mailDown, 'the mail is down', 'the mail is up');
    for (const n of kills) at(n).happenings.push('a runner is killed');
    at(restart).happenings.push('a runner starts anew');
    return { sources, fallbackWithin, steps };
  });
