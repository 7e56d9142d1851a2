import { execFile } from 'node:child_process';
import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, test } from 'vitest';
import { ROUTES } from '../../../src/web/routes/routes.ts';
import { runHere } from '../../helpers/in-this-process.ts';
import { blocksOf, readPage } from '../../helpers/pages.ts';
import { pollUntil } from '../../helpers/poll-until.ts';
import { makeWebWorld } from '../../helpers/web-world.ts';
import { jsonLines, makeFolder } from '../../helpers/wxagent.ts';

/** The lines of docs/api.md that ask below `$API`, in their order. */
const LINES = blocksOf(readPage('docs/api.md'))
  .flatMap(({ text }) => text.split('\n'))
  .filter((line) => line.startsWith('curl ') && line.includes('$API'));

/** The route that a line asks. */
function routeOf(line: string): string | undefined {
  const method = / -X (\w+)/.exec(line)?.[1]?.toLowerCase() ?? (/ -[dF] /.test(line) ? 'post' : 'get');
  const path = (/\$API([^\s"?]*)/.exec(line)?.[1] ?? '').replaceAll(/\$[A-Z_]+/g, 'x');
  const fits = (pattern: string): boolean =>
    new RegExp(`^${pattern.replaceAll(/\{\w+\}/g, '[^/]+').replaceAll('.', '\\.')}$`).test(path);
  const found = ROUTES.find((route) => route.method === method && fits(route.path));
  return found && `${found.method} ${found.path}`;
}

test('docs/api.md has a line for every route, and no other', () => {
  const asked = LINES.map(routeOf);
  expect(LINES.filter((_, index) => asked[index] === undefined)).toEqual([]);
  expect([...new Set(asked)].sort()).toEqual(ROUTES.map(({ method, path }) => `${method} ${path}`).sort());
});

const run = (line: string, cwd: string, env: Record<string, string>): Promise<string> =>
  new Promise((resolve, reject) => {
    // A stream of events has no end: what counts is how it begins.
    const isStream = line.startsWith('curl -N ');
    const timed = line.replace('curl ', `curl -sS --max-time ${isStream ? 2 : 60} -w '\\n%{http_code}' `);
    execFile('/bin/sh', ['-c', timed], { cwd, env: { ...process.env, ...env } }, (failed, stdout) =>
      failed && !(isStream && failed.code === 28) ? reject(failed) : resolve(stdout),
    );
  });

const hasCurl = await run('curl --version', '/', {}).then(
  () => true,
  () => false,
);
if (!hasCurl) console.log('skipped, there is no curl: the lines of docs/api.md');

test.skipIf(!hasCurl)('every line of docs/api.md works as it stands', { timeout: 120_000 }, async () => {
  const world = await makeWebWorld({});
  const { web, fileOf, messages, simulator } = world;
  const token = await web.token('--scope', 'admin');
  const folder = makeFolder();
  writeFileSync(join(folder, 'report.pdf'), 'a report');
  const env: Record<string, string> = {
    API: `${web.url}/api/v1`,
    TOKEN: token,
    ACCOUNT: 'mine',
    OTHER_ACCOUNT: 'other',
    CODE: await web.code(),
    LAST_ID: 'x',
    USER_ID: world.user,
  };
  const begin = async (body: object) => (await web.post('/logins', body, { token })).json?.id as string;
  const state = async (id: string) => (await web.ask(`/logins/${id}`, { token })).json?.state;
  const other = await begin({ name: 'other' });
  await pollUntil('a code', async () => (await state(other)) === 'waiting');
  simulator.control.scan({ user: 'o9other@im.wechat' });
  await pollUntil('another account', async () => (await state(other)) === 'done');
  const invitation = (await web.post('/invitations', { name: 'guest' }, { token })).json?.token as string;
  env.INVITATION = invitation;
  for (const line of LINES) {
    const route = routeOf(line) as string;
    // What each line speaks of is there.
    env.MESSAGE = route.includes('/files/') ? fileOf('png') : (messages[1] as string);
    if (route.includes('{part}')) {
      const to = 'friend@im.wechat';
      const { json } = await web.post('/accounts/mine/send', { text: 'x', to }, { token });
      env.PART = (json as { parts: { id: string }[] }).parts[0]?.id as string;
      if (route.endsWith('/file'))
        env.PART = await web.sendFile(token, { name: 'a.txt', bytes: Buffer.from('a file') });
    }
    if (route.includes('{text}')) {
      const later = ['send', '--to', world.user, '--at', '+1d', 'later', '--json'];
      env.LATER = jsonLines((await runHere(later, world)).stdout)[0]?.id as string;
    }
    if (route.includes('{login}')) {
      const isOfGuest = route.includes('/invitation/');
      const guest = { method: 'POST', token: invitation };
      const id = isOfGuest
        ? ((await web.ask('/invitation/logins', guest)).json?.id as string)
        : await begin({});
      env.LOGIN = id;
      await pollUntil('a code', async () => (await state(id)) === 'waiting');
      if (route.endsWith('/code')) {
        simulator.control.scan({ user: 'o9third@im.wechat', verifyCode: '483920' });
        await pollUntil('a question', async () => (await state(id)) === 'verify');
      }
    }
    const said = await run(line, folder, env);
    expect(Number(said.trim().split('\n').at(-1)), `${line}\n${said}`).toBeLessThan(300);
    if (env.LOGIN) await web.ask(`/logins/${env.LOGIN}`, { method: 'DELETE', token });
  }
});
