import type { IncomingMessage } from 'node:http';

/** Does what may take minutes before the first byte of the answer: the silence of a connection counts only after it. */
export async function unhurried<T>({ socket }: IncomingMessage, work: () => Promise<T>): Promise<T> {
  const { timeout = 0 } = socket;
  socket.setTimeout(0);
  try {
    return await work();
  } finally {
    socket.setTimeout(timeout);
  }
}
