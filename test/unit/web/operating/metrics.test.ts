import { Counter, Gauge, Histogram, Registry } from 'prom-client';
import { expect, test } from 'vitest';
import type { EventCount, EventPlace } from '../../../../src/store/port/port.ts';
import { createEventCounters, TURN_LIMITS } from '../../../../src/web/operating/event-counters.ts';
import { createMetrics, metricsOf } from '../../../../src/web/operating/metrics.ts';
import { type Metric, prometheusText } from '../../../../src/web/operating/prometheus-text.ts';
import type { WebBackend } from '../../../../src/web/port/backend.ts';

const NASTY = 'a "quoted" \\ name\nof two lines';

/** Numbers as a server has them that was asked a few times. */
async function sampleMetrics(): Promise<Metric[]> {
  const took = [100, 700, 700, 4_000, 9_999_000];
  const place = (seq: number): EventPlace => ({ xid: 0, seq, atMs: seq });
  let newest = place(1);
  const none = { withinMs: null, ms: 0 };
  const found: EventCount[] = [
    ...took.map(
      (ms): EventCount => ({
        ...{ kind: 'turn', state: 'done', count: 1, ms },
        withinMs: TURN_LIMITS.map((limit) => limit * 1_000).find((limit) => ms <= limit) ?? null,
      }),
    ),
    { kind: 'turn', state: 'running', count: 6, ...none },
    { kind: 'turn', state: 'failed', count: 1, withinMs: 500, ms: 300 },
    { kind: 'message', state: 'ignored', count: 2, ...none },
    { kind: 'message', state: 'received', count: 9, ...none },
    { kind: 'verdict', state: 'confirmed', count: 5, ...none },
    { kind: 'verdict', state: 'held', count: 1, ...none },
    { kind: 'part', state: 'queued', count: 8, ...none },
    { kind: 'login', state: 'ok', count: 1, ...none },
  ];
  const count = createEventCounters({
    newest: async () => newest,
    counts: async ({ after, upTo }) => (after.seq === upTo.seq ? [] : found),
  });
  await count();
  newest = place(100);
  await count();
  const counts = await count();
  return metricsOf({
    ...{ version: '1.2.3', nowMs: 100_000, counts, storeMs: 2.5, streams: 3 },
    loop: { mean: 51e6, max: 80e6, percentile: () => 49e6 },
    accounts: [
      {
        ...{ id: NASTY, account: 'k1', loginExpired: false, lastPollAtMs: 60_000, mostSent: 3 },
        ...{ messages: { running: 1, waiting: 2 }, parts: { held: 4 } },
      },
      {
        ...{ id: 'b', account: 'k2', loginExpired: true, lastPollAtMs: null, mostSent: null },
        ...{ messages: {}, parts: {} },
      },
    ],
  });
}

test('the text is what prom-client writes for the same numbers', async () => {
  const metrics = await sampleMetrics();
  const registry = new Registry();
  for (const { name, help, type, samples } of metrics) {
    const labelNames = [...new Set(samples.flatMap(({ labels = {} }) => Object.keys(labels)))];
    const registers = [registry];
    if (type === 'histogram') {
      const histogram = new Histogram({ name, help, buckets: [...TURN_LIMITS], registers });
      for (const seconds of [0.1, 0.7, 0.7, 4, 9_999, 0.3]) histogram.observe(seconds);
      continue;
    }
    const metric =
      type === 'counter'
        ? new Counter({ name, help, labelNames, registers })
        : new Gauge({ name, help, labelNames, registers });
    for (const { labels = {}, value } of samples) metric.inc(labels, value);
  }
  const linesOf = (text: string) =>
    text
      .split('\n')
      .filter((line) => line !== '')
      .sort();
  expect(linesOf(prometheusText(metrics))).toEqual(linesOf(await registry.metrics()));
});

test('counts what has happened since it was first asked, once', async () => {
  const text = prometheusText(await sampleMetrics());
  for (const line of [
    'wxagent_messages_total{outcome="done"} 5',
    'wxagent_messages_total{outcome="failed"} 1',
    'wxagent_messages_total{outcome="ignored"} 2',
    'wxagent_parts_total{verdict="confirmed"} 5',
    'wxagent_parts_total{verdict="refused"} 0',
    'wxagent_turn_seconds_bucket{le="+Inf"} 6',
    'wxagent_turn_seconds_count 6',
    // The time between two looks is no delay.
    'wxagent_event_loop_delay_seconds{stat="mean"} 0.001',
    'wxagent_event_loop_delay_seconds{stat="p99"} 0',
    'wxagent_event_loop_delay_seconds{stat="max"} 0.03',
    'wxagent_budget_left{account="a \\"quoted\\" \\\\ name\\nof two lines"} 7',
  ])
    expect(text.split('\n')).toContain(line);
  expect(text).not.toContain('wxagent_budget_left{account="b"}');
});

test('a store that hangs is told before a scrape is given up', async () => {
  const hangs = { admin: { probe: () => new Promise(() => {}) }, events: {} };
  const backend = { store: hangs, clock: { monotonic: () => 0 }, version: '1' };
  const scrape = createMetrics(backend as unknown as WebBackend, { count: 0 });
  await expect(scrape()).rejects.toMatchObject({ kind: 'storage' });
}, 10_000);
