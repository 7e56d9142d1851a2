import { aborted } from '../../core/time/event-loop.ts';
import type { CommandContext } from '../command/context.ts';
import { openWeb } from './open-web.ts';

/** `wxagent web`: serves the API of this store until it is stopped. */
export async function web(context: CommandContext): Promise<number> {
  const { listen } = context.settings(['listen']);
  const stop = context.stopSignal();
  const server = await openWeb(context, listen, '--listen');
  await server.resume();
  if (context.json) context.printJson('web', { url: server.url, pid: process.pid });
  else if (context.io.stderrIsTerminal) context.say('hint: wxagent token add <name> --scope read');
  await aborted(stop);
  await server.close();
  return 0;
}
