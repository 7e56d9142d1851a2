import type { Browser, BrowserContextOptions, Page } from 'playwright-core';
import { PNG } from 'pngjs';
import { silkOf } from '../../src/media/voice/recording.ts';
import { wavHeader } from '../../src/media/voice/wav-header.ts';
import type { Simulator } from '../../src/simulator/simulator.ts';
import { runHere, startHere } from './in-this-process.ts';
import { simulate } from './simulated.ts';
import { startWeb, type TestWeb } from './web.ts';
import { openWebPage } from './web-page.ts';
import { makeFolder } from './wxagent.ts';

/** An agent that repeats, fails at the word `fail` until a file `mended` is in the folder, and keeps silent at `quiet`. */
const agentIn = (folder: string): string => `read -r x
case "$x" in
  quiet*) ;;
  fail) if [ -e ${folder}/mended ]; then echo "mended"; else printf 'Traceback (most recent call last):\\n  File "agent.py", line 3\\nKeyError: city\\n' >&2; exit 3; fi ;;
  *) echo "You said: $x" ;;
esac`;

/** An account with a runner, and a server whose page shows its conversations. */
export interface ChatWorld {
  simulator: Simulator;
  web: TestWeb;
  home: string;
  /** Where the agent looks. */
  folder: string;
  /** The owner, and the account. */
  user: string;
  account: string;
  /** Opens the conversation with a user; null: the list. */
  open(browser: Browser, user: string | null, options?: BrowserContextOptions): Promise<Page>;
}

/** Makes one. */
export async function makeChatWorld(): Promise<ChatWorld> {
  const simulator = await simulate();
  const home = makeFolder();
  const folder = makeFolder();
  await runHere(['login', '--qr', 'none', '--base-url', simulator.baseUrl, '--name', 'mine'], { home });
  const run = startHere(['run', '--no-typing', '--pace', '0', '--retries', '0', '--exec', agentIn(folder)], {
    home,
  });
  await run.says('stderr', 'ready');
  const web = await startWeb({ home }, '--base-url', simulator.baseUrl);
  const [bot] = simulator.control.state().bots;
  const account = bot?.id as string;
  return {
    ...{ simulator, web, home, folder, account, user: bot?.user as string },
    open: (browser, user, options) =>
      openWebPage(browser, web, {
        ...options,
        view: ['conversations', ...(user === null ? [] : [account, user])].map(encodeURIComponent).join('/'),
      }),
  };
}

/** A picture. */
export function picture(width = 320, height = 200): Buffer {
  const png = new PNG({ width, height });
  for (let i = 0; i < png.data.length; i += 4)
    png.data.set([i % 255, Math.floor(i / 500) % 255, 120, 255], i);
  return PNG.sync.write(png);
}

/** So many seconds of silence as phones send it. */
export async function voice(seconds = 1): Promise<Buffer> {
  const pcm = Buffer.alloc(48_000 * seconds);
  const silk = await silkOf(Buffer.concat([wavHeader(pcm.length, 24_000), pcm]));
  return Buffer.from(silk?.bytes as Uint8Array);
}
