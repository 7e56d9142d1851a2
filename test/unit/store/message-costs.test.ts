import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as turnOfLoop } from 'node:timers/promises';
import { afterEach, expect, test } from 'vitest';
import { newUuid } from '../../../src/core/ids.ts';
import { systemClock } from '../../../src/core/time/clock.ts';
import { type Connection, LIMITS, openConnection } from '../../../src/postgres/connection.ts';
import { createQueryTexts } from '../../../src/postgres/query-text.ts';
import { parseServerUrl } from '../../../src/postgres/server-address.ts';
import { readInTransaction, runInTransaction } from '../../../src/postgres/transaction.ts';
import { inOrder, settleWorks, type Work } from '../../../src/sql/one-transaction.ts';
import type { Step } from '../../../src/sql/statement.ts';
import type { StepRunner } from '../../../src/sql/step-runner.ts';
import { openDatabase } from '../../../src/sqlite/database.ts';
import { runStep } from '../../../src/sqlite/run-step.ts';
import { createGroupCommit } from '../../../src/store/commit/group-commit.ts';
import type { Claim, ClaimRequest, IntakeResult } from '../../../src/store/port/port.ts';
import { migrateServer } from '../../../src/store/schema/migrate-postgres.ts';
import { migrate } from '../../../src/store/schema/migrate-sqlite.ts';
import { createStore } from '../../../src/store/store.ts';
import { administer, SERVER, uniqueName, withParts } from '../../helpers/postgres.ts';
import { ACCOUNT, addSource, createDesk, incoming, OWNER, part } from './conformance/desk.ts';

/** What was asked of a database: `ways` are those to a server and back. */
type Costs = Record<string, number>;

/** A runner that counts what it costs. */
interface Counted {
  runner: Pick<StepRunner, 'run' | 'read' | 'flush'>;
  costs: Costs;
  close(): Promise<void>;
}

let opened: Counted | null = null;
afterEach(() => opened?.close());

async function onSqlite(): Promise<Counted> {
  const folder = await mkdtemp(join(tmpdir(), 'wxagent-costs-'));
  const database = openDatabase(join(folder, 'x.db'));
  migrate(database, folder);
  const costs = { commits: 0, statements: 0 };
  const counting = {
    ...database,
    run(sql: string) {
      if (sql === 'COMMIT') costs.commits++;
      return database.run(sql);
    },
    answer(statement: Parameters<typeof database.answer>[0]) {
      costs.statements++;
      return database.answer(statement);
    },
  };
  const commits = createGroupCommit({
    database: counting,
    files: { check() {} },
    clock: systemClock,
    retry: async (work) => work(),
  });
  return {
    costs,
    runner: {
      run: (_, step, beforeCommit) => commits.run((db) => runStep(db, step()), beforeCommit),
      read: async (step) => runStep(counting, step()),
      async flush() {},
    },
    async close() {
      database.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function onServer(): Promise<Counted> {
  const schema = uniqueName();
  const address = parseServerUrl(withParts(SERVER, { schema }));
  const connection = await openConnection({ address, limits: LIMITS, textFor: createQueryTexts(address) });
  const costs = { commits: 0, statements: 0, ways: 0 };
  let waiting = 0;
  const counting: Connection = Object.create(connection, {
    exchange: {
      async value(batch: Parameters<Connection['exchange']>[0]) {
        costs.statements += batch.length;
        if (batch.includes('COMMIT')) costs.commits++;
        if (waiting++ === 0) costs.ways++;
        try {
          return await connection.exchange(batch);
        } finally {
          waiting--;
        }
      },
    },
  });
  /** Those that join the transaction that runs just now. */
  const joining: Work<() => Step<unknown>>[] = [];
  let isRunning = false;
  const run: StepRunner['run'] = (name, step, beforeCommit) =>
    new Promise((resolve, reject) => {
      const work = { step, beforeCommit, resolve: resolve as (value: never) => void, reject };
      if (isRunning) return joining.push(work);
      isRunning = true;
      const end = (batch: typeof joining) =>
        runInTransaction(
          counting,
          inOrder(batch, () => joining.splice(0)),
          { schema, name },
        );
      return settleWorks([work], end, () => true).finally(() => {
        isRunning = false;
      });
    });
  await run('', () => migrateServer(address));
  return {
    costs,
    runner: { run, read: (step) => readInTransaction(counting, step()), async flush() {} },
    async close() {
      await connection.close();
      await administer(SERVER as string, `DROP SCHEMA ${schema} CASCADE`);
    },
  };
}

/** What each step costs of a message that is answered by one text. */
async function costsOfMessage(open: () => Promise<Counted>): Promise<Record<string, Costs>> {
  opened = await open();
  const { runner, costs } = opened;
  const claimant = { id: 'this', isAlive: () => true };
  const store = createStore(runner as StepRunner, { clock: systemClock, claimant });
  const { receive, nowMs } = await createDesk(store);
  const claim = (): ClaimRequest => ({
    account: ACCOUNT,
    user: OWNER,
    nowMs,
    paceMs: 0,
    encode: (content) => Buffer.from(JSON.stringify(content)),
  });
  const of: Record<string, Costs> = {};
  async function counted<T>(name: string, step: () => Promise<T>): Promise<T> {
    const before = { ...costs };
    const result = await step();
    of[name] = Object.fromEntries(
      Object.entries(costs).map(([what, count]) => [what, count - (before[what] as number)]),
    );
    return result;
  }
  // The first one also makes the user known.
  for (let n = 0; n < 2; n++) {
    // As a lane does that is free.
    const start = ({ messages: [stored] }: IntakeResult) =>
      store.turns.startTurn({ account: ACCOUNT, seq: stored?.seq as number, mergeMs: 0, nowMs });
    const turn = await counted('store and start', async () => {
      let started: ReturnType<typeof start> | undefined;
      await receive([incoming()], { cursor: `cursor ${n}` }, (result) => {
        started = start(result);
      });
      return started;
    });
    if (!turn || !('attempt' in turn)) throw new Error('the turn has not started');
    const parts = [part('reply')];
    const ended = { account: ACCOUNT, turn, result: { kind: 'done' as const }, parts, nowMs };
    const queued = await counted('finish', () => store.turns.finishTurn({ ...ended, claim: claim() }));
    const { part: claimed } = queued.claim as Claim & { kind: 'part' };
    const reply = { kind: 'accepted' as const, messageId: `server ${n}` };
    const verdict = await counted('verdict', () =>
      store.outbox.settlePart({
        account: ACCOUNT,
        seq: claimed.seq,
        known: claimed.view,
        reply,
        nowMs,
        next: claim(),
      }),
    );
    expect(verdict).toMatchObject({ part: { state: 'confirmed' }, next: { kind: 'nothing' } });
  }
  return of;
}

/** What a message costs that is answered by one text. A limit may be lowered; who raises one says why in decision 0025. */
test('on SQLite', async () => {
  expect(await costsOfMessage(onSqlite)).toEqual({
    'store and start': { commits: 1, statements: 7 },
    finish: { commits: 1, statements: 5 },
    verdict: { commits: 1, statements: 3 },
  });
});

// With BEGIN, the lock and COMMIT.
test.skipIf(SERVER === null)('on a server', async () => {
  expect(await costsOfMessage(onServer)).toEqual({
    'store and start': { commits: 1, statements: 10, ways: 3 },
    finish: { commits: 1, statements: 8, ways: 2 },
    verdict: { commits: 1, statements: 6, ways: 2 },
  });
});

/** What a push costs that waits, and a look for pushes that are due, with so many waiting already. */
async function costsOfPush(open: () => Promise<Counted>, waiting: number): Promise<Costs[]> {
  opened = await open();
  const { runner, costs } = opened;
  const claimant = { id: 'this', isAlive: () => true };
  const store = createStore(runner as StepRunner, { clock: systemClock, claimant });
  const { nowMs } = await createDesk(store);
  await addSource(store, 'a', { digestMs: 60_000 });
  const of: Costs[] = [];
  const counted = async (step: () => Promise<unknown>): Promise<void> => {
    const before = { ...costs };
    await step();
    of.push(
      Object.fromEntries(Object.entries(costs).map(([what, count]) => [what, count - (before[what] ?? 0)])),
    );
  };
  const push = async () => {
    // Not together with the step before.
    await turnOfLoop();
    return store.outbox.enqueue({
      ...{ account: ACCOUNT, user: OWNER, message: null, id: null, key: null, expiresAtMs: null, nowMs },
      parts: [{ ...part('x', 'send'), runId: newUuid() }],
      push: { source: 'a', digest: 'a', isImportant: false, tell: () => '' },
    });
  };
  for (let n = 0; n < waiting; n++) await push();
  await counted(push);
  await counted(() => store.outbox.duePushes(nowMs));
  return of;
}

test.each([0, 50])('a push behind %i others, on SQLite', async (waiting) => {
  expect(await costsOfPush(onSqlite, waiting)).toEqual([
    { commits: 1, statements: 2 },
    { commits: 0, statements: 1 },
  ]);
});

test.skipIf(SERVER === null)('a push behind others, on a server', async () => {
  expect(await costsOfPush(onServer, 50)).toEqual([
    { commits: 1, statements: 5, ways: 3 },
    { commits: 1, statements: 3, ways: 2 },
  ]);
});

/** What it costs to store a poll of ten messages: of one user, and of ten. */
async function costsOfPolls(open: () => Promise<Counted>): Promise<Costs[]> {
  opened = await open();
  const { runner, costs } = opened;
  const claimant = { id: 'this', isAlive: () => true };
  const { receive } = await createDesk(createStore(runner as StepRunner, { clock: systemClock, claimant }));
  const of: Costs[] = [];
  for (const user of [() => OWNER, (n: number) => `user ${n}`]) {
    const before = { ...costs };
    await receive(
      Array.from({ length: 10 }, (_, n) => incoming({ user: user(n) })),
      { cursor: 'cursor', allow: 'all' },
    );
    of.push(
      Object.fromEntries(Object.entries(costs).map(([what, count]) => [what, count - (before[what] ?? 0)])),
    );
  }
  return of;
}

test('a poll of ten messages, on SQLite', async () => {
  expect(await costsOfPolls(onSqlite)).toEqual([
    { commits: 1, statements: 22 },
    { commits: 1, statements: 31 },
  ]);
});

test.skipIf(SERVER === null)('a poll of ten messages, on a server', async () => {
  expect(await costsOfPolls(onServer)).toEqual([
    { commits: 1, statements: 25, ways: 2 },
    { commits: 1, statements: 34, ways: 2 },
  ]);
});
