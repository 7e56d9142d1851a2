import { PNG } from 'pngjs';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { runHere } from './in-this-process.ts';
import { simulate } from './simulated.ts';
import { startWeb, type TestWeb } from './web.ts';
import { makeFolder } from './wxagent.ts';

/** What a page of the phone can send to run in a browser. */
const SCRIPT = '<script>document.title="mine"</script>';

/** Files that a user has sent, by what is tried with them. */
export const FILES = {
  png: { name: 'photo.png', bytes: PNG.sync.write(new PNG({ width: 2, height: 2 })) },
  html: { name: 'page.html', bytes: Buffer.from(`<!doctype html><html><body>${SCRIPT}</body></html>`) },
  svg: {
    name: 'drawing.svg',
    bytes: Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg">${SCRIPT}</svg>`),
  },
  /** A page that calls itself a picture. */
  lie: { name: 'photo.jpg', bytes: Buffer.from(`<!doctype html>${SCRIPT}`) },
  evil: { name: '../../a"\r\nset-cookie: x=1\r\n\r\n<b>.html', bytes: Buffer.from('x') },
  long: { name: 'long.bin', bytes: Buffer.alloc(100_000, 'abcdefghij') },
} as const;

/** A store with an account, messages and parts, and a server for it. */
export interface WebWorld {
  home: string;
  env: Record<string, string>;
  simulator: Simulator;
  web: TestWeb;
  /** The owner. */
  user: string;
  /** IDs of the messages: two texts, then one for each of {@link FILES}. */
  messages: string[];
  /** The message with this file. */
  fileOf(name: keyof typeof FILES): string;
}

/** Makes a home, or a schema, whose account `mine` has received messages and has a text waiting. */
export async function makeWebWorld(env: Record<string, string>): Promise<WebWorld> {
  const simulator = await simulate();
  const home = makeFolder();
  const wx = (...args: string[]) => runHere(args, { home, env });
  await wx('login', '--qr', 'none', '--base-url', simulator.baseUrl, '--name', 'mine');
  // From now on codes wait until a test scans them.
  simulator.control.changeSettings({ scan: 'manual' });
  const names = Object.keys(FILES) as (keyof typeof FILES)[];
  const written = simulator.control.messages([
    { text: 'hello <b>bot</b>' },
    { text: 'fail' },
    ...names.map((name) => ({ file: FILES[name] })),
  ]);
  await wx('run', '--once', '--no-typing', '--pace', '0', '--exec', 'read -r x; [ "$x" != fail ]');
  const messages = written.map(({ messageId }) => messageId as string);
  return {
    home,
    env,
    simulator,
    messages,
    user: written[0]?.user as string,
    web: await startWeb({ home, env }, '--base-url', simulator.baseUrl),
    fileOf: (name) => messages[2 + names.indexOf(name)] as string,
  };
}
