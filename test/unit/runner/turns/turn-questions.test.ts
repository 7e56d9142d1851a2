import { expect, test } from 'vitest';
import type { Agent, TurnContext } from '../../../../src/agents/port/port.ts';
import type { Outcome } from '../../../../src/core/message/message.ts';
import { makeBot } from '../../../helpers/in-process.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { answered, answers, simulate } from '../../../helpers/simulated.ts';

const reply = (text: string): Outcome => ({ kind: 'reply', pieces: [{ text }] });
const states = (messages: { state: string; reason: string | null }[]) =>
  messages.map(({ state, reason }) => (reason === null ? state : `${state} (${reason})`));

/** An agent that asks about the message `ask` and echoes all others. */
async function botThatAsks(ask: (context: TurnContext) => Promise<Outcome>) {
  const simulator = await simulate();
  const bot = await makeBot(simulator);
  const texts: string[] = [];
  const runner = bot.start(async (turn, context) => {
    texts.push(turn.text);
    return turn.text === 'ask' ? ask(context) : reply(`re: ${turn.text}`);
  });
  const says = (text: string) => simulator.control.message({ text });
  return { simulator, bot, runner, texts, says };
}
const askOnce = async (context: TurnContext) => reply(`you said ${await context.ask('may I?', 60_000)}`);

test('the user’s next message is the answer, and no message for the agent; the one after is', async () => {
  const { simulator, bot, texts, says } = await botThatAsks(askOnce);
  says('ask');
  expect(await answered(simulator, 1)).toEqual(['may I?']);
  says('yes, do');
  says('next');
  expect(await answered(simulator, 3)).toEqual(['may I?', 'you said yes, do', 're: next']);
  expect(texts).toEqual(['ask', 'next']);
  await pollUntil('the verdicts', () => bot.events.filter(({ type }) => type === 'part').length === 3);
  expect(states(await bot.messages())).toEqual(['done', 'done (answer)', 'done']);
});

test('an answer that looks like a command is the answer, with its slash', async () => {
  const { simulator, says } = await botThatAsks(askOnce);
  says('ask');
  await answered(simulator, 1);
  says('/new');
  expect((await answered(simulator, 2))[1]).toBe('you said /new');
});

test('two questions at once are asked one after the other', async () => {
  const { simulator, says } = await botThatAsks(async (context) => {
    const both = await Promise.all([context.ask('first?', 60_000), context.ask('second?', 60_000)]);
    return reply(both.join(' and '));
  });
  says('ask');
  await answered(simulator, 1);
  says('one');
  expect(await answered(simulator, 2)).toEqual(['first?', 'second?']);
  says('two');
  expect((await answered(simulator, 3))[2]).toBe('one and two');
});

test.each([
  ['for ever', Number.POSITIVE_INFINITY],
  ['for 30 days', 30 * 86_400_000],
  ['longer than a timer can', Number.MAX_VALUE],
])('a question may wait %s', async (_, waitMs) => {
  const { simulator, says } = await botThatAsks(async (context) =>
    reply(String(await context.ask('may I?', waitMs))),
  );
  says('ask');
  await answered(simulator, 1);
  says('yes');
  expect(await answered(simulator, 2)).toEqual(['may I?', 'yes']);
});

test.each([0, 0.5, -1, Number.NaN])(
  'one that may wait %j ms is asked, and answered with null',
  async (waitMs) => {
    const { simulator, says } = await botThatAsks(async (context) =>
      reply(String(await context.ask('may I?', waitMs))),
    );
    says('ask');
    expect(await answered(simulator, 2)).toEqual(['may I?', 'null']);
  },
);

test('null when none comes in time; what is written after that is a message', async () => {
  const { simulator, says } = await botThatAsks(async (context) =>
    reply(String(await context.ask('may I?', 30))),
  );
  says('ask');
  expect(await answered(simulator, 2)).toEqual(['may I?', 'null']);
  says('late');
  expect((await answered(simulator, 3))[2]).toBe('re: late');
});

test('the time in which the user thinks is no silence of the agent', async () => {
  const simulator = await simulate();
  const bot = await makeBot(simulator);
  const answer: Agent['answer'] = (_, { signal, ask }) =>
    new Promise((resolve) => {
      signal.addEventListener('abort', () => resolve(reply(`ended: ${signal.reason}`)));
      void ask('may I?', 200).then((said) => resolve(reply(String(said))));
    });
  bot.start(answer, { silenceMs: 50 });
  simulator.control.message({ text: 'ask' });
  expect(await answered(simulator, 2)).toEqual(['may I?', 'null']);
});

test('a stop by the user ends the question and the turn', async () => {
  const given: unknown[] = [];
  const { simulator, bot, says } = await botThatAsks(async (context) => {
    given.push(await context.ask('may I?', 60_000));
    return reply('too late');
  });
  says('ask');
  await answered(simulator, 1);
  says('/stop');
  expect(await answered(simulator, 2)).toEqual(['may I?', expect.stringContaining('Stopped')]);
  says('next');
  expect((await answered(simulator, 3))[2]).toBe('re: next');
  expect(given).toEqual([null]);
  expect(states(await bot.messages())).toEqual(['superseded (stop)', 'done (command)', 'done']);
});

test('a stop of wxagent ends it too; the next start asks again', async () => {
  const { simulator, bot, runner, says } = await botThatAsks(async (context) => {
    const answer = await context.ask('may I?', 60_000);
    return answer === null
      ? { kind: 'failed', reason: 'cancelled', detail: 'stopped' }
      : reply(`you said ${answer}`);
  });
  says('ask');
  await answered(simulator, 1);
  runner.stop();
  await runner.done;
  expect(states(await bot.messages())).toEqual(['waiting']);
  bot.start((_, context) => askOnce(context));
  expect(await answered(simulator, 2)).toEqual(['may I?', 'may I?']);
  says('yes');
  expect((await answered(simulator, 3))[2]).toBe('you said yes');
});

test('a question that was forgotten when its turn ended is open no more', async () => {
  const { simulator, says } = await botThatAsks(async (context) => {
    void context.ask('may I?', 60_000);
    await pollUntil('the question', () => answers(simulator).length === 1);
    return reply('done without');
  });
  says('ask');
  await answered(simulator, 2);
  says('hello');
  expect((await answered(simulator, 3))[2]).toBe('re: hello');
});

test('a store that fails is no answer, and no rejection', async () => {
  const { simulator, bot, says } = await botThatAsks(async (context) =>
    reply(String(await context.ask('may I?', 60_000))),
  );
  bot.store.outbox.enqueue = () => Promise.reject(new Error('disk'));
  says('ask');
  expect(await answered(simulator, 1)).toEqual(['null']);
  expect(bot.log.join('\n')).toContain('cannot ask the user: disk');
});
