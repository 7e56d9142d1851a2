import { writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { PNG } from 'pngjs';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { runHere, startHere } from './in-this-process.ts';
import { pollUntil } from './poll-until.ts';
import { loggedIn, simulate } from './simulated.ts';
import { startWeb, type TestWeb } from './web.ts';
import type { Running } from './wxagent.ts';

const ALICE = 'alice@im.wechat';
/** Who has used up what may be sent to them. */
export const BORIS = 'boris@im.wechat';
const CARLA = 'carla@im.wechat';

/** What an operator may find: one account that is served, one that nobody serves, one whose login has expired. */
export interface OperatorWorld {
  home: string;
  simulator: Simulator;
  web: TestWeb;
  runner: Running;
  /** The account that is served. */
  family: string;
  /** The view of the conversation with Alice. */
  alice: string;
}

/**
 * Makes that world. Alice owns `family`, where the agent fails on "fail"; two texts and a picture to Boris are held,
 * and Carla has a message left. `shop` has expired, `lab` has no runner.
 */
export async function makeOperatorWorld(): Promise<OperatorWorld> {
  const simulator = await simulate({ strangers: true });
  const { control } = simulator;
  const family = loggedIn(simulator, { name: 'family', user: ALICE });
  const { home } = family;
  loggedIn(simulator, { home, name: 'lab', user: 'lena@im.wechat' });
  const shop = loggedIn(simulator, { home, name: 'shop', user: 'sven@im.wechat' });
  const wx = (...args: string[]) => runHere(args, { home });
  control.kill({ bot: shop.id });
  await wx('run', '--once', '--account', 'shop', '--echo');
  const args = ['--account', 'family', '--allow-all', '--pace', '0', '--no-typing'];
  const agent = 'read -r x; case $x in fail*) echo "no such drive" >&2; exit 3;; esac; echo "You wrote: $x"';
  const runner = startHere(['run', ...args, '--retries', '0', '--exec', agent], { home });
  const write = (user: string, text: string) => control.message({ user, bot: family.id, text });
  write(ALICE, 'Which bus takes me to the museum?');
  write(ALICE, 'fail');
  write(BORIS, 'hello');
  write(CARLA, 'good morning');
  const sent = (count: number) => control.phone().shown.filter(({ from }) => from === 'bot').length >= count;
  await pollUntil('three answers', () => sent(3));
  const web = await startWeb({ home, env: {} });
  const token = await web.token('--scope', 'send');
  const send = (to: string, text: string) => web.post('/accounts/family/send', { to, text }, { token });
  for (let n = 1; n <= 6; n++) await send(CARLA, `part ${n}`);
  for (let n = 1; n <= 9; n++) await send(BORIS, `part ${n}`);
  await pollUntil('what may be sent is', () => sent(18));
  const toBoris = ['send', '--account', 'family', '--to', BORIS];
  writeFileSync(join(home, 'disk.png'), PNG.sync.write(new PNG({ width: 8, height: 8 })));
  await wx(...toBoris, 'The backup of the night is done: 12 GB in 41 minutes.');
  await wx(...toBoris, '--file', join(home, 'disk.png'));
  await wx(...toBoris, '--ttl', '2h', 'Disk 2 is 91 % full. Shall I remove the oldest snapshots?');
  const alice = `conversations/${family.id}/${ALICE}`;
  return { home, simulator, web, runner, family: family.id, alice };
}
