import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import fc from 'fast-check';
import { expect, onTestFinished, test } from 'vitest';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { createDispatch } from '../../../../src/runner/intake/dispatch.ts';
import { createLanes, type Lanes } from '../../../../src/runner/turns/lanes.ts';
import type { IncomingMessage, MessageView } from '../../../../src/store/port/port.ts';
import {
  ACCOUNT,
  createDesk,
  type Desk,
  FRIEND,
  incoming,
  OWNER,
  TERMS,
} from '../../store/conformance/desk.ts';
import { makeSqliteStores } from '../../store/sqlite-stores.ts';
import { createLogBook, wireText } from '../support.ts';
import { createUndelivered } from './undelivered.ts';

/**
 * Lanes, turns and the store together: whatever is written, stopped, asked for again or retried in whatever order and
 * at whatever moment, one turn of a user at a time, and every message has its end.
 */

const USERS = [OWNER, FRIEND, 'o9cq80zExampleUser03@im.wechat'];
const CONCURRENCY = 2;

const step = fc.oneof(
  fc.record({
    kind: fc.constant('says' as const),
    user: fc.constantFrom(...USERS),
    count: fc.integer({ min: 1, max: 3 }),
    busy: fc.constantFrom('queue' as const, 'queue' as const, 'latest' as const),
  }),
  fc.record({ kind: fc.constant('stop' as const), again: fc.boolean() }),
  fc.record({ kind: fc.constant('retry' as const), nth: fc.nat(30) }),
  // Some turns of the microtask queue, or of the event loop: what is under way gets that much further.
  fc.record({ kind: fc.constant('ticks' as const), count: fc.nat(12) }),
  fc.record({ kind: fc.constant('wait' as const), ms: fc.nat(4) }),
  fc.record({ kind: fc.constant('rest' as const), ms: fc.nat(4) }),
);

/** A runner without a server: what comes in is stored and run; `asked` is what the agent got, `faults` what must not be. */
function createLife(desk: Desk, folder: string, { agentMs, mergeMs }: { agentMs: number; mergeMs: number }) {
  const { store } = desk;
  const life = { asked: [] as string[], faults: [] as unknown[], texts: new Map<number, string>() };
  const atWork = new Set<string>();
  const turns = createUndelivered({
    store,
    agent: {
      name: 'test',
      async answer({ text, user }, { signal }) {
        if (atWork.has(user)) life.faults.push(`two turns of ${user}`);
        atWork.add(user);
        if (atWork.size > CONCURRENCY) life.faults.push(`${atWork.size} turns at once`);
        life.asked.push(...text.split('\n'));
        if (agentMs > 0) await systemClock.sleep(agentMs, signal);
        atWork.delete(user);
        return { kind: 'reply', pieces: [{ text: `re ${text}` }] };
      },
    },
    folder,
    over: { mergeMs },
  });
  const lanes: Lanes = createLanes({
    concurrency: CONCURRENCY,
    clock: systemClock,
    async run(seq) {
      try {
        return await turns.run(seq);
      } catch (error) {
        life.faults.push(error);
        return { kind: 'halt' };
      }
    },
  });
  let pauses = 0;
  const dispatch = createDispatch({
    lanes,
    turns,
    questions: { answer: () => false },
    delivery: { wake() {} },
    log: createLogBook(),
  });
  let written = 0;
  return {
    ...life,
    lanes,
    turns,
    /** One poll; a text that begins with a slash is a command. */
    async poll(user: string, texts: string[], busy: 'queue' | 'latest' = 'queue'): Promise<void> {
      const messages = texts.map((text): IncomingMessage => {
        const command = text.startsWith('/') ? (text.slice(1) as 'stop' | 'again') : null;
        const raw = Buffer.from(JSON.stringify(wireText(`m${written++}`, text)));
        return incoming({ user, createdAtMs: null, raw, chat: { command, agentFrom: command ? null : 0 } });
      });
      const over = { allow: 'all', nowMs: Date.now(), chat: { ...TERMS, busy, mergeMs } } as const;
      const result = await desk.receive(messages, over, dispatch.beforeCommit);
      for (const [at, { seq }] of result.messages.entries()) life.texts.set(seq, texts[at] ?? '');
      dispatch.committed(result);
    },
    /** As after `retry` in another process. */
    async retry(nth: number): Promise<void> {
      const found = (await views(desk))[nth];
      if (found) await store.inbox.retry({ account: ACCOUNT, id: found.id });
      await this.look();
    },
    /** As before an account is handed over, which is kept after all: no turn runs for a moment. */
    async rest(ms: number): Promise<void> {
      pauses++;
      await lanes.pause();
      if (lanes.running > 0) life.faults.push('a turn runs at rest');
      await systemClock.sleep(ms);
      if (lanes.running > 0) life.faults.push('a turn was begun at rest');
      if (--pauses === 0) lanes.resume();
    },
    async look(): Promise<void> {
      for (const entry of await store.inbox.unfinished(ACCOUNT)) lanes.add(entry);
    },
  };
}

const views = (desk: Desk): Promise<MessageView[]> =>
  desk.store.inbox.messages({ account: ACCOUNT, user: null, sinceMs: null, limit: 500 });

test('every message has its end, and none is left running by a stop', async () => {
  const folder = await mkdtemp(join(tmpdir(), 'wxagent-life-'));
  onTestFinished(() => rm(folder, { recursive: true, force: true }));
  const setting = fc.record({ agentMs: fc.nat(4), mergeMs: fc.constantFrom(0, 0, 3) });
  const steps = fc.array(step, { minLength: 8, maxLength: 60, size: 'max' });
  await fc.assert(
    fc.asyncProperty(steps, setting, fc.boolean(), async (given, terms, isCut) => {
      const data = await makeSqliteStores();
      const desk = await createDesk(data.open('me'));
      const life = createLife(desk, folder, terms);
      const work: Promise<void>[] = [];
      let n = 0;
      for (const one of given) {
        if (one.kind === 'says') {
          const texts = Array.from({ length: one.count }, () => `text ${n++}`);
          work.push(life.poll(one.user, texts, one.busy));
        }
        if (one.kind === 'stop') work.push(life.poll(OWNER, one.again ? ['/stop', '/again'] : ['/stop']));
        if (one.kind === 'retry') work.push(life.retry(one.nth));
        if (one.kind === 'ticks') for (let tick = 0; tick < one.count; tick++) await Promise.resolve();
        if (one.kind === 'rest') work.push(life.rest(one.ms));
        if (one.kind === 'wait') await systemClock.sleep(one.ms);
      }
      await Promise.all(work);
      if (isCut) {
        life.turns.stop();
        await life.lanes.stop();
        expect((await views(desk)).filter(({ state }) => state === 'running')).toEqual([]);
      } else {
        await life.look();
        await life.lanes.idle();
        const all = await views(desk);
        expect(all.filter(({ state }) => ['received', 'waiting', 'running'].includes(state))).toEqual([]);
        // Commands are done with a reason of their own.
        const done = all.filter(({ state, reason }) => state === 'done' && reason === null);
        expect(life.asked).toEqual(expect.arrayContaining(done.map(({ seq }) => life.texts.get(seq))));
      }
      expect(life.faults).toEqual([]);
      await data.dispose();
    }),
    { seed: 20_261_123, numRuns: 100 },
  );
});
