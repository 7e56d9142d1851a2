/** The coprocess of the bench: every text back, one write a line. */
import { createInterface } from 'node:readline';

createInterface({ input: process.stdin }).on('line', (line) => {
  const { type, id, text } = JSON.parse(line);
  if (type === 'message') process.stdout.write(`${JSON.stringify({ id, text, done: true })}\n`);
});
