import { appendFileSync, readFileSync, writeFileSync } from 'node:fs';
import { createServer } from 'node:http';
import type { AddressInfo } from 'node:net';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { startChatServer, stream } from '../helpers/chat-server.ts';
import { startHere } from '../helpers/in-this-process.ts';
import { answered, answers, loggedIn, simulate } from '../helpers/simulated.ts';

/**
 * Whatever the agent is: the messages of one user are answered one after the other in their order, and no more
 * users at once than `--concurrency` says.
 */
const CONCURRENCY = 2;
const PACED = fileURLToPath(new URL('../fixtures/agents/paced.mjs', import.meta.url));

/** Makes an agent that writes down when it begins and ends; returns the flags that choose it. */
type Kind = (log: string) => Promise<string[]>;

const paced = (kind: string, log: string) => `'${process.execPath}' '${PACED}' ${kind} '${log}'`;
/** For each message a process: a shell, which starts ten times as quickly. */
const SHELL = `text=$(cat); echo "begin $text" >>"$0"; sleep "$(printf 0.%03d "\${text##* }")"; echo "end $text" >>"$0"; echo "to $text"`;

/** The same for agents that are servers of the test. */
async function answer(text: string, log: string): Promise<string> {
  appendFileSync(log, `begin ${text}\n`);
  await delay(Number(text.split(' ')[2]));
  appendFileSync(log, `end ${text}\n`);
  return `to ${text}`;
}

const KINDS: Record<string, Kind> = {
  '--exec': async (log) => ['--exec', `sh -c '${SHELL}' '${log}'`],
  '-- command': async (log) => ['--', 'sh', '-c', SHELL, log],
  '--coprocess': async (log) => ['--coprocess', paced('coprocess', log)],
  '--coprocess-per user': async (log) => ['--coprocess', paced('coprocess', log), '--coprocess-per', 'user'],
  '--acp': async (log) => ['--acp', paced('acp', log), '--permission', 'deny'],
  async '--http'(log) {
    const server = createServer(async (request, response) => {
      let body = '';
      for await (const chunk of request.setEncoding('utf8')) body += chunk;
      const { text } = JSON.parse(body) as { text: string };
      response.setHeader('content-type', 'text/plain').end(await answer(text, log));
    });
    await new Promise<void>((resolve) => server.listen(0, '127.0.0.1', resolve));
    onTestFinished(() => void server.close());
    return ['--http', `http://127.0.0.1:${(server.address() as AddressInfo).port}/`];
  },
  async '--openai'(log) {
    const server = await startChatServer();
    onTestFinished(() => server.stop());
    // One for each of the messages there may be.
    server.answers.push(
      ...Array.from(
        { length: 100 },
        () =>
          async (
            response: Parameters<typeof stream>[0],
            asked: { body: { messages: { content: unknown }[] } },
          ) =>
            stream(response, [await answer(String(asked.body.messages.at(-1)?.content), log)]),
      ),
    );
    return ['--openai', server.url, '--model', 'm'];
  },
};

const scripts = fc.array(fc.tuple(fc.integer({ min: 0, max: 3 }), fc.integer({ min: 0, max: 40 })), {
  minLength: 4,
  maxLength: 14,
});

test.each(Object.entries(KINDS))('%s', async (_, kind) => {
  const simulator = await simulate({ strangers: true, quota: 0 });
  const { home } = loggedIn(simulator);
  const log = join(home, 'log.txt');
  const flags = ['--allow-all', '--no-typing', '--pace', '0', '--concurrency', String(CONCURRENCY)];
  startHere(['run', ...flags, ...(await kind(log))], { home });
  let before = 0;
  await fc.assert(
    fc.asyncProperty(scripts, async (script) => {
      writeFileSync(log, '');
      const messages = script.map(([who, ms], n) => ({
        user: `u${who}@im.wechat`,
        text: `u${who} ${n} ${ms}`,
      }));
      simulator.control.messages(messages);
      await answered(simulator, before + messages.length);
      const said = answers(simulator).slice(before);
      before += messages.length;
      for (const who of new Set(messages.map(({ user }) => user))) {
        const own = messages.filter(({ user }) => user === who).map(({ text }) => text);
        const name = who.split('@')[0] as string;
        expect(said.filter((text) => text.startsWith(`to ${name} `))).toEqual(
          own.map((text) => `to ${text}`),
        );
        expect(steps(log).filter((step) => step.split(' ')[1] === name)).toEqual(
          own.flatMap((text) => [`begin ${text}`, `end ${text}`]),
        );
      }
      let running = 0;
      for (const step of steps(log)) {
        running += step.startsWith('begin') ? 1 : -1;
        expect(running).toBeLessThanOrEqual(CONCURRENCY);
      }
    }),
    { numRuns: 3 },
  );
});

function steps(log: string): string[] {
  return readFileSync(log, 'utf8').trim().split('\n');
}
