import fc from 'fast-check';
import { describe, expect, test } from 'vitest';
import type { Agent, TurnContext } from '../../../../src/agents/port/port.ts';
import type { Outcome } from '../../../../src/core/message/message.ts';
import { makeBot } from '../../../helpers/in-process.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { answered, answers, simulate } from '../../../helpers/simulated.ts';

const reply = (text: string): Outcome => ({ kind: 'reply', pieces: [{ text }] });
const untilEnded = ({ signal }: TurnContext): Promise<Outcome> =>
  new Promise((resolve) =>
    signal.addEventListener('abort', () =>
      resolve({ kind: 'failed', reason: 'cancelled', detail: String(signal.reason) }),
    ),
  );

/** A bot whose agent takes as long as the test wants for the text `slow`, and echoes all others. */
async function slowBot(
  slow: Agent['answer'],
  settings: Parameters<Awaited<ReturnType<typeof makeBot>>['start']>[1] = {},
) {
  const simulator = await simulate({ strangers: true });
  const bot = await makeBot(simulator);
  const started: string[] = [];
  bot.start(async (turn, context) => {
    started.push(turn.text);
    return turn.text.startsWith('slow') ? slow(turn, context) : reply(`re: ${turn.text}`);
  }, settings);
  const says = (text: string, user = bot.user) => simulator.control.message({ text, user });
  const begun = (count: number) => pollUntil(`${count} turns`, () => started.length === count);
  const states = async () => (await bot.messages()).map(({ state }) => state);
  return { simulator, bot, started, says, begun, states };
}

describe('a stop by the user', () => {
  test('ends the turn as cancelled, without a notice of failure, and the lane goes on', async () => {
    const { simulator, bot, says, begun, states } = await slowBot((_, context) => untilEnded(context));
    says('slow');
    await begun(1);
    says('/stop');
    says('next');
    expect(await answered(simulator, 2)).toEqual(['Stopped. No other message was queued.', 're: next']);
    expect(bot.events.find(({ type }) => type === 'outcome')).toMatchObject({
      outcome: 'failed',
      reason: 'cancelled',
      parts: 0,
    });
    expect(await states()).toEqual(['superseded', 'done', 'done']);
    expect(bot.log.join('\n')).toContain('ended: cancelled by the user');
  });

  test('counts while the answer is made ready: it is neither sent nor told of', async () => {
    // The budget is asked about, because it may be too many.
    const pieces = ['one', 'two', 'three'].map((text) => ({ text }));
    const { simulator, bot, says, begun, states } = await slowBot(async () => ({ kind: 'reply', pieces }));
    const { budget } = bot.store.outbox;
    let goOn: (() => void) | null = null;
    bot.store.outbox.budget = async (input) => {
      await new Promise<void>((resolve) => {
        goOn = resolve;
      });
      return budget(input);
    };
    says('slow');
    await begun(1);
    await pollUntil('the answer is made ready', () => goOn !== null);
    says('/stop');
    expect(await answered(simulator, 1)).toEqual(['Stopped. No other message was queued.']);
    (goOn as (() => void) | null)?.();
    await pollUntil('the outcome', () => bot.events.some(({ type }) => type === 'outcome'));
    expect(bot.events.find(({ type }) => type === 'outcome')).toMatchObject({
      outcome: 'failed',
      reason: 'cancelled',
      parts: 0,
    });
    expect(await states()).toEqual(['superseded', 'done']);
  });

  test('counts although the agent answers all the same, or wants to be run again', async () => {
    const outcomes: Outcome[] = [reply('too late'), { kind: 'retry', afterMs: 60_000, detail: 'later' }];
    const { simulator, says, begun } = await slowBot(async (_, context) => {
      await untilEnded(context);
      return outcomes.shift() as Outcome;
    });
    for (const turns of [1, 2]) {
      says('slow');
      await begun(turns);
      says('/stop');
      await answered(simulator, turns);
    }
    says('next');
    expect((await answered(simulator, 3))[2]).toBe('re: next');
  });

  test('ends the wait for a retry, and what was behind it need not wait either', async () => {
    const { simulator, bot, says, begun } = await slowBot(async () => ({
      kind: 'retry',
      afterMs: 600_000,
      detail: 'later',
    }));
    says('slow');
    await begun(1);
    await pollUntil('the wait', () => bot.events.some(({ type }) => type === 'outcome'));
    says('/stop');
    await answered(simulator, 1);
    says('next');
    expect((await answered(simulator, 2))[1]).toBe('re: next');
  });

  test('and then again: it runs although the turn before has not ended yet', async () => {
    let end: () => void = () => {};
    let turns = 0;
    const { simulator, says, begun } = await slowBot(async () => {
      if (turns++ > 0) return reply('at last');
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      return reply('never');
    });
    says('slow');
    await begun(1);
    says('/stop');
    says('/again');
    await answered(simulator, 2);
    end();
    expect((await answered(simulator, 3))[2]).toBe('at last');
  });

  test('of one user is none of another', async () => {
    const { simulator, says, begun, started } = await slowBot((_, context) => untilEnded(context));
    says('slow', 'o9b@im.wechat');
    says('slow');
    await begun(2);
    says('/stop');
    await answered(simulator, 1);
    says('next');
    await answered(simulator, 2);
    expect(started).toEqual(['slow', 'slow', 'next']);
    expect(answers(simulator, 'o9b@im.wechat')).toEqual([]);
  });
});

test('--busy latest: the newest message is answered, whatever the agents before it do', async () => {
  const { simulator, says, begun, states } = await slowBot(
    async (_, context) => {
      await untilEnded(context);
      return reply('old news');
    },
    { busy: 'latest' },
  );
  says('slow 1');
  await begun(1);
  says('slow 2');
  await begun(2);
  says('slow 3');
  says('slow 4');
  says('fine');
  expect(await answered(simulator, 1)).toEqual(['re: fine']);
  expect(await states()).toEqual([...Array(4).fill('superseded'), 'done']);
});

test('--busy reject: one notice while an agent is at work, and the next message is taken', async () => {
  let end: () => void = () => {};
  const { simulator, bot, says, begun, states } = await slowBot(
    async () => {
      await new Promise<void>((resolve) => {
        end = resolve;
      });
      return reply('the slow answer');
    },
    { busy: 'reject' },
  );
  says('slow');
  await begun(1);
  for (const text of ['你好', 'two', 'three']) says(text);
  expect((await answered(simulator, 1))[0]).toContain('还在处理');
  await pollUntil('all are taken in', () => bot.log.filter((line) => line.includes('busy')).length === 3);
  end();
  await answered(simulator, 2);
  says('next');
  expect((await answered(simulator, 3)).slice(1)).toEqual(['the slow answer', 're: next']);
  expect(await states()).toEqual(['done', 'ignored', 'ignored', 'ignored', 'done']);
});

test('without commands everything is for the agent, and no notice speaks of them', async () => {
  const { simulator, says } = await slowBot(async () => ({ kind: 'failed', reason: 'exit', detail: 'x' }), {
    commands: false,
  });
  for (const text of ['/stop', '//x', 'slow']) says(text);
  expect(await answered(simulator, 3)).toEqual(['re: /stop', 're: //x', expect.stringMatching(/^⚠️ [^/]*$/)]);
});

test('only the owner is told of /again', async () => {
  const { simulator, says } = await slowBot(async () => ({ kind: 'failed', reason: 'exit', detail: 'x' }));
  says('slow', 'o9b@im.wechat');
  expect((await answered(simulator, 1))[0]).not.toContain('/again');
  says('slow');
  expect((await answered(simulator, 2))[1]).toContain('/again');
});

test('nobody is told of /again where no other try would help', async () => {
  const outcome = { kind: 'failed', reason: 'exit', detail: 'a login is missing', again: false } as const;
  const { simulator, says } = await slowBot(async () => outcome);
  says('slow');
  expect((await answered(simulator, 1))[0]).toMatch(/^⚠️ [^/]*$/);
});

test('what is not a command, a stop or superseded is answered once and in order, whatever is done in between', async () => {
  const step = fc.record({
    user: fc.constantFrom('owner', 'o9b@im.wechat', 'o9c@im.wechat'),
    what: fc.constantFrom('says', 'says', 'says', '/status', '/stop', '/new', '/again'),
    waits: fc.boolean(),
  });
  await fc.assert(
    fc.asyncProperty(
      fc.array(step, { minLength: 5, maxLength: 14 }),
      fc.constantFrom('queue', 'latest', 'reject'),
      fc.constantFrom(0, 20),
      async (steps, busy, mergeMs) => {
        const simulator = await simulate({ strangers: true, holdMs: 20 });
        const bot = await makeBot(simulator);
        const runs = new Map<string, string[]>();
        const atWork = new Set<string>();
        const faults: string[] = [];
        const runner = bot.start(
          async (turn) => {
            if (atWork.has(turn.user)) faults.push(`two turns of ${turn.user} at once`);
            atWork.add(turn.user);
            runs.set(turn.user, [...(runs.get(turn.user) ?? []), ...turn.text.split('\n')]);
            await new Promise((resolve) => setTimeout(resolve, 5));
            atWork.delete(turn.user);
            return { kind: 'silent' };
          },
          { busy, mergeMs, concurrency: 2 },
        );
        for (const [n, { user: name, what, waits }] of steps.entries()) {
          const user = name === 'owner' ? bot.user : name;
          // Never the same text twice: in the same millisecond that would be a duplicate.
          const text = what.startsWith('/') && user === bot.user ? `${what}${'!'.repeat(n)}` : `${n}`;
          simulator.control.message({ user, text });
          if (waits) await new Promise((resolve) => setTimeout(resolve, 10));
        }
        await pollUntil('all is taken in', () => simulator.control.bots()[0]?.waiting === 0);
        for (let open = 1; open > 0; ) {
          await new Promise((resolve) => setTimeout(resolve, 10));
          const all = await bot.messages();
          open =
            steps.length -
            all.length +
            all.filter(({ state }) => /received|waiting|running/.test(state)).length;
        }
        const isAsked = steps.some(({ what }) => what === '/again');
        for (const [user, texts] of runs) {
          const once = [...new Set(texts)];
          if (!isAsked || user !== bot.user) {
            expect(texts).toEqual(once);
            expect(texts.map(Number)).toEqual(once.map(Number).sort((a, b) => a - b));
          }
        }
        const ran = new Set([...runs].flatMap(([user, texts]) => texts.map((text) => `${user} ${text}`)));
        for (const { user, state, raw } of await bot.messages()) {
          const text = JSON.parse(raw.toString()).item_list[0].text_item.text;
          if (state === 'done' && !text.startsWith('/')) expect(ran).toContain(`${user} ${text}`);
          if (busy === 'queue' && user !== bot.user) expect(state).toBe('done');
        }
        expect(faults).toEqual([]);
        runner.stop();
        await runner.done;
      },
    ),
    { seed: 20_261_122, numRuns: 12 },
  );
});
