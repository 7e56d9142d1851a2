import type { Agent } from './port/port.ts';
import { replyOf } from './reply/outcomes.ts';

/** An agent that answers with what it got, files included: for trying things out and for measuring (`--echo`). */
export function createEchoAgent(): Agent {
  return {
    name: 'echo',
    async answer({ text, attachments }) {
      const lines = attachments.flatMap(({ kind, error }) => (error === null ? [] : [`[${kind}: ${error}]`]));
      const all = [text, ...lines].filter((line) => line.trim() !== '').join('\n');
      const files = attachments.flatMap(({ path, name }) => (path === null ? [] : [{ file: path, name }]));
      return replyOf([all === '' ? null : { text: all }, ...files]);
    },
  };
}
