import { createReadStream, readdirSync, readFileSync } from 'node:fs';
import { dirname, join } from 'node:path';
import { createInterface } from 'node:readline';
import { describe, expect, test } from 'vitest';
import { openEvents } from '../helpers/event-client.ts';
import { pollUntil } from '../helpers/poll-until.ts';
import { answered, simulate } from '../helpers/simulated.ts';
import { askAt, STORES } from '../helpers/web.ts';
import { BIN, jsonLines, makeFolder, startWxagent, wxagent } from '../helpers/wxagent.ts';

const MESSAGES = 60;
const DIST = join(dirname(BIN), '../dist');

/** Places in the program where V8 has made so many hidden classes, each with the property that they begin with. */
async function placesOfClasses(log: string, least: number): Promise<string[]> {
  const counts = new Map<string, number>();
  for await (const line of createInterface({ input: createReadStream(log) })) {
    const [kind, what, , , , , row, column, , name] = line.split(',');
    const place = `${row}:${column}:${name}`;
    if (kind === 'map' && what === 'Transition') counts.set(place, (counts.get(place) ?? 0) + 1);
  }
  const files = readdirSync(DIST).filter((file) => file.endsWith('.js'));
  const built = files.map((file) => ({ file, lines: readFileSync(join(DIST, file), 'utf8').split('\n') }));
  return [...counts].flatMap(([place, count]) => {
    const [row, , name = ''] = place.split(':');
    // The log does not say which file: those of Node are left out like this.
    const own = built.find(({ lines }) => lines[Number(row) - 1]?.includes(name));
    return count >= least && own ? [`${own.file}:${place}`] : [];
  });
}

// Only Node 20 makes them anew (decision 0038); what is checked holds everywhere.
describe.each(STORES)('on $store', ({ environment }) => {
  test('no message, event, request, push or row of a list makes hidden classes of its own', async () => {
    const [home, env, simulator] = [makeFolder(), environment(), await simulate()];
    await wxagent(['login', '--qr', 'none', '--base-url', simulator.baseUrl], { home, env });
    const log = join(home, 'classes.log');
    const run = startWxagent(
      ['run', '--echo', '--pace', '0', '--no-typing', '--web', '127.0.0.1:0', '--json'],
      {
        ...{ home, env },
        through: [process.execPath, '--log-maps', '--no-logfile-per-isolate', `--logfile=${log}`, BIN],
      },
    );
    await run.says('stderr', 'the API are at');
    const url = /the API are at (\S+)/.exec(run.stderr)?.[1];
    const added = await wxagent(['token', 'add', 'lists', '--scope', 'read', '--json'], { home, env });
    const token = jsonLines(added.stdout)[0]?.token as string;
    const source = await wxagent(['source', 'add', 'tool', '--json'], { home, env });
    const pushed = `${url}/push/${jsonLines(source.stdout)[0]?.token}`;
    const events = await openEvents(`${url}/api/v1/events`, { token });
    for (let n = 1; n <= MESSAGES; n++) {
      simulator.control.message({ text: `hello ${n}` });
      await answered(simulator, n);
    }
    const [account] = simulator.control.bots();
    const user = encodeURIComponent(account?.user ?? '');
    for (const list of ['messages', 'parts', `conversations/${user}/entries`])
      for (let n = 0; n < MESSAGES; n++) {
        const found = await askAt(`${url}/api/v1/accounts/${account?.id}/${list}`, { token });
        expect(found.status, found.text).toBe(200);
        expect(found.text.match(/hello \d+/g)?.length).toBeGreaterThanOrEqual(MESSAGES);
      }
    // The first of them go, the others wait until the user writes.
    for (let n = 0; n < MESSAGES; n++) {
      const body = JSON.stringify({ text: `disk ${n} is full` });
      const { status, text } = await askAt(pushed, { method: 'POST', body });
      expect(status, text).toBe(200);
    }
    const verdicts = () => events.events.filter(({ event }) => event === 'verdict');
    await pollUntil('all is told', () => verdicts().length >= MESSAGES);
    await run.stop();
    expect(await placesOfClasses(log, 1)).not.toEqual([]);
    expect(await placesOfClasses(log, MESSAGES / 2)).toEqual([]);
  });
});
