// npm install @agentclientprotocol/sdk, then: wxagent run --acp 'node agent.mjs'
// An agent of the Agent Client Protocol, as Claude Code, Codex and Gemini CLI are.
import { Readable, Writable } from 'node:stream';
import { agent, methods, ndJsonStream, PROTOCOL_VERSION } from '@agentclientprotocol/sdk';

const turns = new Map();

agent({ name: 'counting' })
  .onRequest(methods.agent.initialize, () => ({
    protocolVersion: PROTOCOL_VERSION,
    agentCapabilities: { promptCapabilities: { image: true } },
  }))
  .onRequest(methods.agent.session.new, () => {
    const sessionId = `session-${turns.size + 1}`;
    turns.set(sessionId, 0);
    return { sessionId };
  })
  .onRequest(methods.agent.session.prompt, async ({ params: { sessionId, prompt }, client }) => {
    const turn = turns.get(sessionId) + 1;
    turns.set(sessionId, turn);
    const asked = prompt.map((block) => block.text ?? `<${block.type}>`).join(' ');
    const content = { type: 'text', text: `Turn ${turn}: ${asked}` };
    const update = { sessionUpdate: 'agent_message_chunk', content };
    await client.notify(methods.client.session.update, { sessionId, update });
    return { stopReason: 'end_turn' };
  })
  .connect(ndJsonStream(Writable.toWeb(process.stdout), Readable.toWeb(process.stdin)));
