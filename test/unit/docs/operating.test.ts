import { readFileSync } from 'node:fs';
import { expect, test } from 'vitest';
import { metricsOf } from '../../../src/web/operating/metrics.ts';

const read = (path: string): string =>
  readFileSync(new URL(`../../../docs/${path}`, import.meta.url), 'utf8');

const loop = { mean: 0, max: 0, percentile: () => 0 };
const counts = { messages: new Map(), parts: new Map(), turns: [], turnMs: 0 };
const METRICS = metricsOf({
  ...{ version: '0', nowMs: 0, accounts: [], counts, storeMs: 0, loop, streams: 0 },
});
/** The names that a query may have. */
const NAMES = METRICS.flatMap(({ name, type }) =>
  type === 'histogram' ? [`${name}_bucket`, `${name}_sum`, `${name}_count`] : [name],
);
const namesIn = (text: string): string[] => [
  ...new Set([...text.matchAll(/\b(?:wxagent|process)_[a-z_]+\b/g)].map(([name]) => name)),
];

test('the dashboard and the alerts ask for metrics that are there', () => {
  const dashboard = JSON.parse(read('prometheus/grafana-dashboard.json')) as {
    panels: { title: string; targets: { expr: string }[] }[];
  };
  const asked = dashboard.panels.flatMap(({ targets }) => targets.flatMap(({ expr }) => namesIn(expr)));
  expect(asked.length).toBeGreaterThan(10);
  expect(asked.filter((name) => !NAMES.includes(name))).toEqual([]);
  const rules = [...read('prometheus/alerts.yml').matchAll(/expr: (.*)/g)].flatMap(([, expr]) =>
    namesIn(expr as string),
  );
  expect(rules.length).toBeGreaterThan(4);
  expect(rules.filter((name) => !NAMES.includes(name))).toEqual([]);
});

test('the page on operating has every metric, and no other', () => {
  const rows = read('web.md')
    .split('\n')
    .filter((line) => line.startsWith('| `wxagent_') || line.startsWith('| `process_'));
  const told = rows.flatMap((row) => namesIn(row.split('|')[1] as string));
  expect(told.sort()).toEqual(METRICS.map(({ name }) => name).sort());
});
