import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What Biome must refuse: a file, the one line in it, the rule that refuses it. */
const bad: [file: string, line: string, rule: string][] = [
  ...imports('cli', ['@agentclientprotocol/sdk', 'libsql', 'undici', 'node:child_process']),
  ...imports('core', ['node:fs', 'node:child_process', 'execa']),
  ...imports('runner', ['libsql', 'libsql/promise', 'commander', 'node:child_process', 'silk-wasm']),
  ...imports('store/outbox', ['undici', 'pg', 'node:child_process']),
  ...imports('sqlite', ['pg']),
  ...imports('sql', ['pg']),
  ...imports('simulator/world', ['undici', 'node:child_process']),
  ...imports('agents/http/client', ['conf', 'libsql', 'silk-wasm']),
  ...imports('ilink', ['conf', 'node:child_process']),
  ...imports('text', ['node:child_process', 'hono']),
  ...imports('web/api', ['libsql', 'pg', 'undici', 'commander', 'node:child_process']),
  ...imports('cli/web', ['hono', '@hono/node-server', '@fastify/busboy']),
  ...imports('runner/turns', ['hono']),
  ...imports('media', ['undici', 'node:child_process']),
  ['src/cli/environment.ts', 'export const home = process.env.HOME;', 'lint/style/noProcessEnv'],
  ['src/cli/prints.ts', "console.log('x');", 'lint/suspicious/noConsole'],
];

/** What Biome must allow, so that its rules are not merely strict. */
const good: [file: string, line: string][] = [
  ['src/agents/child/free.ts', "import { spawn } from 'node:child_process';\nexport const start = spawn;"],
  ['src/sqlite/free.ts', "import Database from 'libsql';\nexport const open = Database;"],
  ['src/postgres/free.ts', "import { Client } from 'pg';\nexport const open = Client;"],
  ['src/web/free.ts', "import { Hono } from 'hono';\nexport const make = Hono;"],
  ['src/settings/resolve-settings.ts', 'export const home = process.env.HOME;'],
  ['src/main.ts', "import { run } from './cli/run/run.ts';\nexport const leave = () => process.exit(run());"],
];

let folder: string;
/** Rules broken, by file. */
const broken = new Map<string, string[]>();

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'wxagent-layers-'));
  await cp(join(root, 'biome.json'), join(folder, 'biome.json'));
  await symlink(join(root, 'node_modules'), join(folder, 'node_modules'));
  for (const [file, line] of [...bad, ...good]) {
    await mkdir(dirname(join(folder, file)), { recursive: true });
    await writeFile(join(folder, file), `${line}\n`);
  }
  const args = [
    join(root, 'node_modules/@biomejs/biome/bin/biome'),
    'lint',
    '--reporter=json',
    '--colors=off',
    '--max-diagnostics=none',
    'src',
  ];
  const stdout = await new Promise<string>((done) => {
    execFile(process.execPath, args, { cwd: folder, maxBuffer: 1 << 26 }, (_failed, output) => done(output));
  });
  const report = JSON.parse(stdout) as {
    diagnostics: { category: string; severity: string; location: { path: string } }[];
  };
  for (const { category, severity, location } of report.diagnostics) {
    if (severity === 'error') broken.set(location.path, [...(broken.get(location.path) ?? []), category]);
  }
});

afterAll(() => rm(folder, { recursive: true, force: true }));

describe('Biome refuses', () => {
  it.each(bad)('%s: %s', (file, _line, rule) => {
    expect(broken.get(file)).toEqual([rule]);
  });
});

describe('Biome allows', () => {
  it.each(good)('%s', (file) => {
    expect(broken.get(file)).toBeUndefined();
  });
});

function imports(folder: string, sources: string[]): [string, string, string][] {
  return sources.map((source, index) => [
    `src/${folder}/imports-${index}-${source.replace(/\W+/g, '-')}.ts`,
    `import '${source}';`,
    'lint/style/noRestrictedImports',
  ]);
}
