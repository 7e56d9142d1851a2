import { mkdirSync, readdirSync, readFileSync, renameSync, rmSync, statSync, writeFileSync } from 'node:fs';
import { createRequire } from 'node:module';
import { homedir } from 'node:os';
import { dirname, isAbsolute, join } from 'node:path';
import { Script } from 'node:vm';
import { crc32 } from 'node:zlib';

/**
 * How the program starts: `main`, with what V8 made of the same code the last time (its code cache). To compile is
 * a good part of a start. What is kept has the functions that were used until the end, and each command uses others,
 * so each has files of its own, one for each chunk. All of this only makes a start quicker: what fails is left undone.
 */

/** A hash of all that was built: V8 itself compares the length of a source, not the source. */
declare const __BUILD__: string;

/**
 * Of a chunk and what is kept of it, at the head of its file: V8 looks no further than its own head and the length of
 * the source, and dies of what is broken.
 */
const SUM_BYTES = 4;

/** Whatever a command does first is behind it by then. */
const STARTED_MS = 1_000;

const MAIN = 'main.cjs';

const requirePackage = createRequire(__filename);
const modules = new Map<string, { exports: unknown }>([
  // What Node compiles itself can import: Node 20 loses how in code that was kept.
  ['import.cjs', { exports: (id: string) => import(id) }],
]);
/** What had to be compiled, and the sum of its source, by chunk. */
const compiled = new Map<string, { script: Script; sourceSum: number }>();
const node = orNothing(thisNode) ?? '';
const root = orNothing(() => node && join(cacheFolder(), 'code')) ?? '';
const build = join(root, __BUILD__);
const folder = join(build, node, firstWord());
const isReadable = root !== '' && orNothing(() => isOwn(root)) === true;

load(MAIN);
// After what main does last. Not after a crash, nor a second Ctrl-C: whoever ends that way waits for nothing.
process.on('exit', (code) => {
  if (code === 0 && root !== '' && compiled.size > 0) orNothing(keep);
});
// V8 throws away what has not run for a while, and a runner that lives long would keep next to nothing of its start.
if (compiled.has(MAIN)) {
  setTimeout(() => {
    const v8 = process.getBuiltinModule('node:v8');
    v8.setFlagsFromString('--no-flush-bytecode');
    // As core/v8-flags.ts does; shared, it would be a file more to read.
    process.prependOnceListener('exit', () => v8.setFlagsFromString('--flush-bytecode'));
  }, STARTED_MS).unref();
}

/** Runs a chunk of this folder once, and returns its exports. */
function load(name: string): unknown {
  const known = modules.get(name);
  if (known) return known.exports;
  const filename = join(__dirname, name);
  const source = readFileSync(filename);
  const sourceSum = orNothing(() => crc32(source)) ?? 0;
  const cachedData = isReadable ? orNothing(() => readKept(name, sourceSum)) : undefined;
  const code = `(function(exports,require,module,__filename){${source}})`;
  const script = new Script(code, { filename, ...(cachedData && { cachedData }) });
  // A runner changes flags of V8 before its first request (cli/run.ts); what is refused then is as good as before.
  const isRefused = script.cachedDataRejected && (name === MAIN || compiled.has(MAIN));
  if (!cachedData || isRefused) compiled.set(name, { script, sourceSum });
  const module = { exports: {} };
  const require = (id: string) => (id.startsWith('./') ? load(id.slice(2)) : requirePackage(id));
  script.runInThisContext()(module.exports, require, module, filename);
  // Only now: one that has failed fails again the next time, as it did the first time.
  modules.set(name, module);
  return module.exports;
}

/** What is kept of a chunk, if it is whole and of this source. */
function readKept(name: string, sourceSum: number): Buffer | undefined {
  const file = readFileSync(join(folder, name));
  const data = file.subarray(SUM_BYTES);
  return file.readUInt32LE() === crc32(data, sourceSum) ? data : undefined;
}

/** Keeps what had to be compiled, and forgets other builds. Several processes may do so at once. */
function keep(): void {
  if (!isOwn(root)) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const other of readdirSync(root))
    if (join(root, other) !== build) rmSync(join(root, other), { recursive: true, force: true });
  for (const [name, { script, sourceSum }] of compiled) {
    const data = script.createCachedData();
    const sum = Buffer.alloc(SUM_BYTES);
    sum.writeUInt32LE(crc32(data, sourceSum));
    const file = join(folder, name);
    const unfinished = `${file}.${process.pid}`;
    try {
      writeFileSync(unfinished, Buffer.concat([sum, data]), { mode: 0o600 });
      renameSync(unfinished, file);
    } finally {
      rmSync(unfinished, { force: true });
    }
  }
}

/**
 * Whether only this user can have put something into a folder: kept code is run as it is. Of one that is not there
 * yet, whether he may be expected to make it: with `sudo`, the home may be another's.
 */
function isOwn(path: string, isMissing = false): boolean {
  const found = statSync(path, { throwIfNoEntry: false });
  if (!found) return isOwn(dirname(path), true);
  const { getuid } = process;
  return !getuid || (found.uid === getuid() && (isMissing || (found.mode & 0o022) === 0));
}

/** The program's cache folder, as env-paths has it for everything else. */
function cacheFolder(): string {
  const { XDG_CACHE_HOME = '', LOCALAPPDATA = '' } = process.env;
  switch (process.platform) {
    case 'win32':
      return join(LOCALAPPDATA || join(homedir(), 'AppData', 'Local'), 'wxagent', 'Cache');
    case 'darwin':
      return join(homedir(), 'Library', 'Caches', 'wxagent');
    default:
      return join(isAbsolute(XDG_CACHE_HOME) ? XDG_CACHE_HOME : join(homedir(), '.cache'), 'wxagent');
  }
}

/** This very Node: V8 takes what another build with the same V8 has made, and dies of it. */
function thisNode(): string {
  const { version, arch, execPath } = process;
  const { size, mtimeMs } = statSync(execPath);
  return `${version}-${arch}-${crc32(`${execPath} ${size} ${mtimeMs}`).toString(16)}`;
}

/** Mostly the command. A word that is none ends with another code than 0, so that nothing is kept for it. */
function firstWord(): string {
  const words = process.argv.slice(2);
  const [word = ''] = words.includes('--help') ? ['--help'] : words;
  return /^[a-z-]+$/.test(word) ? word : 'none';
}

function orNothing<T>(action: () => T): T | undefined {
  try {
    return action();
  } catch {
    return undefined;
  }
}
