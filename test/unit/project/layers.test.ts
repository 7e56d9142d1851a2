import { execFile } from 'node:child_process';
import { cp, mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';

const root = fileURLToPath(new URL('../../../', import.meta.url));

/** What must be refused: a file, the one line in it, the rule that refuses it. */
const bad: [file: string, line: string, rule: string][] = [
  ...forbidden('core', ['text', 'media', 'ilink', 'store', 'agents', 'simulator', 'runner', 'cli']),
  ...forbidden('text', ['media', 'ilink', 'store', 'agents', 'simulator', 'runner', 'cli']),
  ...forbidden('media', ['text', 'ilink', 'store', 'agents', 'simulator', 'runner', 'cli']),
  ...forbidden('ilink', ['text', 'media', 'store', 'agents', 'simulator', 'runner', 'cli']),
  ...forbidden('store', ['text', 'media', 'ilink', 'agents', 'simulator', 'runner', 'cli']),
  ...forbidden('agents', ['text', 'media', 'ilink', 'store', 'simulator', 'runner', 'cli']),
  ...forbidden('simulator', ['text', 'media', 'ilink', 'store', 'agents', 'runner', 'cli']),
  ...forbidden('runner', ['simulator', 'cli']),
  ...imports('cli', [
    '../main.ts',
    '../index.ts',
    '@agentclientprotocol/sdk',
    'libsql',
    'undici',
    'node:child_process',
  ]),
  ...imports('core', ['../config.ts', 'node:fs', 'node:child_process', 'execa']),
  ...imports('runner', [
    '../config.ts',
    '../../main.ts',
    'libsql',
    'libsql/promise',
    'commander',
    'node:child_process',
    'silk-wasm',
  ]),
  ...imports('store', ['undici', '../settings.ts']),
  ...imports('simulator', ['undici', 'node:child_process']),
  ...imports('agents', ['conf', 'libsql', 'silk-wasm']),
  ...imports('ilink', ['conf', 'node:child_process']),
  ...imports('text', ['node:child_process']),
  ...imports('media', ['undici', 'node:child_process']),
  ['src/store/spawns.ts', "import { spawn } from 'node:child_process';", 'lint/style/noRestrictedImports'],
  [
    'src/runner/lazy.ts',
    "export const load = () => import('../simulator/world.ts');",
    'lint/style/noRestrictedImports',
  ],
  ['src/runner/deep/file.ts', "import '../../cli/words.ts';", 'lint/style/noRestrictedImports'],
  [
    'src/runner/typed.ts',
    "import type { World } from '../simulator/world.ts';",
    'lint/style/noRestrictedImports',
  ],
  ['src/cli/environment.ts', 'export const home = process.env.HOME;', 'lint/style/noProcessEnv'],
  ['src/cli/prints.ts', "console.log('x');", 'lint/suspicious/noConsole'],
  ['src/core/long.ts', 'export {};\n'.repeat(401), 'lint/style/noExcessiveLinesPerFile'],
];

/** What must pass, so that the rules are not merely strict. */
const good: [file: string, line: string][] = [
  [
    'src/simulator/wire-user.ts',
    "import type { Envelope } from '../ilink/wire.ts';\nexport type Reply = Envelope;",
  ],
  [
    'src/simulator/cipher-user.ts',
    "import { encryptMedia } from '../media/cipher.ts';\nexport const seal = encryptMedia;",
  ],
  [
    'src/runner/free.ts',
    "import { hold } from '../store/port.ts';\nimport { poll } from '../ilink/poll.ts';\nexport const all = [hold, poll];",
  ],
  ['src/cli/free.ts', "import { world } from '../simulator/world.ts';\nexport const start = world;"],
  ['src/agents/free.ts', "import { spawn } from 'node:child_process';\nexport const start = spawn;"],
  ['src/store/free.ts', "import Database from 'libsql';\nexport const open = Database;"],
  ['src/config.ts', 'export const home = process.env.HOME;'],
  ['src/start.ts', 'export const home = process.env.HOME;'],
  ['src/main.ts', "import { run } from './cli/run.ts';\nexport const leave = () => process.exit(run());"],
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

function forbidden(folder: string, others: string[]): [string, string, string][] {
  return imports(
    folder,
    others.map((other) => `../${other}/some-file.ts`),
  );
}

function imports(folder: string, sources: string[]): [string, string, string][] {
  return sources.map((source, index) => [
    `src/${folder}/imports-${index}-${source.replace(/\W+/g, '-')}.ts`,
    `import '${source}';`,
    'lint/style/noRestrictedImports',
  ]);
}
