import { chmodSync, mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { startChatServer } from '../helpers/chat-server.ts';
import { ROOT, readPage } from '../helpers/pages.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { BIN, startWxagent, type Wxagent } from '../helpers/wxagent.ts';

/** Everything in examples/ as its first lines say to run it, against the simulator. */
const EXAMPLES = join(ROOT, 'examples');

/** Runs those of the coprocess. */
const COPROCESS = readPage('test/e2e/coprocess.test.ts');

/** wxagent on the PATH, quick and ending when all is answered. */
const WXAGENT = `#!/bin/sh
[ "$1" = run ] || exit 64
shift
exec '${process.execPath}' '${BIN}' run --once --pace 0 --no-typing "$@"
`;

/** A user who writes, a login, and what answers them in this folder of examples. */
async function bench(folder: string) {
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const bin = join(home, 'bin');
  mkdirSync(bin);
  writeFileSync(join(bin, 'wxagent'), WXAGENT);
  chmodSync(join(bin, 'wxagent'), 0o755);
  const env = { PATH: `${bin}${delimiter}${process.env.PATH}`, NODE_NO_WARNINGS: '1' };
  return {
    simulator,
    home,
    /** Types a command in the folder; resolves with what the phone shows after it has ended. */
    async type(line: string, texts: string[]): Promise<string[]> {
      for (const text of texts) simulator.control.message({ text });
      const options = { home, env, cwd: join(EXAMPLES, folder), through: ['/bin/sh'] as [string] };
      const { code, stderr } = await startWxagent(['-c', line], options).exited;
      expect({ code, stderr: code === 0 ? '' : stderr }).toEqual({ code: 0, stderr: '' });
      return answers(simulator);
    },
    start: (program: string, args: string[], input?: 'open'): Wxagent =>
      startWxagent(args, {
        home,
        env,
        cwd: join(EXAMPLES, folder),
        through: [program],
        ...(input && { input }),
      }),
  };
}

test('every example is run here', () => {
  const found = readdirSync(EXAMPLES, { recursive: true, withFileTypes: true })
    .filter((entry) => entry.isFile() && entry.name !== 'README.md')
    .map(({ parentPath, name }) =>
      join(parentPath, name)
        .slice(EXAMPLES.length + 1)
        .replaceAll('\\', '/'),
    );
  // What systemd and Docker start is read by test/unit/docs/scaling.test.ts.
  const elsewhere = found.filter(
    (path) => COPROCESS.includes(`examples/${path}`) || path.startsWith('workers/'),
  );
  expect(elsewhere).toHaveLength(5);
  expect(found.filter((path) => !elsewhere.includes(path)).sort()).toEqual(Object.keys(RUN).sort());
});

const RUN: Record<string, () => Promise<void>> = {
  async 'command/agent.sh'() {
    const { type, simulator } = await bench('command');
    const shown = await type('wxagent run --exec ./agent.sh', ['hi', 'log one', 'log two', 'show']);
    expect(shown.slice(0, 4)).toEqual(['You said: hi', 'noted', 'noted', 'here it is']);
    expect(simulator.control.phone().shown.at(-1)).toMatchObject({
      from: 'bot',
      kind: 'file',
      fileName: 'log.txt',
    });
  },
  async 'command/agent.py'() {
    const { type } = await bench('command');
    expect(await type('wxagent run --input json -- python3 agent.py', ['one', '二'])).toEqual([
      'Message 1 of yours: one',
      'Message 2 of yours: 二',
    ]);
  },
  async 'http/server.mjs'() {
    const { type, start } = await bench('http');
    const server = start(process.execPath, ['server.mjs', '0']);
    await server.says('stdout', /\d+\n/);
    const shown = await type(`wxagent run --http http://127.0.0.1:${server.stdout.trim()}/`, ['hi', 'hush']);
    expect(shown).toEqual(['You said: hi']);
  },
  async 'openai/ask.sh'() {
    const { type } = await bench('openai');
    const model = await startChatServer();
    onTestFinished(() => model.stop());
    expect(await type(`./ask.sh ${model.url} qwen3`, ['hi'])).toEqual(['echo: hi']);
    expect(model.asked[0]?.body).toMatchObject({ model: 'qwen3', messages: [{ role: 'system' }, {}] });
  },
  async 'acp/agent.mjs'() {
    const { type } = await bench('acp');
    expect(await type("wxagent run --acp 'node agent.mjs'", ['one', '二'])).toEqual([
      'Turn 1: one',
      'Turn 2: 二',
    ]);
  },
  async 'library/agent.mjs'() {
    const { simulator, start } = await bench('library');
    const program = start(process.execPath, ['agent.mjs']);
    simulator.control.message({ text: 'hi' });
    expect(await answered(simulator, 1)).toEqual(['Message 1 of this conversation: hi']);
    expect(await program.stop()).toMatchObject({ code: 0, stdout: '' });
  },
};

test.each(Object.entries(RUN))('%s', (_, run) => run());
