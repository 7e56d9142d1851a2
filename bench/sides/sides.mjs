/**
 * The three processes of a measurement: the phones' side, wxagent as users start it, and the bare loop.
 */
import { execFileSync, fork, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, mkdirSync, mkdtempSync, openSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setTimeout as delay } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';

/** So much of a log is shown when a process ends that was not to. */
const LOG_CHARS = 2_000;

/** Between two looks into a log. */
const LOOK_MS = 50;

/** A browser that has just ended may still write. */
const REMOVED = { recursive: true, force: true, maxRetries: 20, retryDelay: 100 };

const here = (file) => fileURLToPath(new URL(file, import.meta.url));
const bin = here('../../bin/wxagent.js');

/**
 * The environment of everything measured: none of this machine's settings of wxagent and Node reach it. With
 * NODE_EXTRA_CA_CERTS, Node 20 reads certificates at every start, and the baseline of the start would be that.
 */
const env = Object.fromEntries(
  Object.entries(process.env).filter(([name]) => !/^(WXAGENT|NODE)_/.test(name)),
);

/** A folder for one run of the bench. */
export function createFolder() {
  const folder = mkdtempSync(join(tmpdir(), 'wxagent-bench-'));
  return { path: folder, remove: () => rmSync(folder, REMOVED) };
}

/** Starts the phones' side (phones.mjs); `call(name, input)` asks it for something. Those of another seed have other bots. */
export async function startPhones(seed = 1) {
  const child = fork(here('phones.mjs'), [String(seed)], { env });
  const waiting = new Map();
  let calls = 0;
  child.on('message', ({ id, result, error }) => {
    const { resolve, reject } = waiting.get(id) ?? {};
    waiting.delete(id);
    if (error === undefined) resolve?.(result);
    else reject(new Error(error));
  });
  child.on('exit', () => {
    for (const { reject } of waiting.values()) reject(new Error('the simulator has ended'));
  });
  const answer = (id) => new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
  await answer(0);
  const call = (name, input = {}) => {
    const id = ++calls;
    const answered = answer(id);
    child.send({ id, name, input });
    return answered;
  };
  return { pid: child.pid, call, baseUrl: await call('baseUrl'), stop: () => end(child, 'SIGKILL') };
}

/** A home in which these bots are logged in; one that is of another server has its own `baseUrl`. */
export function createHome(folder, label, baseUrl, bots) {
  const home = join(folder.path, label);
  mkdirSync(home);
  const accounts = bots.map(({ id, token, user, baseUrl: own = baseUrl }) => ({
    key: id,
    id,
    formerIds: [],
    name: null,
    owner: user,
    token,
    baseUrl: own,
    namedUrl: own,
    cdnUrl: null,
    loggedInAt: new Date().toISOString(),
  }));
  writeFileSync(join(home, 'config.json'), JSON.stringify({ accounts, defaultAccount: null, settings: {} }));
  return home;
}

/** Starts wxagent; what it says on stderr goes to a file, as under a supervisor. `more`: what its environment has beside. */
export function startWxagent(home, args, more = {}, channels = []) {
  const log = join(home, 'log.txt');
  const stderr = openSync(log, 'a');
  const child = spawn(process.execPath, [bin, ...args, '--home', home], {
    env: { ...env, ...more },
    stdio: ['ignore', 'ignore', stderr, ...channels],
  });
  closeSync(stderr);
  child.once('exit', (code) => {
    if (code !== 0 && code !== null)
      process.stderr.write(
        `wxagent ${args.join(' ')} left with ${code}:\n${readFileSync(log, 'utf8').slice(-LOG_CHARS)}`,
      );
  });
  return {
    child,
    pid: child.pid,
    ended: once(child, 'exit'),
    stop: () => end(child, 'SIGTERM'),
    kill: () => end(child, 'SIGKILL'),
  };
}

/** Where the web server of a home is, once it says so. */
export async function webUrlOf(home) {
  for (;;) {
    const [, url] = /the API are at (\S+)/.exec(readFileSync(join(home, 'log.txt'), 'utf8')) ?? [];
    if (url !== undefined) return url;
    await delay(LOOK_MS);
  }
}

/** Starts the bare loop for these bots; see bare-loop.mjs. */
export function startBare(baseUrl, bots, { spawns = false, store } = {}) {
  const input = JSON.stringify({ baseUrl, bots, spawns, store });
  const child = spawn(process.execPath, [here('bare-loop.mjs'), input], {
    env,
    stdio: ['ignore', 'ignore', 'inherit'],
  });
  return { pid: child.pid, stop: () => end(child, 'SIGKILL') };
}

/** Runs a program to its end; returns milliseconds, spawn to exit. Its exit code must be among `exits`. */
export async function timeOf(argv, exits = [0], more = {}) {
  const startedMs = performance.now();
  const child = spawn(process.execPath, argv, {
    env: { ...env, ...more },
    stdio: ['ignore', 'ignore', 'ignore'],
  });
  const [code] = await once(child, 'exit');
  const tookMs = performance.now() - startedMs;
  if (!exits.includes(code)) throw new Error(`${argv.join(' ')} left with ${code}`);
  return tookMs;
}

/** The same for wxagent. */
export function timeOfWxagent(home, args, exits, more) {
  return timeOf([bin, ...args, '--home', home], exits, more);
}

/** What a command of wxagent prints. */
export function outputOfWxagent(home, args) {
  return execFileSync(process.execPath, [bin, ...args, '--home', home], { env, encoding: 'utf8' });
}

async function end(child, signal) {
  if (child.exitCode !== null || child.signalCode !== null) return;
  child.kill(signal);
  await once(child, 'exit');
}
