import { type IntervalHistogram, monitorEventLoopDelay } from 'node:perf_hooks';
import { BUDGET_MESSAGES } from '../../core/message/wechat-limits.ts';
import { type AccountMeasures, OPEN_PART_STATES } from '../../store/port/port.ts';
import type { WebBackend } from '../port/backend.ts';
import { storeAnswer } from '../port/store-answer.ts';
import { createEventCounters, type EventCounts, TURN_LIMITS } from './event-counters.ts';
import { histogram, type Metric, prometheusText, type Sample } from './prometheus-text.ts';

/** The delay of the event loop is looked at so often. */
const LOOP_MS = 50;

/** What stands behind the numbers. */
interface Measured {
  version: string;
  nowMs: number;
  accounts: readonly (AccountMeasures & { id: string })[];
  counts: EventCounts;
  /** How long a write to the store took. */
  storeMs: number;
  loop: Pick<IntervalHistogram, 'mean' | 'max' | 'percentile'>;
  streams: number;
}

/** Makes what `/metrics` answers. Nothing is measured before it is first asked. Throws WxError `storage` for a slow store. */
export function createMetrics(
  backend: WebBackend,
  streams: { readonly count: number },
): () => Promise<string> {
  const { store, clock, version } = backend;
  const count = createEventCounters(store.events);
  let loop: IntervalHistogram | null = null;

  return async () => {
    if (loop === null) {
      loop = monitorEventLoopDelay({ resolution: LOOP_MS });
      loop.enable();
    }
    const startedAtMs = clock.monotonic();
    await storeAnswer(store.admin.probe());
    const storeMs = clock.monotonic() - startedAtMs;
    const [known, measures, counts] = await Promise.all([
      backend.accounts(),
      store.admin.measures(clock.now()),
      count(),
    ]);
    const ids = new Map(known.map(({ key, id }) => [key, id]));
    const accounts = measures.flatMap((one) => {
      const id = ids.get(one.account);
      return id === undefined ? [] : [{ ...one, id }];
    });
    const measured = { version, nowMs: clock.now(), accounts, counts, storeMs, loop, streams: streams.count };
    const text = prometheusText(metricsOf(measured));
    loop.reset();
    return text;
  };
}

/** Every metric. Labels are states and IDs of bots: nothing of users, and nothing that anybody wrote. */
export function metricsOf(measured: Measured): Metric[] {
  const { version, nowMs, accounts, counts, storeMs, loop, streams } = measured;
  // Node tells how far its looks were apart, not how much later than wanted they came.
  const lateness = (nanoseconds: number): number =>
    Number.isNaN(nanoseconds) ? 0 : Math.max(0, nanoseconds - LOOP_MS * 1e6) / 1e9;
  const each = (numberOf: (account: (typeof accounts)[0]) => number | null): Sample[] =>
    accounts.flatMap((account) => {
      const value = numberOf(account);
      return value === null ? [] : [{ labels: { account: account.id }, value }];
    });
  const byState = (of: 'messages' | 'parts', states: readonly string[]): Sample[] =>
    accounts.flatMap((account) =>
      states.map((state) => ({ labels: { account: account.id, state }, value: account[of][state] ?? 0 })),
    );
  const { rss } = process.memoryUsage();
  const { user, system } = process.cpuUsage();
  return [
    gauge('wxagent_info', 'The version of the server that answers.', [{ labels: { version }, value: 1 }]),
    {
      ...{ name: 'wxagent_messages_total', type: 'counter' as const },
      help: 'Messages by outcome, since the first scrape.',
      samples: [...counts.messages].map(([outcome, value]) => ({ labels: { outcome }, value })),
    },
    {
      ...{ name: 'wxagent_parts_total', type: 'counter' as const },
      help: 'Parts by verdict, since the first scrape; a part that was held has several.',
      samples: [...counts.parts].map(([verdict, value]) => ({ labels: { verdict }, value })),
    },
    {
      ...{ name: 'wxagent_turn_seconds', type: 'histogram' as const },
      help: 'How long turns took that have ended, since the first scrape.',
      samples: histogram(TURN_LIMITS, counts.turns, counts.turnMs / 1_000),
    },
    gauge(
      'wxagent_poll_age_seconds',
      'Time since the last poll of an account; none before the first.',
      each(({ lastPollAtMs }) => lastPollAtMs && Math.max(0, nowMs - lastPollAtMs) / 1_000),
    ),
    gauge(
      'wxagent_login_expired',
      'Whether the login of an account has expired.',
      each(({ loginExpired }) => (loginExpired ? 1 : 0)),
    ),
    gauge(
      'wxagent_open_messages',
      'Messages that are not finished.',
      byState('messages', ['received', 'waiting', 'running']),
    ),
    gauge(
      'wxagent_open_parts',
      'Parts that are not final; held ones wait for their user.',
      byState('parts', OPEN_PART_STATES),
    ),
    gauge(
      'wxagent_budget_left',
      'Messages that may be sent before a user must write: the least of the users whose window is open.',
      each(({ mostSent }) => (mostSent === null ? null : Math.max(0, BUDGET_MESSAGES - mostSent))),
    ),
    gauge('wxagent_store_write_seconds', 'How long a write to the store takes, until it is on the disk.', [
      { value: storeMs / 1_000 },
    ]),
    gauge('wxagent_event_loop_delay_seconds', 'Delay of the event loop since the last scrape.', [
      { labels: { stat: 'mean' }, value: lateness(loop.mean) },
      { labels: { stat: 'p99' }, value: lateness(loop.percentile(99)) },
      { labels: { stat: 'max' }, value: lateness(loop.max) },
    ]),
    gauge('wxagent_event_streams', 'Clients of GET /api/v1/events.', [{ value: streams }]),
    gauge('process_resident_memory_bytes', 'Resident memory of this process.', [{ value: rss }]),
    {
      ...{ name: 'process_cpu_seconds_total', type: 'counter' as const },
      help: 'Processor time of this process.',
      samples: [{ value: (user + system) / 1e6 }],
    },
    gauge('process_start_time_seconds', 'When this process started.', [
      { value: Math.round((Date.now() / 1_000 - process.uptime()) * 1_000) / 1_000 },
    ]),
  ];
}

function gauge(name: string, help: string, samples: readonly Sample[]): Metric {
  return { name, help, type: 'gauge', samples };
}
