import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { systemClock } from '../../../../src/core/time/clock.ts';
import { parseServerUrl } from '../../../../src/postgres/server-address.ts';
import type { Store } from '../../../../src/store/port/port.ts';
import { openPostgresStore } from '../../../../src/store/postgres-store.ts';
import { createLeaseDatabase } from '../../../../src/store/workers/lease-database.ts';
import { pollUntil } from '../../../helpers/poll-until.ts';
import { administer, SERVER, uniqueName, withParts } from '../../../helpers/postgres.ts';
import { createQuickClock } from '../../../helpers/quick-clock.ts';
import { makeScript, type Script } from '../../../helpers/run-script.ts';
import { ACCOUNT, createDesk, incoming, OWNER } from '../conformance/desk.ts';
import { startTestWorker } from './worker-desk.ts';

const TIMES = 10;

// Windows has no signal that stops a process.
describe.skipIf(SERVER === null || process.platform === 'win32')('a worker that stands still', () => {
  const server = SERVER as string;
  const schema = uniqueName();
  const url = withParts(server, { schema });
  const stores: Store[] = [];
  let script: Script;

  beforeAll(async () => {
    script = await makeScript('test/fixtures/worker-process.ts');
  });

  afterAll(async () => {
    await script?.dispose();
    for (const store of stores) await store.close();
    await administer(server, `DROP SCHEMA IF EXISTS ${schema} CASCADE`);
  });

  it('in a held poll past its lease loses nothing, and nothing is answered twice or out of order', async () => {
    let fence: Awaited<ReturnType<typeof startTestWorker>>['keeper']['fence'] = () => null;
    const store = await openPostgresStore({
      address: parseServerUrl(url),
      clock: systemClock,
      claimant: { id: 'parent', isAlive: () => false },
      wait: null,
      fence: (account) => fence(account),
    });
    stores.push(store);
    const leases = createLeaseDatabase(parseServerUrl(url), systemClock);
    await leases.add([ACCOUNT]);
    await leases.close();
    const stopped = script.start(url, String(TIMES));
    expect(await stopped.line(0)).toBe('"serving"');
    stopped.write('1');
    // Its time passes so quickly that a slow machine may keep it from renewing.
    expect(JSON.parse(await stopped.line(1))).toMatchObject({ text: '1', refused: [] });

    stopped.child.kill('SIGSTOP');
    await administer(server, `UPDATE ${schema}.workers SET expires_at = 1 WHERE name = 'child'`);
    const other = await startTestWorker(url, 'parent', { clock: createQuickClock(TIMES) });
    fence = other.keeper.fence;
    await pollUntil('the other one takes over', () => other.serving.size === 1);
    const desk = await createDesk(store);
    // The server hands 2 to the poll that is held, and again to the new one, whose cursor is older; 3 it hands out once.
    stopped.write('2');
    stopped.write('3');
    await desk.receive([incoming({ id: '2', user: OWNER, fingerprint: '2', raw: Buffer.from('2') })], {
      cursor: 'parent 2',
      allow: 'all',
    });
    const answerAll = async (): Promise<void> => {
      for (const { seq } of await store.inbox.unfinished(ACCOUNT)) await desk.answers(seq, `parent ${seq}`);
    };
    await answerAll();

    stopped.child.kill('SIGCONT');
    const lines = async (): Promise<unknown[]> => {
      const told = [];
      for (let n = 2; told.length < 2; n++) {
        const line = JSON.parse(await stopped.line(n));
        if (line !== 'dropped') told.push(line);
      }
      return told;
    };
    expect(await lines()).toEqual([
      { text: '2', isTrusted: false, refused: ['store'] },
      { text: '3', isTrusted: false, refused: ['store', 'answer'] },
    ]);
    await answerAll();
    const rows = await administer(
      server,
      `SELECT inbox.id, inbox.state, convert_from(parts.text, 'UTF8') AS text
         FROM ${schema}.inbox LEFT JOIN ${schema}.parts ON parts.message = inbox.id ORDER BY parts.seq`,
    );
    expect(rows).toEqual([
      { id: '1', state: 'done', text: 'child 1' },
      { id: '2', state: 'done', text: 'parent 2' },
      { id: '3', state: 'done', text: expect.stringMatching(/^parent/) },
    ]);
    expect(await administer(server, `SELECT cursor FROM ${schema}.accounts`)).toEqual([
      { cursor: 'parent 2' },
    ]);
    await stopped.kill();
    await other.keeper.stop(0);
  });
});
