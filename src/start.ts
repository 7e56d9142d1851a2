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

/** Of the kept data, at the head of its file: V8 looks no further than its own head, and dies of what is broken. */
const SUM_BYTES = 4;

/** Whatever a command does first is behind it by then. */
const STARTED_MS = 1_000;

const MAIN = 'main.cjs';

const requirePackage = createRequire(__filename);
const modules = new Map<string, { exports: unknown }>([
  // What Node compiles itself can import: Node 20 loses how in code that was kept.
  ['import.cjs', { exports: (id: string) => import(id) }],
]);
/** What had to be compiled, by chunk. */
const compiled = new Map<string, Script>();
const root = orNothing(() => join(cacheFolder(), 'code')) ?? '';
const build = join(root, __BUILD__);
const folder = join(build, `${process.version}-${process.arch}`, firstWord());
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
    // V8 takes no kept code that was made under other flags.
    process.prependOnceListener('exit', () => v8.setFlagsFromString('--flush-bytecode'));
  }, STARTED_MS).unref();
}

/** Runs a chunk of this folder once, and returns its exports. */
function load(name: string): unknown {
  const known = modules.get(name);
  if (known) return known.exports;
  const filename = join(__dirname, name);
  const cachedData = isReadable ? orNothing(() => readKept(name)) : undefined;
  const code = `(function(exports,require,module,__filename){${readFileSync(filename, 'utf8')}})`;
  const script = new Script(code, { filename, ...(cachedData && { cachedData }) });
  // A runner changes flags of V8 once it is ready (cli/optimize-late.ts); what is refused then is as good as before.
  const isRefused = script.cachedDataRejected && (name === MAIN || compiled.has(MAIN));
  if (!cachedData || isRefused) compiled.set(name, script);
  const module = { exports: {} };
  modules.set(name, module);
  const require = (id: string) => (id.startsWith('./') ? load(id.slice(2)) : requirePackage(id));
  script.runInThisContext()(module.exports, require, module, filename);
  return module.exports;
}

/** What is kept of a chunk, if it is whole. */
function readKept(name: string): Buffer | undefined {
  const file = readFileSync(join(folder, name));
  const data = file.subarray(SUM_BYTES);
  return file.readUInt32LE() === crc32(data) ? data : undefined;
}

/** Keeps what had to be compiled, and forgets other builds. Several processes may do so at once. */
function keep(): void {
  if (!isOwn(root)) return;
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  for (const other of readdirSync(root))
    if (join(root, other) !== build) rmSync(join(root, other), { recursive: true, force: true });
  for (const [name, script] of compiled) {
    const data = script.createCachedData();
    const sum = Buffer.alloc(SUM_BYTES);
    sum.writeUInt32LE(crc32(data));
    const file = join(folder, name);
    const unfinished = `${file}.${process.pid}`;
    writeFileSync(unfinished, Buffer.concat([sum, data]), { mode: 0o600 });
    renameSync(unfinished, file);
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
