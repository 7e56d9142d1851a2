import type { Agent } from './port.ts';

/** An agent that answers with the text it got: for trying things out and for measuring (`--echo`). */
export function createEchoAgent(): Agent {
  return {
    name: 'echo',
    async answer({ text }) {
      return text.trim() === '' ? { kind: 'silent' } : { kind: 'reply', pieces: [{ text }] };
    },
  };
}
