/** Connections through a proxy. They call `connect()`, which only the whole of undici provides: for whoever names a proxy. */
export { ProxyAgent } from 'undici';
