import { expect, test } from 'vitest';
import { codeOf, readPage, sectionOf, tableOf } from '../../helpers/pages.ts';

const benchmarks = sectionOf(readPage('docs/benchmarks.md'), '## Workers on PostgreSQL');
const sizing = tableOf(readPage('docs/scaling.md'), 'what');

test('each figure of the sizing is measured, and then among the figures, or computed', () => {
  expect(new Set(sizing.map(([, , how]) => how))).toEqual(new Set(['measured', 'computed']));
  const measured = sizing.filter(([, , how]) => how === 'measured');
  expect(measured.filter(([, figure = '']) => !benchmarks.includes(`| ${figure} |`))).toEqual([]);
});

test('both languages have the same figures', () => {
  const chinese = tableOf(readPage('docs/zh-CN/scaling.md'), '项目');
  const numbers = (rows: string[][]) => rows.map((cells) => cells.join(' ').match(/\d[\d.,]*/g));
  expect(numbers(chinese)).toEqual(numbers(sizing));
  const ways = { measured: '测得', computed: '算出' } as Record<string, string>;
  expect(chinese.map(([, , how]) => how)).toEqual(sizing.map(([, , how = '']) => ways[how]));
});

test('the unit and the compose file set variables that are read', () => {
  const known = tableOf(readPage('docs/files.md'), 'variable').flatMap(([names = '']) => codeOf(names));
  const texts = ['wxagent-worker@.service', 'compose.yaml'].map((name) =>
    readPage(`examples/workers/${name}`),
  );
  const used = texts.flatMap((text) => text.match(/WXAGENT_[A-Z_]+/g) ?? []);
  expect(used.length).toBeGreaterThan(4);
  expect(used.filter((name) => !known.includes(name))).toEqual([]);
});
