import { randomBytes } from 'node:crypto';
import { once } from 'node:events';
import { setTimeout as delay } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { systemClock } from '../../src/core/time/clock.ts';
import { openServer } from '../../src/store/postgres-server.ts';
import { type Cast, CHAOS_RUN, type Stage, until } from './chaos.ts';
import { type CuttingProxy, startCuttingProxy } from './cutting-proxy.ts';
import { administer, upstreamOf, urlOf, withParts } from './postgres.ts';
import { type ServerProcess, startServer } from './postgres-setup.ts';
import { makeFolder, type Wxagent } from './wxagent.ts';

/** Workers, their accounts, and who writes to each of them. */
export interface WorkersPlan {
  workers: number;
  accounts: number;
  users: number;
  /** How long a worker that does not renew keeps its accounts. */
  ttlMs: number;
  /** The program, if it is not the built one. */
  program?: string;
}

/** A worker and its own way to the server. */
interface Worker {
  name: string;
  run: Wxagent;
  proxy: CuttingProxy;
}

/** How often the database is looked at. */
const LOOK_MS = 50;
/** How long it may take until accounts have moved, in times of the TTL: what never comes fails, not what is slow. */
const PATIENCE_TTLS = 30;

/** So many lines of what happened are told when something never comes. */
const TOLD_LINES = 400;

/** So many events are told before the next harm: at least, and so many more by chance. */
const QUIET = { least: 20, more: 60 };

/** Kinds of harm. Each is done once before any is done again. */
const HARMS = ['kill', 'stop', 'partition', 'restart', 'replace'] as const;

/** Workers on a server of their own. Skipped where this platform has none. */
export async function withWorkers(
  plan: WorkersPlan,
  skip: (why: string) => void,
  work: (cast: (stage: Stage) => Promise<Cast>) => Promise<void>,
): Promise<void> {
  const server = await startServer();
  if (server === null) return skip('no PostgreSQL for this platform');
  onTestFinished(() => server.stop());
  await work(workersOf(server, plan));
}

/** Everything happens to them that happens to processes, networks and servers. */
function workersOf(server: ServerProcess, plan: WorkersPlan) {
  return async (stage: Stage): Promise<Cast> => {
    const { simulator, roll, happened } = stage;
    const url = urlOf(server.address);
    const key = randomBytes(32).toString('base64');
    const home = makeFolder();
    const bots = await logIn();
    const workers: Worker[] = [];
    const harms: string[] = [];
    let started = 0;

    /** Makes bots of the simulator, and logs all of them in. */
    async function logIn(): Promise<Cast['bots']> {
      const sealing = { keys: key, oldKeys: undefined, isPlaintext: false };
      const { logins, close } = await openServer({ url, sealing, clock: systemClock });
      const made: Cast['bots'] = [];
      for (let n = 0; n < plan.accounts; n++) {
        const { id, user: owner, token } = simulator.control.createBot(`owner${n}@im.wechat`);
        const { baseUrl } = simulator;
        const loggedInAt = new Date().toISOString();
        await logins.saveLogin({
          ...{ id, owner, token, baseUrl, loggedInAt },
          ...{ name: null, namedUrl: baseUrl, cdnUrl: null },
        });
        const first = n * plan.users;
        made.push({
          id,
          users: Array.from({ length: plan.users }, (_, index) => `user${first + index}@im.wechat`),
        });
      }
      await close();
      return made;
    }

    async function join(): Promise<Worker> {
      const name = `worker ${started++}`;
      const proxy = await startCuttingProxy(upstreamOf(url));
      onTestFinished(() => proxy.close());
      const run = stage.start(name, [...CHAOS_RUN, '--all-accounts'], {
        home: makeFolder(),
        env: {
          WXAGENT_STORE: withParts(url, { host: '127.0.0.1', port: proxy.port }),
          WXAGENT_STORE_KEY: key,
        },
        ...(plan.program === undefined ? {} : { through: [process.execPath, plan.program] as const }),
      });
      const worker = { name, run, proxy };
      workers.push(worker);
      happened.note(`${name} joins, pid ${run.pid}`);
      return worker;
    }

    function without(worker: Worker): void {
      workers.splice(workers.indexOf(worker), 1);
    }

    /** Waits until the database says so. */
    async function untilSaid(what: string, sql: string): Promise<void> {
      const giveUpAt = performance.now() + PATIENCE_TTLS * plan.ttlMs;
      for (;;) {
        const [row] = await administer(url, 'SET search_path TO wxagent', `SELECT (${sql}) AS "isSo"`);
        if (row?.isSo === true) return;
        if (performance.now() > giveUpAt)
          throw new Error(`never happened, seed ${stage.seed}: ${what}\n${await state()}`);
        await delay(LOOK_MS);
      }
    }

    /** What the database says of workers and leases, whether they run, and what happened to everybody of late. */
    async function state(): Promise<string> {
      const read = (sql: string) => administer(url, 'SET search_path TO wxagent', sql);
      const rows = [
        ...(await read(`SELECT workers.*, expires_at - ${NOW} AS "leftMs" FROM workers`)),
        ...(await read('SELECT * FROM leases')),
      ];
      const running = workers.map(({ name, run: { pid, child } }) => ({ name, pid, code: child.exitCode }));
      return [...rows, ...running]
        .map((row) => JSON.stringify(row))
        .concat(happened.of('').split('\n').slice(-TOLD_LINES))
        .join('\n');
    }
    const NOW = 'extract(epoch FROM clock_timestamp()) * 1000';
    const allServed = (): Promise<void> =>
      untilSaid(
        'all accounts are served',
        `SELECT count(*) = ${plan.accounts} FROM leases JOIN workers USING (worker) WHERE expires_at > ${NOW}`,
      );
    const othersServe = ({ name, run }: Worker): Promise<void> =>
      untilSaid(
        `others have taken all of ${name}`,
        `SELECT count(*) = 0 FROM leases JOIN workers USING (worker) WHERE pid = ${run.pid}`,
      );
    const someServedBy = ({ name, run }: Worker): Promise<void> =>
      untilSaid(
        `${name} has an account`,
        `SELECT count(*) > 0 FROM leases JOIN workers USING (worker) WHERE pid = ${run.pid}`,
      );

    async function kill(worker: Worker): Promise<void> {
      happened.note(`${worker.name} is killed`);
      const gone = once(worker.run.child, 'close');
      worker.run.signal('SIGKILL');
      await gone;
      without(worker);
      await join();
      await othersServe(worker);
    }

    /** Whoever stands still is not seen by the others; sometimes one of those is killed meanwhile. */
    async function whileAway(worker: Worker): Promise<void> {
      await othersServe(worker);
      if (roll() < 1 / 3) await kill(oneOf(workers.filter((other) => other !== worker)));
      happened.note(`${worker.name} comes back`);
    }

    async function leave(worker: Worker): Promise<void> {
      happened.note(`${worker.name} is told to stop`);
      const { code, stderr } = await worker.run.stop();
      if (code !== 0) throw new Error(`${worker.name} ended with ${code}: ${stderr.slice(-4_000)}`);
      without(worker);
    }

    const ways: Record<(typeof HARMS)[number], (worker: Worker) => Promise<void>> = {
      kill,
      async stop(worker) {
        happened.note(`${worker.name} stands still`);
        worker.run.signal('SIGSTOP');
        await whileAway(worker);
        worker.run.signal('SIGCONT');
      },
      async partition(worker) {
        const isRefused = roll() < 0.5;
        happened.note(
          `${worker.name} loses its way to the database, ${isRefused ? 'refused' : 'in silence'}`,
        );
        if (isRefused) await worker.proxy.refuse();
        else worker.proxy.rule = () => 'stall';
        await whileAway(worker);
        worker.proxy.rule = () => 'pass';
        // What stood still is cut, as a network does that has come back.
        if (!isRefused) await worker.proxy.refuse();
        await worker.proxy.accept();
      },
      async restart() {
        happened.note('the database crashes');
        await server.crash();
        await delay(roll() * 1.5 * plan.ttlMs);
        await server.start();
        happened.note('the database is back');
      },
      async replace(worker) {
        await someServedBy(await join());
        await leave(worker);
      },
    };

    function oneOf<T>(things: readonly T[]): T {
      return things[Math.floor(roll() * things.length)] as T;
    }

    for (let n = 0; n < plan.workers; n++) await join();
    await allServed();
    return {
      bots,
      at: { home, env: { WXAGENT_STORE: url, WXAGENT_STORE_KEY: key } },
      harms,
      hasMore: () => harms.length < HARMS.length,
      async harm() {
        const left: (typeof HARMS)[number][] = [];
        while (stage.isWriting) {
          if (left.length === 0) left.push(...HARMS);
          const enough = stage.events + QUIET.least + roll() * QUIET.more;
          await until(() => stage.events > enough || !stage.isWriting);
          const [kind] = left.splice(Math.floor(roll() * left.length), 1) as [(typeof HARMS)[number]];
          const worker = oneOf(workers);
          await someServedBy(worker);
          await ways[kind](worker);
          await allServed();
          harms.push(kind);
        }
      },
      async stop() {
        for (const worker of [...workers]) await leave(worker);
      },
    };
  };
}
