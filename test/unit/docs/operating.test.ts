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

test('the dashboard is one that Grafana imports', () => {
  interface Panel {
    id: number;
    type: string;
    title: string;
    datasource: object;
    gridPos: { h: number; w: number; x: number; y: number };
    targets: { refId: string; expr: string }[];
  }
  const { uid, schemaVersion, templating, panels } = JSON.parse(
    read('prometheus/grafana-dashboard.json'),
  ) as {
    uid: string;
    schemaVersion: number;
    templating: { list: { name: string; type: string; query: string }[] };
    panels: Panel[];
  };
  // As its documents have it: 8 to 40 characters; 36 came with Grafana 9.
  expect(uid).toMatch(/^[\w-]{8,40}$/);
  expect(schemaVersion).toBeGreaterThanOrEqual(36);
  expect(templating.list).toMatchObject([{ name: 'datasource', type: 'datasource', query: 'prometheus' }]);
  expect(new Set(panels.map(({ id }) => id)).size).toBe(panels.length);
  const places = new Set<string>();
  for (const { title, type, datasource, gridPos, targets } of panels) {
    expect([type, datasource], title).toEqual([
      expect.stringMatching(/^(timeseries|stat)$/),
      { type: 'prometheus', uid: expect.stringMatching(/^\$\{datasource\}$/) },
    ]);
    expect(gridPos.x + gridPos.w, title).toBeLessThanOrEqual(24);
    for (let x = gridPos.x; x < gridPos.x + gridPos.w; x++)
      for (let y = gridPos.y; y < gridPos.y + gridPos.h; y++) {
        expect(places, `${title} lies over another one`).not.toContain(`${x} ${y}`);
        places.add(`${x} ${y}`);
      }
    expect(new Set(targets.map(({ refId }) => refId)).size, title).toBe(targets.length);
  }
});

test('the page on operating has every metric, and no other', () => {
  const rows = read('web.md')
    .split('\n')
    .filter((line) => line.startsWith('| `wxagent_') || line.startsWith('| `process_'));
  const told = rows.flatMap((row) => namesIn(row.split('|')[1] as string));
  expect(told.sort()).toEqual(METRICS.map(({ name }) => name).sort());
});
