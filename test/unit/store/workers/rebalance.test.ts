import fc from 'fast-check';
import { describe, expect, it } from 'vitest';
import { readBoard, rebalancePlan } from '../../../../src/store/workers/rebalance.ts';

/** Workers that take and hand over in turns, as they do in the database: a plan is made and carried out in one step. */
function createModel(accounts: number) {
  const owners: (string | null)[] = Array.from({ length: accounts }, () => null);
  const nexts: (string | null)[] = Array.from({ length: accounts }, () => null);
  const workers = new Map<string, number | null>();
  let moves = 0;

  const count = (list: (string | null)[], worker: string): number =>
    list.filter((one, n) => one === worker && (list === nexts || nexts[n] === null)).length;

  function board() {
    const groups = new Map<
      string,
      { worker: string | null; next: string | null; accounts: number; epochs: number }
    >();
    for (const [n, worker] of owners.entries()) {
      const next = nexts[n] ?? null;
      const key = `${worker} ${next}`;
      const group = groups.get(key) ?? { worker, next, accounts: 0, epochs: 0 };
      group.accounts++;
      groups.set(key, group);
    }
    return {
      workers: [...workers].map(([worker, capacity]) => ({
        worker,
        capacity,
        alive: 1,
        purpose: 'share',
        leaving: 0,
      })),
      groups: [...groups.values()],
    };
  }

  /** One look of a worker; what it hands over is drained by its next one. */
  function look(me: string): void {
    for (const [n, next] of nexts.entries()) if (next !== null && owners[n] === me) owners[n] = null;
    const { take, give, isAwaited } = readBoard(board(), me, true);
    let left = take;
    for (const [n, owner] of owners.entries()) {
      const next = nexts[n] ?? null;
      if (owner !== null && workers.has(owner)) continue;
      const isMine = owner === null && next === me && isAwaited;
      const isFree = owner !== null || next === null || !workers.has(next);
      if (!isMine && (!isFree || left-- <= 0)) continue;
      owners[n] = me;
      nexts[n] = null;
      moves++;
    }
    for (const { to, count: many } of give) {
      let rest = many;
      // The last ones, for the first ones are taken: which are chosen is by chance in the database.
      for (let n = owners.length - 1; n >= 0 && rest > 0; n--) {
        if (owners[n] !== me || nexts[n] !== null) continue;
        nexts[n] = to;
        rest--;
      }
    }
  }

  return {
    workers,
    owners,
    join: (worker: string, capacity: number | null) => void workers.set(worker, capacity),
    leave(worker: string) {
      workers.delete(worker);
      for (const [n, owner] of owners.entries()) if (owner === worker) owners[n] = null;
    },
    /** It ends without a word: what it has is still its own, also what it was about to hand over. */
    die: (worker: string) => void workers.delete(worker),
    /** All look once. */
    round() {
      for (const worker of workers.keys()) look(worker);
    },
    /** All look in turns until nothing changes. */
    settle() {
      for (let round = 0; round < 500; round++) {
        const before = JSON.stringify([owners, nexts]);
        this.round();
        if (JSON.stringify([owners, nexts]) === before) return;
      }
      throw new Error('they never come to rest');
    },
    held: (worker: string) => count(owners, worker),
    get moves() {
      return moves;
    },
  };
}

describe('the balance of workers', () => {
  const change = fc.oneof(
    fc.record({ kind: fc.constant('join' as const), worker: fc.integer({ min: 0, max: 11 }) }),
    fc.record({ kind: fc.constant('leave' as const), worker: fc.integer({ min: 0, max: 11 }) }),
    fc.record({ kind: fc.constant('die' as const), worker: fc.integer({ min: 0, max: 11 }) }),
  );

  it('are even within a tenth after any joins, leaves and deaths, and then nothing moves any more', () => {
    fc.assert(
      fc.property(
        fc.integer({ min: 0, max: 400 }),
        fc.array(fc.tuple(change, fc.boolean()), { minLength: 1, maxLength: 12 }),
        (accounts, changes) => {
          const model = createModel(accounts);
          // Who has died comes back under another id.
          const lives = Array.from({ length: 12 }, () => 0);
          for (const [{ kind, worker }, isCalm] of changes) {
            const name = `w${worker}.${lives[worker]}`;
            if (kind === 'join' && !model.workers.has(name)) model.join(name, null);
            if (kind === 'leave') model.leave(name);
            if (kind === 'die') {
              model.die(name);
              lives[worker] = (lives[worker] as number) + 1;
            }
            model.round();
            // The next change may come while accounts are on their way.
            if (!isCalm) continue;
            model.settle();
            const count = model.workers.size;
            if (count === 0) continue;
            const held = [...model.workers.keys()].map(model.held);
            const fair = Math.ceil(accounts / count);
            expect(held.reduce((sum, one) => sum + one, 0)).toBe(accounts);
            expect(Math.max(...held)).toBeLessThanOrEqual(fair + Math.floor(fair / 10));
            expect(Math.min(...held)).toBeGreaterThanOrEqual(
              Math.floor(accounts / count) - Math.floor(fair / 10),
            );
          }
        },
      ),
      { numRuns: 60 },
    );
  });

  it('move no more than a joining worker needs', () => {
    const model = createModel(300);
    model.join('a', null);
    model.join('b', null);
    model.settle();
    const before = model.moves;
    model.join('c', null);
    model.settle();
    expect(model.moves - before).toBe(model.held('c'));
    expect(model.held('c')).toBeGreaterThanOrEqual(90);
  });

  it('keep to the capacity of each, and leave free what nobody has room for', () => {
    const model = createModel(100);
    model.join('small', 5);
    model.join('big', null);
    model.join('middle', 30);
    model.settle();
    expect(model.held('small')).toBe(5);
    expect(model.held('middle')).toBe(30);
    expect(model.held('big')).toBe(65);
    model.leave('big');
    model.settle();
    expect(model.owners.filter((owner) => owner === null)).toHaveLength(65);
  });

  it('are nobody else’s business: who is not on the board does nothing', () => {
    expect(rebalancePlan('gone', [], { free: 9, mostGiven: 9 })).toEqual({ take: 0, give: [] });
  });

  it('are taken in batches, handed over little by little, and what is free goes first', () => {
    const share = (worker: string, kept: number) => ({ worker, capacity: null, kept, incoming: 0 });
    const alone = { workers: [{ worker: 'a', capacity: null, alive: 1, purpose: 'share', leaving: 0 }] };
    const all = { worker: null, next: null, accounts: 10_000, epochs: 0 };
    expect(readBoard({ ...alone, groups: [all] }, 'a', false).take).toBe(200);
    expect(rebalancePlan('a', [share('a', 1_000), share('b', 0)], { free: 0, mostGiven: 50 })).toEqual({
      take: 0,
      give: [{ to: 'b', count: 50 }],
    });
    expect(rebalancePlan('a', [share('a', 50), share('b', 0)], { free: 50, mostGiven: 50 }).give).toEqual([]);
  });

  it('are counted when no worker has room for them', () => {
    const worker = (name: string, capacity: number | null) => ({
      ...{ worker: name, capacity, alive: 1, purpose: 'share', leaving: 0 },
    });
    const groups = [
      { worker: 'a', next: null, accounts: 2, epochs: 2 },
      { worker: null, next: null, accounts: 9, epochs: 0 },
    ];
    const unserved = (...capacities: (number | null)[]): number =>
      readBoard({ workers: capacities.map((most, n) => worker('ab'[n] ?? '', most)), groups }, 'a', true)
        .unserved;
    expect([unserved(3), unserved(3, 7), unserved(3, 8), unserved(3, null)]).toEqual([8, 1, 0, 0]);
  });

  it('leave out the accounts of expired workers until somebody may take them over', () => {
    const workers = [
      { worker: 'a', capacity: null, alive: 1, purpose: 'share', leaving: 0 },
      { worker: 'dead', capacity: null, alive: 0, purpose: 'share', leaving: 0 },
      { worker: 'going', capacity: null, alive: 1, purpose: 'share', leaving: 1 },
    ];
    const groups = ['dead', 'going'].map((worker) => ({ worker, next: null, accounts: 10, epochs: 10 }));
    expect(readBoard({ workers, groups }, 'a', false).take).toBe(0);
    expect(readBoard({ workers, groups }, 'a', true).take).toBe(10);
  });

  it('have what an expired worker was about to hand over, which is free like the rest', () => {
    const workers = [
      { worker: 'a', capacity: null, alive: 1, purpose: 'share', leaving: 0 },
      { worker: 'dead', capacity: null, alive: 0, purpose: 'share', leaving: 0 },
    ];
    const groups = [{ worker: 'dead', next: 'a', accounts: 2, epochs: 10 }];
    expect(readBoard({ workers, groups }, 'a', false)).toMatchObject({ take: 0, isAwaited: false });
    expect(readBoard({ workers, groups }, 'a', true)).toMatchObject({ take: 2, isAwaited: false });
  });
});
