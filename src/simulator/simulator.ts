import { readFile } from 'node:fs/promises';
import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http';
import { createServer as createTlsServer } from 'node:https';
import type { AddressInfo } from 'node:net';
import { hasCode, reasonOf, WxError } from '../core/errors.ts';
import { certificateFiles, checkCertificate } from '../core/http/certificate.ts';
import { foreignRequest, LOOPBACK_ONLY, type OwnAddress } from '../core/http/host-check.ts';
import { MOST_HEADER_BYTES } from '../core/http/this-machine.ts';
import { type PageFile, readPage } from '../page/served/page-files.ts';
import { createControl, type SimulatorControl } from './control/control.ts';
import { serveControl } from './control/control-server.ts';
import { parseScript, runScript } from './control/script.ts';
import { expireQr } from './endpoints/qr.ts';
import { respond } from './http/respond.ts';
import { serveClient } from './http/server.ts';
import { killBot } from './queue/bots.ts';
import type { Answer } from './world/answer.ts';
import { changeSettings, defaultSettings, type Settings } from './world/settings.ts';
import { createWorld, type World } from './world/world.ts';

/** How to start a simulator; every setting can be given, and changed later. */
export interface SimulatorOptions extends Partial<Settings> {
  /** 0, the default, takes any free one. */
  port?: number;
  /** Makes ids, tokens and fault rolls the same in every run; a random one when absent. */
  seed?: number;
  /** Path of a JSON-lines file of control calls that is run from the start (docs/simulator.md). */
  script?: string | null;
  /** Paths of a certificate and its key, in PEM: the simulator then speaks https only, under the certificate's names too. */
  tlsCert?: string | null;
  tlsKey?: string | null;
}

/** A running simulator: an iLink server, its CDN and its controls on one port of 127.0.0.1. */
export interface Simulator {
  baseUrl: string;
  cdnUrl: string;
  controlUrl: string;
  control: SimulatorControl;
  /** Resolves when the script is through, at once without one; rejects when a line of it fails. */
  scriptDone: Promise<void>;
  close(): Promise<void>;
}

/** Throws WxError `usage`: a port that is a text would be the path of a socket. */
function checkStart(numbers: { port: unknown; seed: unknown }, paths: Record<string, unknown>): void {
  const { port, seed } = numbers;
  if (!Number.isInteger(port) || Number(port) < 0 || Number(port) > 65_535)
    throw new WxError('usage', `port: a whole number from 0 to 65535; not ${JSON.stringify(port)}`);
  if (!Number.isSafeInteger(seed))
    throw new WxError('usage', `seed: a whole number; not ${JSON.stringify(seed)}`);
  for (const [name, path] of Object.entries(paths))
    if (path != null && typeof path !== 'string')
      throw new WxError('usage', `${name}: the path of a file; not ${JSON.stringify(path)}`);
}

/** Starts a simulator; rejects with `usage` for a wrong setting, script or certificate, `cannot-create` for a port in use. */
export async function startSimulator(options: SimulatorOptions = {}): Promise<Simulator> {
  if (typeof options !== 'object' || options === null || Array.isArray(options))
    throw new WxError('usage', 'startSimulator takes an object: startSimulator({ seed: 1 })');
  const {
    port = 0,
    seed = Math.floor(Math.random() * 2 ** 31),
    script,
    tlsCert,
    tlsKey,
    ...settings
  } = options;
  checkStart({ port, seed }, { script, tlsCert, tlsKey });
  changeSettings(defaultSettings(), settings);
  const steps = script == null ? [] : parseScript(await readInput('script', script));
  const tls = await readTls(tlsCert ?? null, tlsKey ?? null);
  const place = tls?.place ?? LOOPBACK_ONLY;

  let world: World;
  let control: SimulatorControl;
  const answer = (req: IncomingMessage, res: ServerResponse): void => {
    // Nothing that is written to a client who has gone may end the process.
    res.on('error', () => {});
    serve(world, control, place, req, res).catch((thrown: unknown) => fail(req, res, thrown));
  };
  const limits = { maxHeaderSize: MOST_HEADER_BYTES };
  const server = tls ? createTlsServer({ ...limits, ...tls }, answer) : createServer(limits, answer);
  // A poll may idle longer than node lets a connection wait between requests.
  server.keepAliveTimeout = 120_000;
  server.requestTimeout = 0;
  await listen(server, port);

  const origin = `${place.scheme}://127.0.0.1:${(server.address() as AddressInfo).port}`;
  world = createWorld(seed, origin, `${origin}/c2c`, settings);
  control = createControl(
    () => world,
    () => {
      const { onShown, timers } = world;
      endWaits(world);
      world = { ...createWorld(seed, origin, `${origin}/c2c`, settings), onShown, timers };
    },
  );
  const ending = new AbortController();
  const scriptDone = runScript(control, steps, ending.signal);
  // Whoever cares awaits it; nobody need.
  scriptDone.catch(() => {});

  return {
    baseUrl: origin,
    cdnUrl: `${origin}/c2c`,
    controlUrl: `${origin}/_sim`,
    control,
    scriptDone,
    async close() {
      ending.abort();
      for (const timer of world.timers) clearTimeout(timer);
      const closed = new Promise<void>((resolve) => server.close(() => resolve()));
      server.closeAllConnections();
      await closed;
    },
  };
}

async function serve(
  world: World,
  control: SimulatorControl,
  place: OwnAddress,
  req: IncomingMessage,
  res: ServerResponse,
): Promise<void> {
  const foreign = foreignRequest(req.headers, place);
  // The body need not be read: nobody who is refused here keeps the connection.
  if (foreign !== null) return respond(res, refusal(foreign));
  const url = req.url ?? '';
  if (url === '/' || url.startsWith('/?') || url.startsWith('/page/')) return servePage(url, req, res);
  if (!url.startsWith('/_sim')) return serveClient(world, req, res);
  const [path = '', search = ''] = url.slice('/_sim'.length).split('?', 2);
  return serveControl(control, path, search, req, res);
}

let phonePage: Promise<ReadonlyMap<string, PageFile>> | undefined;

/** The page that is the phones (`src/simulator/page`). */
async function servePage(url: string, req: IncomingMessage, res: ServerResponse): Promise<void> {
  if (req.method !== 'GET' && req.method !== 'HEAD')
    return respond(res, {
      status: 405,
      body: 'method not allowed',
      headers: { allow: 'GET, HEAD', connection: 'close' },
    });
  phonePage ??= readPage('phone');
  const file = (await phonePage).get(url.split('?', 1)[0] ?? '');
  if (file) return respond(res, { status: 200, ...file });
  const body = 'not found; in a checkout the page is built by: npm run build\n';
  respond(res, { status: 404, body, headers: { 'content-type': 'text/plain' } });
}

/** No page of a browser may write as the owner, or read what a phone shows. */
function refusal(error: string): Answer {
  const hint = 'ask under localhost, 127.0.0.1 or a name of --tls-cert, and send no Origin';
  const headers = { connection: 'close' };
  return { status: 403, body: `${JSON.stringify({ error, hint })}\n`, headers };
}

/** A client that went away is no failure; anything else is a bug and is said. */
function fail(req: IncomingMessage, res: ServerResponse, thrown: unknown): void {
  if (req.errored || res.destroyed) return;
  if (res.headersSent) res.destroy();
  else
    respond(res, {
      status: 500,
      body: `${JSON.stringify({ error: `bug in the simulator: ${reasonOf(thrown)}` })}\n`,
    });
}

function endWaits(world: World): void {
  for (const bot of world.bots) if (bot.live) killBot(world, bot);
  for (const qr of world.qrs.values()) expireQr(qr);
}

function listen(server: Server, port: number): Promise<void> {
  return new Promise((resolve, reject) => {
    server.once('error', (error) => {
      if (!hasCode(error, 'EADDRINUSE') && !hasCode(error, 'EACCES')) return reject(error);
      reject(
        new WxError('cannot-create', `port ${port} cannot be used: ${error.message}`, {
          hint: 'leave --port out to take a free one',
          cause: error,
        }),
      );
    });
    server.listen(port, '127.0.0.1', () => resolve());
  });
}

async function readInput(what: string, path: string): Promise<string> {
  try {
    return await readFile(path, 'utf8');
  } catch (thrown) {
    throw new WxError('not-found', `the ${what} ${path} cannot be read: ${reasonOf(thrown)}`, {
      cause: thrown,
    });
  }
}

/** A certificate and its key, and under which names the simulator is found with them; null: none was given. */
async function readTls(
  certPath: string | null,
  keyPath: string | null,
): Promise<{ cert: string; key: string; place: OwnAddress } | null> {
  const files = certificateFiles(certPath, keyPath, 'wxagent simulate');
  if (files === null) return null;
  const cert = await readInput('certificate', files.cert);
  const key = await readInput('key', files.key);
  const { isFor } = checkCertificate({ cert, key }, files);
  // Whoever made the certificate wants to be asked under its names.
  return { cert, key, place: { scheme: 'https', isNamed: isFor } };
}
