import { cpSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { BIN, makeFolder, wxagent } from '../helpers/wxagent.ts';

const VERSION = { code: 0, stdout: expect.stringMatching(/^\d+\.\d+\.\d+\n$/), stderr: '' };

test('--verbose names functions and lines of the source in a failure', async () => {
  const { stderr } = await wxagent(['status', 'too', 'many', '--verbose'], { home: makeFolder() });
  expect(stderr).toMatch(/\n {4}at (async )?[\w.]*\w+ \(.*[\\/]src[\\/][\w\\/-]+\.ts:\d+:\d+\)\n/);
});

test('a clone that is not built says what builds it', async () => {
  const home = makeFolder();
  cpSync('bin', join(home, 'bin'), { recursive: true });
  const through = [process.execPath, join(home, 'bin/wxagent.js')] as const;
  expect(await wxagent(['--version'], { home, through })).toMatchObject({
    code: 78,
    stdout: '',
    stderr: 'wxagent: it is not built yet: dist/main.js is missing\nhint: npm run build\n',
  });
});

// Node 22 and newer load it for whoever imports node:http: a quarter of the time until the first poll.
test('the undici inside Node is not loaded to ask the server', async () => {
  const home = makeFolder();
  const witness = join(home, 'witness.cjs');
  writeFileSync(
    witness,
    `process.on('exit', () => console.log(process.moduleLoadList.filter((name) => / (_http_client|.*undici)$/.test(name))));`,
  );
  const through = [process.execPath, '--require', witness, BIN] as const;
  const { stdout } = await wxagent(['send', 'hello'], { home, through });
  expect(stdout).toBe("[ 'NativeModule _http_client' ]\n");
});

test.each([
  ['18.20.8', 78],
  ['20.18.0', 78],
  ['20.18.1', 0],
  ['21.7.3', 78],
  ['22.2.0', 78],
  ['22.3.0', 0],
  ['24.0.0', 0],
])('Node %s is told to be too old, or not: %i', async (node, code) => {
  const home = makeFolder();
  const pretence = join(home, 'node.cjs');
  writeFileSync(
    pretence,
    `Object.defineProperty(process, 'versions', { value: { ...process.versions, node: '${node}' } });`,
  );
  const through = [process.execPath, '--require', pretence, BIN] as const;
  const end = await wxagent(['--version'], { home, through });
  if (code === 0) expect(end).toMatchObject(VERSION);
  else
    expect(end).toMatchObject({
      code,
      stdout: '',
      stderr: expect.stringContaining(`needed, this is ${node}`),
    });
});
