import { afterEach, beforeEach, describe, expect, test } from 'vitest';
import type { CallResult, IlinkClient } from '../../../../src/ilink/client.ts';
import type { Envelope, GetConfigResponse } from '../../../../src/ilink/wire/wire.ts';
import { createTyping, type Typing } from '../../../../src/runner/turns/typing.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { createStillClock, settle } from '../../../helpers/still-clock.ts';
import { createLogBook } from '../support.ts';

const TYPING = 1;
const CANCEL = 2;

let clock: ReturnType<typeof createStillClock>;
let config: CallResult<GetConfigResponse>[];
let answers: CallResult<Envelope>[];
let asked: string[];
let typing: Typing;
let ends: (() => void)[];
beforeEach(() => {
  clock = createStillClock();
  config = [];
  answers = [];
  asked = [];
  ends = [];
  const client: Pick<IlinkClient, 'getConfig' | 'sendTyping'> = {
    async getConfig({ user, contextToken }) {
      asked.push(`ticket of ${user} with ${contextToken}`);
      return config.shift() ?? { kind: 'ok', body: { typing_ticket: `ticket-${asked.length}` } };
    },
    async sendTyping({ user, ticket, status }) {
      asked.push(`${status} to ${user} with ${ticket}`);
      return answers.shift() ?? { kind: 'ok', body: {} };
    },
  };
  typing = createTyping({
    client,
    clock,
    log: createLogBook(),
    contextToken: async (user) => `token of ${user}`,
  });
});
afterEach(() => {
  for (const end of ends) end();
});

const begin = (user: string): (() => void) => {
  const end = typing.begin(user);
  ends.push(end);
  return end;
};
const calls = (count: number): Promise<void> =>
  pollUntil(`${count} calls, not ${asked.join()}`, () => asked.length >= count);
test('it shows at once, is kept alive every 5 s, and ends', async () => {
  const end = begin('u');
  await calls(2);
  clock.pass(4_999);
  await settle();
  expect(asked).toHaveLength(2);
  clock.pass(1);
  await calls(3);
  end();
  await calls(4);
  expect(asked).toEqual([
    'ticket of u with token of u',
    `${TYPING} to u with ticket-1`,
    `${TYPING} to u with ticket-1`,
    `${CANCEL} to u with ticket-1`,
  ]);
});

test('nothing is said after the end', async () => {
  const end = begin('u');
  await calls(2);
  end();
  await calls(3);
  clock.pass(60_000);
  await settle();
  expect(asked).toHaveLength(3);
});

test('a turn that ends while the phone is being told still takes it back', async () => {
  begin('u')();
  await calls(3);
  expect(asked.at(-1)).toBe(`${CANCEL} to u with ticket-1`);
});

describe('tickets', () => {
  test('one serves a user for half a day', async () => {
    begin('u')();
    await calls(3);
    clock.pass(12 * 3_600_000 - 1);
    begin('u')();
    await calls(5);
    expect(asked.filter((call) => call.startsWith('ticket'))).toHaveLength(1);
    clock.pass(1);
    begin('u')();
    await calls(8);
    expect(asked.filter((call) => call.startsWith('ticket'))).toHaveLength(2);
  });

  test('each user has their own', async () => {
    begin('u');
    begin('v');
    await calls(4);
    expect(asked.filter((call) => call.startsWith('ticket'))).toEqual([
      'ticket of u with token of u',
      'ticket of v with token of v',
    ]);
  });

  test('a refused one is fetched anew at the next keep-alive', async () => {
    answers.push({ kind: 'refused', code: -2, errmsg: '' });
    begin('u');
    await calls(2);
    clock.pass(5_000);
    await calls(4);
    expect(asked.slice(2)).toEqual(['ticket of u with token of u', `${TYPING} to u with ticket-3`]);
  });

  test('without one nothing is shown and nothing taken back', async () => {
    config.push({ kind: 'unreachable', detail: 'down', timedOut: false });
    const end = begin('u');
    await settle();
    end();
    await settle();
    expect(asked).toEqual(['ticket of u with token of u']);
  });
});

test('a store that fails is no reason to fail', async () => {
  const log = createLogBook();
  const broken = createTyping({
    client: {
      getConfig: () => Promise.reject(new Error('x')),
      sendTyping: () => Promise.reject(new Error('x')),
    },
    clock,
    log,
    contextToken: () => Promise.reject(new Error('disk')),
  });
  broken.begin('u');
  await pollUntil('a line', () => log.lines.length > 0);
  expect(log.lines).toEqual([expect.stringMatching(/^debug .*disk/)]);
});
