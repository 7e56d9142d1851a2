/** A user writes, the phone shows the answer: `run --coprocess` beside `run --echo`. */
import { fileURLToPath } from 'node:url';
import { figure, percentile } from '../figures.mjs';
import { createHome, startWxagent } from '../sides/sides.mjs';
import { measureRoundTrips } from './echo.mjs';

/** A command that answers each message with its text. */
export const COPROCESS = `exec '${process.execPath}' '${fileURLToPath(new URL('../sides/coprocess-echo.mjs', import.meta.url))}'`;

export async function measureCoprocess({ phones, folder }) {
  const bots = await phones.call('bots', { count: 2, label: 'coprocess' });
  const [coprocess, echo] = [['--coprocess', COPROCESS], ['--echo']].map((agent, index) => {
    const bot = bots[index];
    const home = createHome(folder, `coprocess-${index}`, phones.baseUrl, [bot]);
    const args = ['run', ...agent, '--pace', '0', '--no-typing'];
    return { bot, process: startWxagent(home, args), samples: [] };
  });
  await measureRoundTrips(phones, [coprocess, echo]);

  const line = (name, share, atMost) =>
    figure({
      name,
      unit: 'ms',
      ours: percentile(coprocess.samples, share),
      bare: percentile(echo.samples, share),
      beside: 'run --echo',
      atMost,
    });
  return [line('coprocess echo, p50', 0.5, 1.6), line('coprocess echo, p95', 0.95, null)];
}
