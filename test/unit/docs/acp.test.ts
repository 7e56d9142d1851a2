import { expect, test } from 'vitest';
import { ACP_PRESETS } from '../../../src/agents/acp/connection/presets.ts';
import { codeOf, readPage, tableOf } from '../../helpers/pages.ts';

test('docs/acp.md names every preset, and what it runs', () => {
  const rows = tableOf(readPage('docs/acp.md'), 'name').map(
    ([name = '', runs = '', npx = '', login = '', source = '']) => [
      codeOf(name)[0],
      codeOf(runs)[0],
      codeOf(npx)[0] ?? null,
      login,
      source,
    ],
  );
  expect(rows).toEqual(
    ACP_PRESETS.map((preset) => [
      preset.name,
      [preset.program, ...preset.args].join(' '),
      preset.npmPackage,
      preset.login,
      `<${preset.source}>, ${preset.sourceDate}`,
    ]),
  );
});
