import { execFileSync } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { delimiter, join } from 'node:path';
import { expect, onTestFinished, test } from 'vitest';
import { HTTP_PRESETS, type PresetName } from '../../src/agents/http/presets.ts';
import { startService } from '../helpers/chat-services.ts';
import { runHere } from '../helpers/in-this-process.ts';
import { blocksOf, readPage } from '../helpers/pages.ts';
import { type Answer, startScriptedServer } from '../helpers/scripted-server.ts';
import { answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { installNoted, type TypedRun, takeTypedRun } from '../helpers/typed-run.ts';

const ONCE = ['run', '--once', '--pace', '0', '--retries', '0', '--allow-all'];

/** The command that docs/http.md gives for a preset, with another host. */
function documented(preset: PresetName, url: string): string {
  const block = blocksOf(readPage('docs/http.md')).find(({ text }) =>
    text.includes(`--http-preset ${preset} `),
  );
  return (block?.text ?? '').replace(/https?:\/\/[^/\s]+/, url);
}

/** A command as a shell reads it. */
function typed(home: string, command: string, given: Record<string, string>): TypedRun {
  installNoted(home, home);
  const env = { PATH: `${home}${delimiter}${process.env.PATH}`, ...given };
  execFileSync('/bin/sh', ['-c', command], { env });
  return takeTypedRun(home) as TypedRun;
}

test.each(Object.keys(HTTP_PRESETS) as PresetName[])(
  '--http-preset %s, as it is documented, keeps its conversation over a restart',
  async (preset) => {
    const [simulator, service] = await Promise.all([simulate({ strangers: true }), startService(preset)]);
    onTestFinished(service.close);
    const { home, user } = loggedIn(simulator);
    const command = documented(preset, service.url);
    const key = /\{(\w+)\}/.exec(command)?.[1] ?? '';
    const { words, env } = typed(home, command, { [key]: 'key' });
    const run = async (who: string, text: string) => {
      simulator.control.message({ user: who, text });
      const end = await runHere([...ONCE, ...words], { home, env });
      expect([end.code, end.stdout], end.stderr).toEqual([0, '']);
    };
    await run(user, '你好 "{{text}}"');
    await run(user, 'and then?');
    await run('o9other@im.wechat', 'me too');
    const [one = '', two = ''] = answers(simulator, user);
    const id = one.split(' ')[0] ?? '';
    expect([one, two]).toEqual([`${id} #1: 你好 "{{text}}"`, `${id} #2: and then?`]);
    const [other = ''] = answers(simulator, 'o9other@im.wechat');
    expect(other).toMatch(/^\S+ #1: me too$/);
    expect(other.split(' ')[0]).not.toBe(id);
  },
);

test('an endpoint of its own shape, from a file in the folder that wxagent was started in', async () => {
  const simulator = await simulate();
  const http = await startScriptedServer(() => ({ data: { outputs: [{ text: 'It rains.' }] } }));
  onTestFinished(http.close);
  const { home, user } = loggedIn(simulator);
  writeFileSync(join(home, 'body.json'), '{"inputs":{"q":"{{text}}"},"chat":"{{sessionId}}"}');
  simulator.control.message({ user, text: 'weather?' });
  const run = await runHere(
    [...ONCE, '--http', http.url, '--http-body', '@body.json', '--http-reply', '$.data.outputs[0].text'],
    { home },
  );
  expect(run.code, run.stderr).toBe(0);
  expect(answers(simulator)).toEqual(['It rains.']);
  expect(http.requests[0]?.json).toEqual({
    inputs: { q: 'weather?' },
    chat: expect.stringMatching(/^[\w-]{36}$/),
  });
});

test('what goes wrong is in the log, with a way out, and no page of HTML reaches the phone', async () => {
  const simulator = await simulate({ strangers: true });
  const cases: Record<string, [Answer, RegExp]> = {
    path: [{ result: 'x', id: 7 }, /no text at answer[\s\S]*the top of the response has result, id/],
    html: [
      (response) => response.writeHead(200, { 'content-type': 'text/html' }).end('<html>Log in</html>'),
      /the answer is a web page: Log in/,
    ],
    error: [{ code: 4100, msg: 'no such key' }, /answered with an error: no such key/],
    key: [401, /HTTP 401[\s\S]*--header 'Authorization/],
  };
  const http = await startScriptedServer(({ json }) => cases[(json as { text: string }).text]?.[0] ?? 500);
  onTestFinished(http.close);
  const { home } = loggedIn(simulator);
  for (const text of Object.keys(cases)) simulator.control.message({ user: `o9${text}@im.wechat`, text });
  simulator.control.message({ user: 'o9empty@im.wechat', text: 'empty' });
  cases.empty = [200, /^/];
  const run = await runHere([...ONCE, '--http', http.url, '--http-reply', 'answer', '--http-error', 'msg'], {
    home,
  });
  expect([run.code, run.stdout]).toEqual([0, '']);
  for (const [text, [, log]] of Object.entries(cases)) {
    expect(run.stderr, text).toMatch(log);
    expect(answers(simulator, `o9${text}@im.wechat`)).toHaveLength(text === 'empty' ? 0 : 1);
  }
  expect(answers(simulator).join()).not.toContain('<html>');
});
