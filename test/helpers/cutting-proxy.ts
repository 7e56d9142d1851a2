import { type AddressInfo, connect, createServer, type Server, type Socket } from 'node:net';

/**
 * What becomes of some bytes: they pass; the connection is cut instead of them, or after some of them; nothing passes any
 * more, in either direction, although both ends stay open; or only the server's end is closed, and the client hears nothing.
 */
export type Treatment = 'pass' | 'cut' | 'stall' | 'half-open' | { passing: number; end: 'cut' | 'stall' };

/** A TCP proxy on 127.0.0.1 that does harm. */
export interface CuttingProxy {
  port: number;
  /** Decides about each piece of data; `connection` counts from 1. */
  rule: (from: 'client' | 'server', bytes: Buffer, connection: number) => Treatment;
  /** How many connections were made. */
  connections: number;
  /** Refuses new connections and cuts the present ones. */
  refuse(): Promise<void>;
  /** Takes connections again. */
  accept(): Promise<void>;
  close(): Promise<void>;
}

/** Starts a proxy in front of a port, or of the socket at a path. */
export async function startCuttingProxy(
  upstream: { host: string; port: number } | { path: string },
): Promise<CuttingProxy> {
  const pairs = new Set<() => void>();
  let server: Server | null = null;

  function join(client: Socket): void {
    const number = ++proxy.connections;
    const far = connect(upstream);
    const cut = (): void => {
      client.destroy();
      far.destroy();
      pairs.delete(cut);
    };
    pairs.add(cut);
    let isStalled = false;
    const apply = (treatment: 'cut' | 'stall' | 'half-open'): void => {
      if (treatment === 'cut') cut();
      isStalled = true;
      if (treatment === 'half-open') far.destroy();
    };
    const carry = (from: 'client' | 'server', target: Socket) => (bytes: Buffer) => {
      if (isStalled) return;
      const treatment = proxy.rule(from, bytes, number);
      if (treatment === 'pass') target.write(bytes);
      else if (typeof treatment === 'string') apply(treatment);
      else target.write(bytes.subarray(0, treatment.passing), () => apply(treatment.end));
    };
    client.on('data', carry('client', far)).on('error', () => {});
    far.on('data', carry('server', client)).on('error', () => {});
    client.on('close', cut);
    far.on('close', () => {
      if (!isStalled) cut();
    });
  }

  const proxy: CuttingProxy = {
    port: 0,
    rule: () => 'pass',
    connections: 0,
    async refuse() {
      const ended = new Promise((resolve) => (server ? server.close(resolve) : resolve(null)));
      server = null;
      for (const cut of [...pairs]) cut();
      await ended;
    },
    async accept() {
      const started = createServer(join);
      server = started;
      await new Promise<void>((resolve) => {
        started.listen(proxy.port, '127.0.0.1', resolve);
      });
      proxy.port = (started.address() as AddressInfo).port;
    },
    close: () => proxy.refuse(),
  };
  await proxy.accept();
  return proxy;
}
