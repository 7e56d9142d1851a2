import { type AddressInfo, connect, createServer, type Socket } from 'node:net';
import { onTestFinished } from 'vitest';

/** Relays connections to a server as a long line does: everything, an end too, arrives `delayMs` later. Closed after the test. */
export async function longLine(to: string, delayMs: number): Promise<{ url: string }> {
  const { hostname, port } = new URL(to);
  const sockets = new Set<Socket>();
  const server = createServer({ allowHalfOpen: true }, (near) => {
    const far = connect({ host: hostname, port: Number(port), allowHalfOpen: true });
    for (const [one, other] of [
      [near, far],
      [far, near],
    ] as const) {
      sockets.add(one.on('error', () => other.destroy()));
      one.on('data', (bytes) => void setTimeout(() => other.writable && other.write(bytes), delayMs));
      one.on('end', () => void setTimeout(() => other.end(), delayMs));
    }
  });
  await new Promise<void>((resolve) => void server.listen(0, '127.0.0.1', resolve));
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    return new Promise((resolve) => void server.close(() => resolve()));
  });
  return { url: `http://127.0.0.1:${(server.address() as AddressInfo).port}` };
}
