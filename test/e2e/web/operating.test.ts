import { describe, expect, test } from 'vitest';
import { runHere, startHere } from '../../helpers/in-this-process.ts';
import { readUntil } from '../../helpers/poll-until.ts';
import { answered, simulate } from '../../helpers/simulated.ts';
import { askAt, STORES, startWeb } from '../../helpers/web.ts';
import { jsonLines, makeFolder } from '../../helpers/wxagent.ts';

const QUICK = ['--pace', '0', '--no-typing'];

describe.each(STORES)('a server that is watched, on $store', ({ environment }) => {
  test('alone it is ready when the store is; with a runner it counts what becomes of messages', async () => {
    const [home, env, simulator] = [makeFolder(), environment(), await simulate()];
    const alone = await startWeb({ home, env });
    expect(await alone.ask('//healthz')).toMatchObject({ status: 200, json: { ok: true } });
    expect(await alone.ask('//readyz')).toMatchObject({
      status: 200,
      json: { ready: true, store: null, late: 0 },
    });
    expect((await alone.ask('//metrics')).status).toBe(401);
    const [send, own] = [
      await alone.token('--scope', 'send'),
      await alone.token('--scope', 'read', '--to', 'a@im.wechat'),
    ];
    for (const token of [send, own]) expect((await alone.ask('//metrics', { token })).status).toBe(403);
    await alone.stop();

    await runHere(['login', '--qr', 'none', '--base-url', simulator.baseUrl], { home, env });
    const made = await runHere(['token', 'add', 'x', '--scope', 'read', '--json'], { home, env });
    const token = jsonLines(made.stdout)[0]?.token as string;
    const run = startHere(['run', '--echo', '--web', '127.0.0.1:0', ...QUICK], { home, env });
    await run.says('stderr', 'the API are at ');
    const url = /the API are at (\S+)/.exec(run.stderr)?.[1] as string;
    const metrics = async () => (await askAt(`${url}/metrics`, { token })).text;
    await readUntil(
      'it polls',
      () => askAt(`${url}/readyz`),
      ({ status }) => status === 200,
    );
    expect(await metrics()).toContain('wxagent_messages_total{outcome="done"} 0\n');
    const [message] = simulator.control.messages([{ text: 'a secret' }, { text: 'another' }]);
    await answered(simulator, 2);
    const text = await readUntil(
      'both are counted',
      metrics,
      (found) =>
        found.includes('wxagent_messages_total{outcome="done"} 2\n') &&
        found.includes('wxagent_parts_total{verdict="confirmed"} 2\n'),
    );
    expect(text).toContain('wxagent_turn_seconds_count 2\n');
    expect(text).toMatch(/wxagent_budget_left\{account="\S+"\} 9\n|wxagent_budget_left\{account="\S+"\} 8\n/);
    expect(text).toMatch(/wxagent_poll_age_seconds\{account="\S+"\} \d/);
    expect(text).not.toContain('secret');
    expect(text).not.toContain(message?.user);
    await run.stop();
  });
});
