import fc from 'fast-check';
import { afterAll, beforeAll, describe, expect, test } from 'vitest';
import type { ChatNotice, ClaimedPart } from '../../../src/store/port/port.ts';
import { type CuttingProxy, startCuttingProxy } from '../../helpers/cutting-proxy.ts';
import { SERVER, upstreamOf } from '../../helpers/postgres.ts';
import {
  ACCOUNT,
  contentOf,
  createDesk,
  type Desk,
  FRIEND,
  incoming,
  type MakeStore,
  OWNER,
  part,
  type StoreUnderTest,
  TERMS,
} from './conformance/desk.ts';
import { postgresStores } from './postgres-stores.ts';
import { makeSqliteStores } from './sqlite-stores.ts';

/**
 * The inbox and the outbox against a small model: whatever two processes do in whatever order, and
 * whenever one of them is killed, nothing is lost, every user is served in order, one request at a
 * time, and nothing is sent twice but after an unknown result, then with the same bytes.
 */

const USERS = [OWNER, FRIEND];
/** The first polls and runs turns, both deliver. */
const POLLER = 0;
const PROCESSES = [POLLER, 1];
/** A lease that has run out is a matter of its own (conformance suite). */
const LEASE_MS = 60_000;

interface Model {
  messages: Message[];
  users: Map<string, Lane>;
  texts: number;
}

/** A message, what its turns have said so far, and how much of that its present turn has said again. */
interface Message {
  seq: number;
  user: string;
  state: 'waiting' | 'running' | 'done';
  /** A turn of it was cut by the end of the process. */
  hasRun: boolean;
  outputs: string[];
  index: number;
}

/** What a user is to get, and has got. */
interface Lane {
  queued: string[];
  accepted: string[];
  isHeld: boolean;
  underWay: { process: number; part: ClaimedPart; sinceMs: number } | null;
  /** Bytes that may have arrived: they have to be repeated. */
  unknown: Buffer | null;
  /** Texts that were refused when they were repeated, and may have arrived: they stay as they are. */
  unsure: Set<string>;
}

/** The processes that are up, by number; a killed one comes back under another name. */
interface World {
  data: StoreUnderTest;
  desks: Desk[];
  names: string[];
  born: number;
}

type Step = fc.AsyncCommand<Model, World>;

function step(name: string, check: Step['check'], run: Step['run']): Step {
  return { check, run, toString: () => name };
}

const laneOf = (model: Readonly<Model>, user: string): Lane => model.users.get(user) as Lane;
const poller = (world: World): Desk => world.desks[POLLER] as Desk;
const nowMs = (world: World): number => Math.max(...world.desks.map((desk) => desk.nowMs));

function pass(world: World, ms: number): void {
  const at = nowMs(world) + ms;
  for (const desk of world.desks) desk.nowMs = at;
}

async function bear(world: World, process: number): Promise<void> {
  const at = world.born === 0 ? null : nowMs(world);
  const name = `process ${world.born++}`;
  const desk = await createDesk(await world.data.open(name));
  world.names[process] = name;
  world.desks[process] = desk;
  if (at !== null) desk.nowMs = at;
}

const writes = (user: string): Step =>
  step(
    `${user} writes`,
    () => true,
    async (model, world) => {
      const message = incoming({ user });
      const over = { allow: 'all', cursor: message.id } as const;
      const taken = await poller(world).receive([message, message], over);
      expect(taken.messages.map((one) => one.state)).toEqual(['received', 'duplicate']);
      model.messages.push({
        seq: taken.messages[0]?.seq ?? 0,
        user,
        state: 'waiting',
        hasRun: false,
        outputs: [],
        index: 0,
      });
      const lane = laneOf(model, user);
      expect(taken.released).toEqual(lane.isHeld ? [user] : []);
      if (lane.isHeld) lane.queued = released(lane);
      lane.isHeld = false;
    },
  );

/** What is held, as it goes out: merged into the place of the first of them, but for what is unsure. */
function released({ queued, unsure }: Lane): string[] {
  const sure = queued.filter((text) => !unsure.has(text));
  return queued.flatMap((text) => (unsure.has(text) ? text : text === sure[0] ? sure.join('|') : []));
}

const starts = (user: string): Step =>
  step(
    `a turn of ${user} starts`,
    (model) => model.messages.some((one) => one.user === user && one.state === 'waiting'),
    async (model, world) => {
      const message = model.messages.find((one) => one.user === user && one.state === 'waiting');
      if (!message) return;
      const started = await poller(world).start(message.seq);
      expect(started.outputs).toEqual(message.outputs);
      message.state = 'running';
      message.index = 0;
    },
  );

const ends = (user: string, count: number): Step =>
  step(
    `a turn of ${user} ends with ${count} parts`,
    (model) => model.messages.some((one) => one.user === user && one.state === 'running'),
    async (model, world) => {
      const message = model.messages.find((one) => one.user === user && one.state === 'running');
      if (!message) return;
      const texts = Array.from({ length: count }, () => `text ${model.texts++}`);
      const parts = texts.map((text) => part(text));
      await poller(world).finish(message.seq, { kind: 'done' }, parts);
      message.state = 'done';
      laneOf(model, user).queued.push(...texts);
    },
  );

const emits = (user: string, isSame: boolean): Step =>
  step(
    `a turn of ${user} says ${isSame ? 'what its last attempt said' : 'something new'}`,
    (model) => model.messages.some((one) => one.user === user && one.state === 'running'),
    async (model, world) => {
      const message = model.messages.find((one) => one.user === user && one.state === 'running');
      if (!message) return;
      const index = message.index++;
      if (isSame && index < message.outputs.length) return;
      const text = `text ${model.texts++}`;
      await poller(world).store.turns.queueOutput({
        account: ACCOUNT,
        turn: poller(world).turnOf(message.seq),
        output: { index, digest: text },
        parts: [part(text)],
        nowMs: nowMs(world),
        claim: null,
      });
      message.outputs = [...message.outputs.slice(0, index), text];
      laneOf(model, user).queued.push(text);
    },
  );

/** `/stop`: what the owner has running and waiting is over, and a turn that ends afterwards says nothing more. */
const stops = step(
  `${OWNER} stops`,
  () => true,
  async (model, world) => {
    const before = model.messages.filter((one) => one.user === OWNER && one.state !== 'done');
    const message = incoming({ chat: { command: 'stop', agentFrom: null } });
    const told = (news: ChatNotice): string => `${JSON.stringify(news)} ${model.texts}`;
    const chat = { ...TERMS, noticeOf: (news: ChatNotice) => [part(told(news), 'notice')] };
    const taken = await poller(world).receive([message, message], { chat });
    expect(taken.messages.map((one) => one.state)).toEqual(['command', 'duplicate']);
    expect(taken.superseded.map(({ seq }) => seq)).toEqual(before.map(({ seq }) => seq));
    const lane = laneOf(model, OWNER);
    if (lane.isHeld) lane.queued = released(lane);
    lane.isHeld = false;
    const waiting = before.filter((one) => one.state === 'waiting' && !one.hasRun).length;
    lane.queued.push(told({ about: 'stop', ended: before.length > waiting, dropped: waiting }));
    model.texts++;
    for (const one of before) {
      if (one.state === 'running') await poller(world).finish(one.seq, { kind: 'done' }, [part('too late')]);
      one.state = 'done';
    }
  },
);

const sends = (user: string, process: number): Step =>
  step(
    `process ${process} queues a text for ${user}`,
    () => true,
    async (model, world) => {
      const text = `text ${model.texts++}`;
      await (world.desks[process] as Desk).sends(user, text);
      laneOf(model, user).queued.push(text);
    },
  );

const claims = (user: string, process: number): Step =>
  step(
    `process ${process} claims a part for ${user}`,
    (model) => laneOf(model, user).underWay?.process !== process,
    async (model, world) => {
      const lane = laneOf(model, user);
      if (lane.underWay && nowMs(world) - lane.underWay.sinceMs >= LEASE_MS) return;
      const claim = await (world.desks[process] as Desk).claim(user);
      if (lane.underWay) expect(claim.kind).toBe('wait');
      else if (lane.isHeld || lane.queued.length === 0) expect(claim).toEqual({ kind: 'nothing', held: [] });
      else {
        if (claim.kind !== 'part') throw new Error(`a part was due, not ${JSON.stringify(claim)}`);
        expect(contentOf(claim.part.body).text).toBe(lane.queued[0]);
        if (lane.unknown) expect(claim.part.body.equals(lane.unknown)).toBe(true);
        lane.underWay = { process, part: claim.part, sinceMs: nowMs(world) };
      }
    },
  );

/** As the delivery goes on: the next part is claimed with the verdict. */
const goesOn = (user: string): Step =>
  step(
    `what was sent to ${user} is accepted, and the next one claimed`,
    (model) => laneOf(model, user).underWay !== null,
    async (model, world) => {
      const lane = laneOf(model, user);
      if (!lane.underWay) return;
      const { process, part: sent } = lane.underWay;
      const { store } = world.desks[process] as Desk;
      const at = nowMs(world);
      const encode = (content: unknown): Buffer => Buffer.from(JSON.stringify(content));
      const { next } = await store.outbox.settlePart({
        account: ACCOUNT,
        seq: sent.seq,
        known: sent.view,
        reply: { kind: 'accepted', messageId: `server-${sent.seq}` },
        nowMs: at,
        next: { account: ACCOUNT, user, nowMs: at, paceMs: 0, encode },
      });
      lane.accepted.push(lane.queued.shift() ?? '');
      lane.unknown = null;
      lane.underWay = null;
      if (lane.isHeld || lane.queued.length === 0) expect(next).toEqual({ kind: 'nothing', held: [] });
      else {
        if (next?.kind !== 'part') throw new Error(`a part was due, not ${JSON.stringify(next)}`);
        expect(contentOf(next.part.body).text).toBe(lane.queued[0]);
        lane.underWay = { process, part: next.part, sinceMs: at };
      }
    },
  );

const answers = (user: string, how: 'accepted' | 'unknown' | 'refused' | 'held' | 'returned'): Step =>
  step(
    `what was sent to ${user} is ${how}`,
    (model) => laneOf(model, user).underWay !== null,
    async (model, world) => {
      const lane = laneOf(model, user);
      if (!lane.underWay) return;
      const { process, part: sent } = lane.underWay;
      const desk = world.desks[process] as Desk;
      lane.underWay = null;
      if (how === 'accepted') {
        await desk.accept(sent.seq);
        lane.accepted.push(lane.queued.shift() ?? '');
        lane.unknown = null;
      } else if (how === 'unknown') {
        pass(world, (await desk.settle(sent.seq, { kind: 'unknown', detail: 'timeout' })).waitMs ?? 0);
        lane.unknown = sent.body;
      } else if (how === 'refused' || how === 'held') {
        if (lane.unknown) lane.unsure.add(lane.queued[0] ?? '');
        lane.isHeld = await refuse(world, desk, sent.seq);
        for (let n = 1; how === 'held' && !lane.isHeld; n++) {
          expect(n).toBeLessThan(4);
          lane.isHeld = await refuse(world, desk, (await desk.claimed(user)).seq);
        }
        lane.unknown = null;
      } else await desk.store.outbox.returnPart({ account: ACCOUNT, seq: sent.seq });
    },
  );

/** A refusal that may be tried again; whether it has led to a hold. */
async function refuse(world: World, desk: Desk, seq: number): Promise<boolean> {
  const verdict = await desk.refuse(seq, 7, 'a code nobody knows');
  pass(world, verdict.waitMs ?? 0);
  return verdict.part.state === 'held';
}

const dies = (process: number): Step =>
  step(
    `process ${process} is killed and comes back`,
    () => true,
    async (model, world) => {
      world.data.kill(world.names[process] ?? '');
      await bear(world, process);
      for (const lane of model.users.values()) {
        if (lane.underWay?.process !== process) continue;
        lane.unknown = lane.underWay.part.body;
        lane.underWay = null;
      }
      if (process !== POLLER) return;
      const { store } = poller(world);
      await store.turns.recover({ account: ACCOUNT, former: null, retries: 1_000, nowMs: nowMs(world) });
      for (const message of model.messages) {
        if (message.state === 'running') Object.assign(message, { state: 'waiting', hasRun: true });
      }
    },
  );

/** Everything that is still open comes to its end. */
async function finish(model: Model, world: World): Promise<void> {
  const toRun = model.messages.filter((one) => one.state === 'waiting').map((one) => one.seq);
  expect((await poller(world).store.inbox.unfinished(ACCOUNT)).map((entry) => entry.seq)).toEqual(toRun);
  for (const user of USERS) {
    const lane = laneOf(model, user);
    if (lane.underWay) await answers(user, 'accepted').run(model, world);
    await writes(user).run(model, world);
    const rest = await poller(world).deliver(user);
    expect(rest).toEqual(lane.queued);
    const all = [...lane.accepted, ...rest].flatMap((text) => text.split('|'));
    expect(new Set(all).size).toBe(all.length);
  }
  expect(await poller(world).store.outbox.openParts(ACCOUNT)).toEqual([]);
}

test('nothing is lost, nothing overtakes, nothing is sent twice without need', () =>
  checkModel(makeSqliteStores, 60));

describe.skipIf(SERVER === null)('on a server', () => {
  const { make, drop } = postgresStores();
  afterAll(drop);

  test('nothing is lost, nothing overtakes, nothing is sent twice without need', () => checkModel(make, 8));
});

describe.skipIf(SERVER === null)('on a server whose connections break at every few COMMITs', () => {
  let proxy: CuttingProxy;
  const { make, drop } = postgresStores(() => proxy.port);
  beforeAll(async () => {
    proxy = await startCuttingProxy(upstreamOf(SERVER as string));
  });
  afterAll(async () => {
    await drop();
    await proxy.close();
  });

  test('nothing is lost, nothing overtakes, nothing is sent twice without need', async () => {
    // Requests and answers, in turn: of a step that was committed, and of one that was not.
    let seen = 0;
    let cuts = 0;
    proxy.rule = (_from, bytes) => {
      if (!bytes.includes('COMMIT\0') || ++seen % 11 !== 0) return 'pass';
      cuts++;
      return 'cut';
    };
    await checkModel(make, 3);
    expect(cuts).toBeGreaterThan(10);
  });
});

/** Runs steps at random on stores and on the model. */
async function checkModel(make: MakeStore, numRuns: number): Promise<void> {
  const user = fc.constantFrom(...USERS);
  const process = fc.constantFrom(...PROCESSES);
  const steps = fc.commands(
    [
      user.map(writes),
      user.map(starts),
      fc.constant(stops),
      fc.tuple(user, fc.nat({ max: 3 })).map(([one, count]) => ends(one, count)),
      fc.tuple(user, fc.boolean()).map(([one, isSame]) => emits(one, isSame)),
      fc.tuple(user, process).map(([one, by]) => sends(one, by)),
      fc.tuple(user, process).map(([one, by]) => claims(one, by)),
      fc.tuple(user, process).map(([one, by]) => claims(one, by)),
      user.map((one) => answers(one, 'accepted')),
      user.map(goesOn),
      fc
        .tuple(user, fc.constantFrom('unknown', 'refused', 'held', 'returned'))
        .map(([one, how]) => answers(one, how)),
      process.map(dies),
    ],
    { maxCommands: 80, size: 'max' },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (commands) => {
      const world: World = { data: await make(), desks: [], names: [], born: 0 };
      const model: Model = { messages: [], users: new Map(), texts: 0 };
      try {
        for (const process of PROCESSES) await bear(world, process);
        for (const one of USERS) {
          model.users.set(one, {
            queued: [],
            accepted: [],
            isHeld: false,
            underWay: null,
            unknown: null,
            unsure: new Set(),
          });
          await writes(one).run(model, world);
        }
        await fc.asyncModelRun(() => ({ model, real: world }), commands);
        await finish(model, world);
      } finally {
        await world.data.dispose();
      }
    }),
    // A failure prints its seed, its path and the steps.
    { seed: 20_261_122, numRuns, endOnFailure: false },
  );
}
