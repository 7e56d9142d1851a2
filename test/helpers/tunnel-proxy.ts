import { createServer } from 'node:http';
import { type AddressInfo, connect } from 'node:net';

/** A proxy on 127.0.0.1 that makes tunnels. */
export interface TunnelProxy {
  url: URL;
  /** `host:port` of each tunnel that was asked for. */
  asked: string[];
  close(): Promise<void>;
}

/** Starts a proxy; a tunnel is made when what `held` returned for it is over. */
export async function startTunnelProxy(held: () => Promise<void> | void = () => {}): Promise<TunnelProxy> {
  const asked: string[] = [];
  const server = createServer().on('connect', async (request, socket) => {
    asked.push(request.url ?? '');
    socket.on('error', () => {});
    await held();
    const [host = '', port = ''] = (request.url ?? '').split(':');
    const upstream = connect(Number(port), host, () => {
      socket.write('HTTP/1.1 200 Connection established\r\n\r\n');
      upstream.pipe(socket).pipe(upstream);
    });
    upstream.on('error', () => socket.destroy());
    socket.on('error', () => upstream.destroy());
  });
  await new Promise<void>((resolve) => {
    server.listen(0, '127.0.0.1', resolve);
  });
  return {
    url: new URL(`http://127.0.0.1:${(server.address() as AddressInfo).port}`),
    asked,
    close: () => new Promise((resolve) => server.close(() => resolve())),
  };
}
