// wxagent login, then: node agent.mjs (in a program that has wxagent as a package)
// The agent is a function of this program; everything else is as with `wxagent run`.
import { createRunner } from 'wxagent';

const runner = await createRunner({
  async agent(message, { memory, emit }) {
    const count = Number((await memory.get('count')) ?? 0) + 1;
    await memory.set('count', String(count));
    if (message.text === 'slow') await emit('A moment, please.');
    return `Message ${count} of this conversation: ${message.text}`;
  },
  settings: { timeout: '5m', maxParts: 3 },
  onLog: (line) => console.error(line),
});

for (const signal of ['SIGINT', 'SIGTERM']) process.once(signal, () => runner.stop());
await runner.done;
