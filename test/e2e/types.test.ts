import { execFileSync } from 'node:child_process';
import { mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { expect, test } from 'vitest';
import { makeFolder } from '../helpers/wxagent.ts';

const root = fileURLToPath(new URL('../../', import.meta.url));

/** A program that uses everything of the library; the lines that must be refused say so. */
const CONSUMER = `
import { type AgentFunction, createRunner, EXIT_CODES, type LibrarySetting, type RunnerDocument, startSimulator, WxError } from 'wxagent';

const agent: AgentFunction = async (message, { ask, emit, memory, signal, stateFolder }) => {
  if (signal.aborted || message.attachments.some(({ path }) => path === null)) return null;
  await memory.set('last', message.quote?.text ?? message.text);
  await emit({ path: stateFolder() + '/chart.png', name: 'chart.png' });
  const answer: string | null = await ask('Sure?', 60_000);
  if (answer === null) return { retryAfterMs: null };
  return { text: answer, files: [{ path: '/tmp/a' }] };
};
const names: LibrarySetting[] = ['home', 'timeout', 'account'];
const told: string[] = [];
const onEvent = (event: RunnerDocument) => {
  if (event.type === 'outcome') told.push(event.outcome, event.id);
  if (event.type === 'message') told.push(event.text, event.time);
};
const simulator = await startSimulator({ seed: 1 });
const runner = await createRunner({ agent, settings: { home: './x', timeout: '5m', maxParts: 3 }, onEvent });
try {
  await runner.stop();
} catch (error) {
  if (error instanceof WxError) process.exitCode = EXIT_CODES[error.kind];
}
console.log(names, simulator.baseUrl);
// @ts-expect-error: the agent is the function, not a command
await createRunner({ agent, settings: { exec: 'cat' } });
// @ts-expect-error: no answer
await createRunner({ agent: () => 42 });
`;

test('a program in TypeScript that uses the package as it is published compiles', () => {
  const folder = makeFolder();
  const npm = (...args: string[]) =>
    execFileSync('npm', args, { cwd: root, encoding: 'utf8', stdio: ['ignore', 'pipe', 'ignore'] });
  const [{ filename }] = JSON.parse(
    npm('pack', '--json', '--ignore-scripts', '--pack-destination', folder),
  ) as [{ filename: string }];
  const modules = join(folder, 'node_modules');
  mkdirSync(join(modules, 'wxagent'), { recursive: true });
  execFileSync('tar', [
    '-xzf',
    join(folder, filename),
    '-C',
    join(modules, 'wxagent'),
    '--strip-components',
    '1',
  ]);
  symlinkSync(join(root, 'node_modules', '@types'), join(modules, '@types'));
  symlinkSync(join(root, 'node_modules', 'undici-types'), join(modules, 'undici-types'));
  writeFileSync(join(folder, 'package.json'), '{"type":"module"}');
  writeFileSync(join(folder, 'main.ts'), CONSUMER);
  const compilerOptions = {
    strict: true,
    exactOptionalPropertyTypes: true,
    skipLibCheck: false,
    noEmit: true,
    target: 'es2023',
    module: 'nodenext',
    moduleResolution: 'nodenext',
    types: ['node'],
  };
  writeFileSync(join(folder, 'tsconfig.json'), JSON.stringify({ compilerOptions, files: ['main.ts'] }));
  let complaints = '';
  try {
    execFileSync(process.execPath, [join(root, 'node_modules/typescript/bin/tsc'), '-p', folder], {
      encoding: 'utf8',
    });
  } catch (error) {
    complaints = (error as { stdout: string }).stdout;
  }
  expect(complaints).toBe('');
});
