import { untilAborted } from '../../core/time/event-loop.ts';
import { startSimulator } from '../../simulator/simulator.ts';
import { wordsOf } from '../i18n/language.ts';
import type { CommandContext } from '../port/context.ts';

/** `wxagent simulate`: an iLink server on this machine, until it is stopped. */
export async function simulate(context: CommandContext): Promise<void> {
  const { port, seed, scan, script, tlsCert, tlsKey } = context.settings;
  const stop = context.stopSignal();
  const simulator = await startSimulator({ port, seed, scan, script, tlsCert, tlsKey });
  const { baseUrl, cdnUrl, controlUrl } = simulator;
  context.printJson('simulate', { baseUrl, cdnUrl, controlUrl, pid: process.pid });
  if (context.io.stderrIsTerminal && !context.json)
    context.say(wordsOf(context.language).simulating(baseUrl));
  const stopped = untilAborted(stop);
  try {
    // A script that is through leaves the server running; one that fails ends it.
    await Promise.race([stopped, simulator.scriptDone.then(() => stopped)]);
  } finally {
    await simulator.close();
  }
}
