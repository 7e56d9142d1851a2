/** 50 bots at once with an agent that thinks for 200 ms: beside the time it takes when nothing else took any. */
import { once } from 'node:events';
import { createServer } from 'node:http';
import { figure } from '../figures.mjs';
import { createHome, startWxagent } from '../sides/sides.mjs';

const BOTS = 50;
const MESSAGES_EACH = 5;
const THINKS_MS = 200;

export async function measureSlow({ phones, folder }) {
  const bots = await phones.call('bots', { count: BOTS, label: 'slow' });
  const agent = createServer((request, response) => {
    request.resume();
    setTimeout(() => response.setHeader('content-type', 'text/plain').end('thought'), THINKS_MS);
  });
  agent.listen(0, '127.0.0.1');
  await once(agent, 'listening');
  const url = `http://127.0.0.1:${agent.address().port}/`;
  const home = createHome(folder, 'slow', phones.baseUrl, bots);
  const flags = ['--all-accounts', '--pace', '0', '--no-typing'];
  const process = startWxagent(home, ['run', '--http', url, ...flags]);
  await phones.call('polled', { bots: bots.map(({ id }) => id) });
  const messages = bots.flatMap(({ id, user }) =>
    Array.from({ length: MESSAGES_EACH }, (_, n) => ({ bot: id, user, text: `message ${n}` })),
  );
  const took = await phones.call('through', { messages });
  await process.stop();
  agent.close();
  agent.closeAllConnections();
  return [
    figure({
      name: `${BOTS} bots at once, agent of ${THINKS_MS} ms`,
      unit: 'ms',
      ours: took,
      bare: MESSAGES_EACH * THINKS_MS,
      beside: `${MESSAGES_EACH} answers of ${THINKS_MS} ms`,
      atMost: 1.5,
    }),
  ];
}
