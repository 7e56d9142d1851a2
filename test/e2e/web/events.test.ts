import { describe, expect, test } from 'vitest';
import { type EventClient, openEvents } from '../../helpers/event-client.ts';
import { runHere, startHere } from '../../helpers/in-this-process.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { answered, simulate } from '../../helpers/simulated.ts';
import { STORES, startWeb } from '../../helpers/web.ts';
import { jsonLines, makeFolder, startWxagent } from '../../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];

/** What has come, but for who serves: type, state, message and part. */
const linesOf = ({ events }: EventClient) =>
  events
    .filter(({ event }) => event !== 'worker')
    .map(({ event, data }) => `${event} ${data.state ?? ''}`.trim());

describe.each(STORES)('events, on $store', ({ environment }) => {
  /** A home, or a schema, with one account of a simulator. */
  async function world() {
    const [home, env, simulator] = [makeFolder(), environment(), await simulate()];
    const wx = (...args: string[]) => runHere(args, { home, env });
    await wx('login', '--qr', 'none', '--base-url', simulator.baseUrl, '--name', 'mine');
    return { home, env, simulator, wx };
  }

  test('tell what becomes of a message, in whatever process, with IDs that other routes know', async () => {
    const { home, env, simulator } = await world();
    const run = startHere(['run', '--echo', ...QUICK], { home, env });
    await run.says('stderr', 'ready');
    const web = await startWeb({ home, env });
    const token = await web.token('--scope', 'read');
    const client = await openEvents(`${web.url}/api/v1/events`, { token });
    await pollUntil('it may begin', () => client.events.length > 0);
    expect(client).toMatchObject({
      status: 200,
      headers: { 'content-type': 'text/event-stream', 'cache-control': 'no-store, no-transform' },
    });
    const [written] = simulator.control.messages([{ text: 'hello' }]);
    await pollUntil('the answer is told', () => linesOf(client).includes('verdict confirmed'));
    expect(linesOf(client)).toEqual([
      'reset',
      'message received',
      'turn running',
      'turn done',
      'part sending',
      'verdict confirmed',
    ]);
    const { accounts } = (await web.ask('/accounts', { token })).json as { accounts: { id: string }[] };
    for (const { data } of client.events.slice(1))
      if (data.type !== 'worker')
        expect(data).toMatchObject({
          account: accounts[0]?.id,
          user: written?.user,
          message: written?.messageId,
        });
    expect(JSON.stringify(client.events)).not.toContain('hello');
    await run.stop();
    await pollUntil('nobody serves', () => client.events.some(({ data }) => data.state === 'free'));
    await web.stop();
    await pollUntil('the server has ended it', () => client.isOver);
  });

  test('a client whose server was killed misses nothing and gets nothing twice', async () => {
    const { home, env, simulator } = await world();
    const run = startHere(['run', '--echo', ...QUICK], { home, env });
    await run.says('stderr', 'ready');
    let listen = '127.0.0.1:0';
    async function serve() {
      const web = startWxagent(['web', '--listen', listen, '--json'], { home, env });
      await web.says('stdout', '}\n');
      const url = jsonLines(web.stdout)[0]?.url as string;
      listen = new URL(url).host;
      return { web, url: `${url}/api/v1/events` };
    }
    const { stdout } = await runHere(['token', 'add', 'x', '--scope', 'read', '--json'], { home, env });
    const token = jsonLines(stdout)[0]?.token as string;

    let lastId: string | null = null;
    const got: string[] = [];
    const told: EventClient['events'][number][] = [];
    for (let round = 0; round < 3; round++) {
      const { web, url } = await serve();
      const client: EventClient = await openEvents(url, { token, lastId });
      if (round === 0) await pollUntil('it may begin', () => client.events.length > 0);
      simulator.control.messages(Array.from({ length: 5 }, (_, n) => ({ text: `${round} ${n}` })));
      const isEnough = () => told.length + client.events.length > 10 * (round + 1);
      await pollUntil('some events', isEnough);
      web.signal('SIGKILL');
      await web.exited;
      await pollUntil('the connection is cut', () => client.isOver);
      // While nobody serves events, more happens.
      simulator.control.messages([{ text: `between ${round}` }]);
      told.push(...client.events);
      ({ lastId } = client);
    }
    await answered(simulator, 18);
    await run.stop();
    const { web, url } = await serve();
    const client = await openEvents(url, { token, lastId });
    const isWhole = () =>
      [...told, ...client.events].filter(({ data }) => data.type === 'verdict').length >= 18;
    await pollUntil('all of it', isWhole);
    told.push(...client.events);
    for (const { event, data } of told)
      if (event !== 'worker' && event !== 'reset')
        got.push([event, data.state, data.message, data.part].filter((one) => one !== null).join(' '));
    expect(told.filter(({ event }) => event === 'reset')).toHaveLength(1);
    expect(new Set(got).size).toBe(got.length);
    const count = (start: string) => got.filter((one) => one.startsWith(start)).length;
    expect([
      count('message received'),
      count('turn running'),
      count('turn done'),
      count('verdict confirmed'),
    ]).toEqual([18, 18, 18, 18]);
    web.signal('SIGKILL');
    await web.exited;
  });
});
