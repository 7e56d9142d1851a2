import { join } from 'node:path';
import { expect, test } from 'vitest';
import { runHere, startHere } from '../helpers/in-this-process.ts';
import { blocksOf, readPage } from '../helpers/pages.ts';
import { simulate } from '../helpers/simulated.ts';
import { jsonLines, makeFolder } from '../helpers/wxagent.ts';

/** Names of all fields, those of objects within included; a list counts as its first element. */
function fieldsOf(value: unknown, path = ''): string[] {
  if (Array.isArray(value)) return fieldsOf(value[0], `${path}[]`);
  if (typeof value !== 'object' || value === null) return [];
  return Object.entries(value).flatMap(([name, inner]) => [
    `${path}.${name}`,
    ...fieldsOf(inner, `${path}.${name}`),
  ]);
}

/** The documented lines by type. */
const documented = new Map(
  blocksOf(readPage('docs/commands.md'))
    .filter(({ language }) => language.startsWith('json'))
    .flatMap(({ text }) => jsonLines(text))
    .map((line) => [line.type as string, line]),
);

test('every JSON line of docs/commands.md has the fields that are printed', async () => {
  const simulator = await simulate({ scanDelayMs: 100 });
  const home = makeFolder();
  const printed = new Map<string, Record<string, unknown>>();
  const take = (text: string) => {
    for (const line of jsonLines(text))
      if (!printed.has(line.type as string)) printed.set(line.type as string, line);
  };
  const json = async (...args: string[]) => take((await runHere([...args, '--json'], { home })).stdout);

  take((await runHere(['status', '--json'], { home })).stderr);
  await json('login', '--base-url', simulator.baseUrl, '--qr', 'none');
  await json('send', 'before the first message');
  await json('send', '--at', '+2h', 'later');
  await json('outbox');
  simulator.control.message({ text: 'hello' });
  const run = startHere(['run', '--json', '--pace', '0', '--keep-window', '--exec', 'cat'], { home });
  await run.says('stdout', /"text":"hello"[\s\S]*"confirmed"[\s\S]*"confirmed"/);
  await json('status');
  take((await run.stop()).stdout);
  await json('messages');
  await json('ask', 'anyone?', '--timeout', '0');
  await json('expect', 'backup', '--every', '26h');
  simulator.control.message({ file: { bytes: Buffer.from('x') } });
  await json('listen', '--once');
  await json('download', 'last');
  await json('retry', '--failed');
  await json('allow', 'add', 'o9b@im.wechat');
  await json('accounts');
  await json('agents');
  await json('config', 'get', 'timeout');
  await json('doctor');
  await json('token', 'add', 'cron', '--scope', 'send');
  await json('token');
  await json('token', 'code');
  await runHere(['source', 'add', 'nas', '--limit', '6/h'], { home });
  await json('source');
  await json('source', 'add', 'ci', '--template', '{"text":"{{build.state}}"}', '--ttl', '10m');
  await json('invite', 'add', 'mum');
  await json('invite');
  await json('audit');
  const web = startHere(['web', '--listen', '127.0.0.1:0', '--json'], { home });
  await web.says('stdout', '}\n');
  take((await web.stop()).stdout);
  const server = startHere(['simulate', '--json'], { home });
  await server.says('stdout', '}\n');
  take((await server.stop()).stdout);
  simulator.control.kill();
  await json('run', '--echo');
  const backup = join(makeFolder(), 'backup');
  await json('backup', backup);
  take((await runHere(['restore', backup, '--json'], { home: makeFolder() })).stdout);
  await json('store', 'migrate', '--to', makeFolder());

  // Only a store on a server has workers: workers.test.ts compares their line. Undelivered is what nobody reads.
  const here = new Map([...documented].filter(([type]) => !['worker', 'undelivered'].includes(type)));
  expect([...here.keys()].sort()).toEqual([...printed.keys()].sort());
  for (const [type, line] of here) expect(fieldsOf(line), type).toEqual(fieldsOf(printed.get(type)));
});
