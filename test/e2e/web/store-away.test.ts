import { readdirSync, rmSync } from 'node:fs';
import { join } from 'node:path';
import { describe, expect, onTestFinished, test } from 'vitest';
import { startCuttingProxy } from '../../helpers/cutting-proxy.ts';
import { openEvents } from '../../helpers/event-client.ts';
import { pollUntil, readUntil } from '../../helpers/poll-until.ts';
import { SERVER, upstreamOf, withParts } from '../../helpers/postgres.ts';
import { type Answer, STORES, startWeb } from '../../helpers/web.ts';
import { makeFolder } from '../../helpers/wxagent.ts';

const READ = ['--scope', 'read'];

describe.skipIf(SERVER === null)('a server of databases that is away', () => {
  test('requests are refused soon, streams end, and all comes back by itself', async () => {
    const proxy = await startCuttingProxy(upstreamOf(SERVER as string));
    onTestFinished(() => proxy.close());
    const env = STORES.at(-1)?.environment() as Record<string, string>;
    const far = withParts(env.WXAGENT_STORE as string, { host: '127.0.0.1', port: proxy.port });
    const web = await startWeb({ home: makeFolder(), env: { ...env, WXAGENT_STORE: far } });
    const token = await web.token('--scope', 'admin');
    expect((await web.ask('/accounts', { token })).status).toBe(200);
    const client = await openEvents(`${web.url}/api/v1/events`, { token });

    await proxy.refuse();
    const answers = await Promise.all([
      web.ask('/accounts', { token }),
      web.post('/tokens', { name: 'x', scope: 'read' }, { token }),
      web.ask('/events', { token }),
    ]);
    for (const answer of answers) {
      expect(answer).toMatchObject({ status: 503, json: { kind: 'storage' } });
      // Nobody is known yet.
      expect(answer.text).not.toContain('postgres:');
    }
    expect((await web.ask('//healthz')).status).toBe(200);
    expect(await web.ask('//readyz')).toMatchObject({ status: 503, json: { ready: false } });
    await pollUntil('the stream has ended', () => client.isOver);

    await proxy.accept();
    const { json } = await readUntil(
      'it answers again',
      () => web.ask('/tokens', { token }),
      ({ status }) => status === 200,
    );
    const { tokens } = json as { tokens: { name: string }[] };
    expect(tokens.map(({ name }) => name)).not.toContain('x');
    expect(await openEvents(`${web.url}/api/v1/events`, { token })).toMatchObject({ status: 200 });
  });
});

test('a database that was deleted takes nothing, and a new one is opened at the same address', async () => {
  const home = makeFolder();
  const web = await startWeb({ home });
  const token = await web.token('--scope', 'admin');
  expect((await web.ask('/tokens', { token })).status).toBe(200);
  const state = join(home, 'wx', 'state');
  for (const name of readdirSync(state).filter((one) => one.startsWith('wxagent.db')))
    rmSync(join(state, name));
  const refused: Partial<Answer> = await web
    .post('/tokens', { name: 'x', scope: 'read' }, { token })
    .catch(() => ({ status: 503 }));
  expect([503, 401]).toContain(refused.status);
  await readUntil(
    'the new one is open',
    () => web.ask('/accounts', { token }).catch(() => null),
    (answer) => answer?.status === 401,
  );
  expect((await web.ask('/accounts', { token: await web.token(...READ) })).json).toEqual({ accounts: [] });
});
