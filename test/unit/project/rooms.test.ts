import { execFile } from 'node:child_process';
import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { dirname, join, posix } from 'node:path';
import { fileURLToPath } from 'node:url';
import { afterAll, beforeAll, expect, it } from 'vitest';

/** An import that breaks a rule, a file that has it, and the file that it names. */
const BAD: readonly (readonly [file: string, target: string])[] = [
  // Up, out of a layer.
  ['core/a.ts', 'text/a.ts'],
  ['core/time/a.ts', 'settings/resolve-settings.ts'],
  ['text/a.ts', 'media/cipher.ts'],
  ['settings/a.ts', 'main.ts'],
  ['settings/tables/a.ts', 'settings/resolve-settings.ts'],
  ['sqlite/a.ts', 'home/paths.ts'],
  ['home/a.ts', 'store/port/port.ts'],
  ['media/voice/a.ts', 'store/port/port.ts'],
  ['ilink/a.ts', 'media/cipher.ts'],
  ['store/inbox/a.ts', 'ilink/client.ts'],
  ['agents/acp/turn/a.ts', 'store/port/port.ts'],
  ['agents/a.ts', 'ilink/wire/wire.ts'],
  ['page/a.ts', 'core/errors.ts'],
  ['page/served/a.ts', 'page/language.ts'],
  ['page/language.ts', 'page/chat/bubble.tsx'],
  ['simulator/a.ts', 'ilink/client.ts'],
  ['simulator/control/c.ts', 'simulator/page/page.tsx'],
  ['simulator/control/a.ts', 'media/download/fetch.ts'],
  ['runner/a.ts', 'store/sqlite-store.ts'],
  ['runner/turns/a.ts', 'agents/acp/agent.ts'],
  ['runner/a.ts', 'simulator/world/world.ts'],
  ['runner/delivery/a.ts', 'cli/i18n/language.ts'],
  ['views/a.ts', 'store/store.ts'],
  ['web/a.ts', 'store/sqlite-store.ts'],
  ['web/api/a.ts', 'cli/i18n/language.ts'],
  ['web/a.ts', 'agents/acp/agent.ts'],
  ['cli/admin/a.ts', 'main.ts'],
  ['cli/a.ts', 'sqlite/database.ts'],
  // Up, within a layer.
  ['core/a.ts', 'core/time/clock.ts'],
  ['core/time/a.ts', 'core/http/proxy.ts'],
  ['core/http/a.ts', 'core/message/message.ts'],
  ['media/a.ts', 'media/kind/shown-as.ts'],
  ['media/kind/a.ts', 'media/upload/digest.ts'],
  ['media/download/a.ts', 'media/voice/wav-header.ts'],
  ['media/upload/a.ts', 'media/voice/wav-header.ts'],
  ['ilink/wire/a.ts', 'ilink/message/inbound.ts'],
  ['ilink/message/a.ts', 'ilink/http/transport.ts'],
  ['ilink/http/a.ts', 'ilink/client.ts'],
  ['ilink/a.ts', 'ilink/login/login.ts'],
  ['store/port/a.ts', 'store/outbox/parts.ts'],
  ['store/commit/a.ts', 'store/outbox/parts.ts'],
  ['store/outbox/a.ts', 'store/accounts/accounts.ts'],
  ['store/accounts/a.ts', 'store/inbox/triage.ts'],
  ['store/inbox/a.ts', 'store/turns/turns.ts'],
  ['store/turns/a.ts', 'store/sqlite-store.ts'],
  ['store/access/a.ts', 'store/outbox/parts.ts'],
  ['web/guard/a.ts', 'web/access/authenticate.ts'],
  ['web/access/a.ts', 'web/api/route.ts'],
  ['web/api/a.ts', 'web/handle-requests.ts'],
  ['agents/port/a.ts', 'agents/reply/output.ts'],
  ['agents/reply/a.ts', 'agents/child/spawn.ts'],
  ['agents/child/output/a.ts', 'agents/child/run-process.ts'],
  ['agents/child/a.ts', 'agents/command/agent.ts'],
  ['agents/command/a.ts', 'agents/coprocess/agent.ts'],
  ['agents/coprocess/a.ts', 'agents/acp/agent.ts'],
  ['agents/acp/connection/a.ts', 'agents/acp/session/sessions.ts'],
  ['agents/acp/session/a.ts', 'agents/acp/turn/turn.ts'],
  ['agents/acp/turn/a.ts', 'agents/acp/agent.ts'],
  ['agents/acp/a.ts', 'agents/openai/agent.ts'],
  ['agents/http/client/a.ts', 'agents/http/response/reply.ts'],
  ['agents/http/response/a.ts', 'agents/http/request/options.ts'],
  ['agents/http/request/a.ts', 'agents/http/endpoint.ts'],
  ['agents/http/a.ts', 'agents/openai/agent.ts'],
  ['agents/openai/a.ts', 'agents/echo.ts'],
  ['simulator/world/a.ts', 'simulator/queue/bots.ts'],
  ['simulator/queue/a.ts', 'simulator/phone/writing.ts'],
  ['simulator/phone/a.ts', 'simulator/endpoints/cdn.ts'],
  ['simulator/endpoints/a.ts', 'simulator/http/server.ts'],
  ['simulator/http/a.ts', 'simulator/control/views.ts'],
  ['simulator/control/b.ts', 'simulator/simulator.ts'],
  ['runner/port/a.ts', 'runner/delivery/delivery.ts'],
  ['runner/delivery/a.ts', 'runner/turns/lanes.ts'],
  ['runner/received/a.ts', 'runner/turns/lanes.ts'],
  ['runner/turns/a.ts', 'runner/shutdown/shutdown.ts'],
  ['runner/shutdown/a.ts', 'runner/intake/intake.ts'],
  ['runner/intake/a.ts', 'runner/runner.ts'],
  ['cli/i18n/a.ts', 'cli/terminal/table.ts'],
  ['cli/terminal/a.ts', 'cli/port/context.ts'],
  ['cli/port/a.ts', 'cli/account/store.ts'],
  ['cli/account/a.ts', 'cli/agent/choose-agent.ts'],
  ['cli/agent/a.ts', 'cli/login/login.ts'],
  ['cli/login/a.ts', 'cli/send/send.ts'],
  ['cli/run/a.ts', 'cli/simulate/simulate.ts'],
  ['cli/send/a.ts', 'cli/download/download.ts'],
  ['cli/download/a.ts', 'cli/admin/status.ts'],
  ['cli/admin/a.ts', 'cli/doctor/doctor.ts'],
  ['cli/doctor/a.ts', 'cli/web/web.ts'],
  ['cli/web/a.ts', 'cli/run/run.ts'],
  ['cli/simulate/a.ts', 'cli/parse-arguments.ts'],
];

const GOOD: readonly (readonly [file: string, target: string])[] = [
  ['simulator/b.ts', 'ilink/wire/wire.ts'],
  ['simulator/page/b.tsx', 'page/theme.ts'],
  ['web/b.ts', 'page/theme.ts'],
  ['simulator/world/b.ts', 'media/cipher.ts'],
  ['runner/turns/b.ts', 'store/port/port.ts'],
  ['cli/run/b.ts', 'simulator/world/world.ts'],
  ['store/turns/b.ts', 'store/inbox/triage.ts'],
  ['main.ts', 'cli/parse-arguments.ts'],
];

let root: string;
let lines: string[];

beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), 'wxagent-rooms-'));
  const content = new Map<string, string>();
  for (const [, target] of [...BAD, ...GOOD]) content.set(target, '');
  // Each of a file's ways to import is found: a value, a type, one that is loaded when it is used, a worker.
  const forms = ["import 'X';", "import type { A } from 'X';", "const a = import('X');", "new URL('X', u);"];
  for (const [index, [file, target]] of [...BAD, ...GOOD].entries()) {
    const path = posix.relative(posix.dirname(file), target);
    const line = forms[index % forms.length]?.replace('X', path.startsWith('.') ? path : `./${path}`);
    content.set(file, `${content.get(file) ?? ''}${line}\n`);
  }
  for (let n = 1; n <= 16; n++) content.set(`text/full/f${n}.ts`, '');
  content.set('core/long.ts', `export const SQL = \`${'\n'.repeat(400)}\`;\n`);
  content.set('core/short.ts', '\n'.repeat(400));
  content.set('nowhere/a.ts', '');
  content.set('text/one.ts', "import type { A } from './two.ts';");
  content.set('text/two.ts', "import type { B } from './three.ts';");
  content.set('text/three.ts', "export const load = () => import('./one.ts');");
  for (const [file, text] of content) {
    await mkdir(join(root, 'src', dirname(file)), { recursive: true });
    await writeFile(join(root, 'src', file), text);
  }
  const script = fileURLToPath(new URL('../../../scripts/lint-rooms.mjs', import.meta.url));
  const stdout = await new Promise<string>((done) => {
    execFile(process.execPath, [script, root], (_failed, output) => done(output));
  });
  lines = stdout.trim().split('\n');
});

afterAll(() => rm(root, { recursive: true, force: true }));

it.each(BAD)('src/%s may not import %s', (file, target) => {
  expect(lines.filter((line) => line.startsWith(`src/${file}: `) && line.endsWith(target))).toHaveLength(1);
});

it('nothing else is refused but circles, a full folder, and folders nobody has named', () => {
  const named = new Set(BAD.map(([file]) => `src/${file}`));
  const others = lines.filter((line) => !named.has(line.slice(0, line.indexOf(':'))));
  expect(others.filter((line) => !line.startsWith('src/text/full/f'))).toEqual([
    'src/nowhere/a.ts: no layer has this folder (scripts/lint-rooms.mjs)',
    'src/text/one.ts: a circle: text/one.ts -> text/two.ts -> text/three.ts -> text/one.ts',
    'src/text/full: 16 files; a folder has at most 15',
    'src/core/long.ts: 401 lines; a file has at most 400',
  ]);
});
