import { expect, onTestFinished, test } from 'vitest';
import { startChatServer, stream } from '../helpers/chat-server.ts';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';
import { makeFolder, startWxagent } from '../helpers/wxagent.ts';

async function model() {
  const server = await startChatServer();
  onTestFinished(() => server.stop());
  return server;
}

test('a conversation goes on after a restart, with the key and the system prompt, until /new', async () => {
  const server = await model();
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = ['run', '--once', '--openai', server.url, '--model', 'qwen3', '--system', 'be brief'];
  const env = { OPENAI_API_KEY: 'sk-secret-1' };
  for (const text of ['one', 'two', '/new three']) {
    simulator.control.message({ text });
    const ran = await runHere([...run, '--verbose', '--verbose'], { home, env });
    expect(ran).toMatchObject({ code: 0, stdout: '' });
    expect(ran.stderr).not.toContain('sk-secret-1');
  }
  expect(answers(simulator)).toEqual(['echo: one', 'echo: two', 'echo: three']);
  expect(server.asked.map(({ headers }) => headers.authorization)).toEqual(
    Array(3).fill('Bearer sk-secret-1'),
  );
  expect(server.asked[1]?.body).toEqual({
    model: 'qwen3',
    stream: true,
    messages: [
      { role: 'system', content: 'be brief' },
      { role: 'user', content: 'one' },
      { role: 'assistant', content: 'echo: one' },
      { role: 'user', content: 'two' },
    ],
  });
  expect(server.asked[2]?.body.messages).toEqual([
    { role: 'system', content: 'be brief' },
    { role: 'user', content: 'three' },
  ]);
});

test('/new in the chat: the model hears nothing of what was said before', async () => {
  const server = await model();
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = startHere(['run', '--no-typing', '--openai', server.url, '--model', 'm'], { home });
  for (const [index, text] of ['one', '/new', 'two'].entries()) {
    simulator.control.message({ text });
    await answered(simulator, index + 1);
  }
  await run.stop();
  expect(server.asked.map(({ body }) => body.messages)).toEqual([
    [{ role: 'user', content: 'one' }],
    [{ role: 'user', content: 'two' }],
  ]);
});

test('killed between the answer of the model and the phone: answered once, remembered once', async () => {
  const server = await model();
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  const run = ['run', '--no-typing', '--openai', server.url, '--model', 'm'];
  const first = startWxagent(run, { home });
  server.answers.push((response) => {
    stream(response, ['first']);
    response.once('close', () => first.signal('SIGKILL'));
  });
  simulator.control.message({ text: 'one' });
  await first.exited;
  const second = startHere(run, { home });
  await answered(simulator, 1);
  simulator.control.message({ text: 'two' });
  await answered(simulator, 2);
  await second.stop();
  const { messages } = server.asked.at(-1)?.body ?? { messages: [] };
  expect(messages.map(({ role }) => role)).toEqual(['user', 'assistant', 'user']);
});

test('a proxy of the environment is used', async () => {
  const proxy = await model();
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  const ran = await runHere(
    ['run', '--once', '--retries', '0', '--openai', 'http://llm.example/v1', '--model', 'm'],
    {
      home,
      env: { http_proxy: proxy.url.replace('/v1', '') },
    },
  );
  expect(ran.stderr).toContain('not reached');
  expect(proxy.tunnels).toContain('llm.example:80');
});

test.each([
  [['--openai', 'localhost:11434', '--model', 'm'], /http or https URL/],
  [['--openai', 'http://127.0.0.1:1/v1'], /--model/],
  [['--openai', 'http://127.0.0.1:1/v1', '--model', 'm', '--echo'], /one agent, not 2/],
])('%j is refused before anything starts', async (args, message) => {
  const ran = await runHere(['run', ...args], { home: makeFolder() });
  expect(ran).toMatchObject({ code: 64, stdout: '' });
  expect(ran.stderr).toMatch(message);
});

test('a model that does not exist: the user hears of it, the log says what to look at', async () => {
  const server = await model();
  server.answers.push((response) => {
    response.writeHead(404, { 'content-type': 'application/json' });
    response.end('{"error":{"message":"model \\"nope\\" not found"}}');
  });
  const simulator = await simulate();
  const { home } = loggedIn(simulator);
  simulator.control.message({ text: 'hi' });
  const ran = await runHere(['run', '--once', '--openai', server.url, '--model', 'nope'], { home });
  expect(ran.stderr).toMatch(/agent failed: http: 404 model "nope" not found/);
  expect(ran.stderr).toMatch(/hint: .*curl .*\/v1\/models/);
  expect(answers(simulator)).toHaveLength(1);
});
