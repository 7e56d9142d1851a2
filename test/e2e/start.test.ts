import { cpSync, mkdirSync, symlinkSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { simulate } from '../helpers/simulated.ts';
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

// Node 22 and newer load their undici for whoever imports node:http.
test.each([
  ['send', ['hello'], []],
  ['login', ['--qr', 'none'], ['_http_client']],
])('%s loads of Node no more HTTP than it uses', async (command, args, loaded) => {
  const [home, { baseUrl }] = [makeFolder(), await simulate()];
  const witness = join(home, 'witness.cjs');
  writeFileSync(
    witness,
    `process.on('exit', () => console.error(JSON.stringify(process.moduleLoadList.flatMap((name) =>
      /(?<= |\\/)(_http_client|_tls_wrap|undici)$/.exec(name)?.[0] ?? []))));`,
  );
  const through = [process.execPath, '--require', witness, BIN] as const;
  const { stderr } = await wxagent([command, ...args, '--base-url', baseUrl], { home, through });
  expect(JSON.parse(stderr.trim().split('\n').at(-1) ?? '')).toEqual(loaded);
});

// What lies in that folder is run as it is. A user without an entry in passwd, as of a container, has no home. Node tries
// for ever to make a folder below a link that leads nowhere.
test.each([
  ['__dirname', '.cache/wxagent/compiled\n'],
  ["''", ''],
  ["'./here'", ''],
  ["(() => { throw new Error('ENOENT'); })()", ''],
  ["require('node:path').join(__dirname, 'missing')", ''],
  ["require('node:path').join(__dirname, 'detached')", ''],
])(
  'what Node compiles is kept under the home %s only where that is a place of its own',
  async (named, kept) => {
    const home = makeFolder();
    mkdirSync(join(home, 'detached'));
    symlinkSync(join(home, 'nowhere'), join(home, 'detached/.cache'));
    const pretence = join(home, 'home.cjs');
    writeFileSync(
      pretence,
      `require('node:os').homedir = () => ${named};
     require('node:module').enableCompileCache = (folder) => process.stderr.write(folder + '\\n');`,
    );
    const through = [process.execPath, '--require', pretence, BIN] as const;
    const stderr = kept === '' ? '' : join(home, kept);
    expect(await wxagent(['--version'], { home, through })).toMatchObject({ ...VERSION, stderr });
  },
);

test.each([
  ["''", 'en', 'wxagent: this user has no home folder\nhint: --home <folder>\n'],
  ["(() => { throw new Error('ENOENT'); })()", 'zh', 'wxagent: 这个用户没有主目录\n提示：--home <folder>\n'],
])('a user whose home is %s names one, or is told to', async (named, lang, stderr) => {
  const home = makeFolder();
  const pretence = join(home, 'home.cjs');
  writeFileSync(pretence, `require('node:os').homedir = () => ${named};`);
  const through = [process.execPath, '--require', pretence, BIN] as const;
  const env = { WXAGENT_LANG: lang, WXAGENT_HOME: '' };
  expect(await wxagent(['accounts'], { home, through, env })).toMatchObject({ code: 78, stderr });
  expect(await wxagent(['accounts'], { home, through })).toMatchObject({ code: 0 });
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
