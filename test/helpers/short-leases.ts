import { readFileSync } from 'node:fs';
import { cp, symlink } from 'node:fs/promises';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { build } from 'rolldown';
import { RENEW_EVERY_MS, TTL_MS } from '../../src/store/workers/lease-trust.ts';
import { makeFolder } from './wxagent.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/**
 * Builds the program with leases that are so many times as short: that is no setting, because nobody needs it but a test
 * that cannot wait. Nothing else is quicker. `input` is what it starts with. Returns its path; removed after the test.
 */
export async function buildWithShortLeases(times: number, input = 'src/main.ts'): Promise<string> {
  const folder = makeFolder();
  const { version } = JSON.parse(readFileSync(join(root, 'package.json'), 'utf8')) as { version: string };
  let replaced = 0;
  const shorter = (code: string, name: string, ms: number): string =>
    code.replace(`${name} = ${ms.toLocaleString('en').replace(',', '_')};`, () => {
      replaced++;
      return `${name} = ${ms / times};`;
    });
  await build({
    cwd: root,
    input,
    external: /^[^./]/,
    platform: 'node',
    transform: { target: 'node20', define: { __VERSION__: JSON.stringify(version) } },
    plugins: [
      {
        name: 'short leases',
        transform: (code, id) =>
          id.endsWith('/workers/lease-trust.ts')
            ? shorter(shorter(code, 'TTL_MS', TTL_MS), 'RENEW_EVERY_MS', RENEW_EVERY_MS)
            : null,
      },
    ],
    output: { file: join(folder, 'dist/main.js'), codeSplitting: false },
    logLevel: 'warn',
  });
  if (replaced !== 2) throw new Error('the times of leases are not where they were');
  await cp(join(root, 'bin'), join(folder, 'bin'), { recursive: true });
  await cp(join(root, 'package.json'), join(folder, 'package.json'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'), 'junction');
  return join(folder, 'bin/wxagent.js');
}
