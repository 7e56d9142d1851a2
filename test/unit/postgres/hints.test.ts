import { afterEach, describe, expect, it } from 'vitest';
import { createHints, type Hints } from '../../../src/postgres/hints.ts';
import { parseServerUrl } from '../../../src/postgres/server-address.ts';
import { type CuttingProxy, startCuttingProxy } from '../../helpers/cutting-proxy.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { administer, SERVER, uniqueName, upstreamOf, withParts } from '../../helpers/postgres.ts';
import { createQuickClock } from '../../helpers/quick-clock.ts';

describe.skipIf(SERVER === null)('hints of a server', () => {
  const server = SERVER as string;
  const opened: Hints[] = [];
  let proxy: CuttingProxy | null = null;

  function open(url = server, answerMs = 5_000): { hints: Hints; reports: string[] } {
    const reports: string[] = [];
    const hints = createHints({
      address: parseServerUrl(url),
      // Heartbeats come soon.
      clock: createQuickClock(50),
      answerMs,
      report: (why) => void reports.push(why),
    });
    opened.push(hints);
    return { hints, reports };
  }

  /** Listens and counts, from the first hint on, which says that others may have been lost. */
  async function listen(hints: Hints, channel: string): Promise<{ count: number }> {
    const heard = { count: 0 };
    hints.listen(channel, () => {
      heard.count++;
    });
    await pollUntil('it listens', () => hints.isListening && heard.count === 1);
    return heard;
  }

  const throughProxy = async (): Promise<string> => {
    proxy = await startCuttingProxy(upstreamOf(server));
    return withParts(server, { host: '127.0.0.1', port: proxy.port });
  };

  afterEach(async () => {
    for (const hints of opened.splice(0)) await hints.close();
    await proxy?.close();
    proxy = null;
  });

  it('reach who listens, many of one moment as one, and nobody else', async () => {
    const [mine, other] = [uniqueName(), uniqueName()];
    const { hints: sender } = open();
    const [first, second] = [await listen(open().hints, mine), await listen(open().hints, other)];
    await listen(sender, uniqueName());
    for (let n = 0; n < 100; n++) sender.notify(mine);
    await pollUntil('it is told', () => first.count === 2);
    sender.notify(other);
    await pollUntil('the other is told', () => second.count === 2);
    expect(first.count).toBe(2);
  });

  it('follow a worker to another channel', async () => {
    const { hints: sender } = open();
    await listen(sender, uniqueName());
    const { hints } = open();
    const [before, after] = [uniqueName(), uniqueName()];
    const first = await listen(hints, before);
    const second = { count: 0 };
    hints.listen(after, () => {
      second.count++;
    });
    await pollUntil('it listens to the other', () => second.count === 1);
    sender.notify(before);
    sender.notify(after);
    await pollUntil('it is told', () => second.count === 2);
    expect(first.count).toBe(1);
  });

  it('come again after the connection was ended, and say that some may have been lost', async () => {
    // Tests of other files have connections to the same server.
    const name = uniqueName();
    const { hints } = open(withParts(server, { application_name: name }));
    const heard = await listen(hints, uniqueName());
    const end = `SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '${name}'`;
    expect(await administer(server, end)).not.toHaveLength(0);
    await pollUntil('it listens again', () => heard.count === 2);
  });

  it('come again when the other end of the connection is dead without a word', async () => {
    const { hints } = open(await throughProxy(), 1_000);
    const heard = await listen(hints, uniqueName());
    const dead = proxy?.connections;
    (proxy as CuttingProxy).rule = (_from, _bytes, connection) =>
      connection === dead ? 'half-open' : 'pass';
    await pollUntil('it listens again', () => heard.count === 2);
  });

  it('are done without where nothing can be listened to, which is said once', async () => {
    const url = await throughProxy();
    // As behind a pooler that gives each transaction another connection: the server does not know of it.
    (proxy as CuttingProxy).rule = (from, bytes) => {
      const at = from === 'client' ? bytes.indexOf('LISTEN "test_') : -1;
      if (at >= 0) bytes.write('x', at + 'LISTEN "'.length);
      return 'pass';
    };
    const { hints, reports } = open(url);
    hints.listen(uniqueName(), () => {});
    await pollUntil('it has tried several times', () => (proxy?.connections ?? 0) >= 3);
    expect(reports).toHaveLength(1);
    expect(hints.isListening).toBe(false);
    hints.notify(uniqueName());
  });
});
