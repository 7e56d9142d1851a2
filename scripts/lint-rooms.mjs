/**
 * The rules of the house that Biome cannot say in short: which folder of src may import which, no circles, and how
 * many files a folder and lines a file has (Biome does not count lines within a template). Every import counts: of values, of types, lazy ones. Prints each import that breaks a rule.
 *
 * `node scripts/lint-rooms.mjs [root]`
 */
import { readdirSync, readFileSync } from 'node:fs';
import { dirname, join, posix, relative, sep } from 'node:path';
import { fileURLToPath } from 'node:url';

const MOST_FILES = 15;
const MOST_LINES = 400;

/** What each layer may import beside itself: a layer, a folder or a file. */
const LAYERS = {
  core: [],
  text: ['core'],
  settings: ['core'],
  sql: ['core'],
  sqlite: ['core', 'sql'],
  postgres: ['core', 'sql'],
  home: ['core', 'sqlite'],
  media: ['core'],
  ilink: ['core'],
  store: ['core', 'sql', 'sqlite', 'postgres', 'home'],
  agents: ['core'],
  page: [],
  simulator: ['core', 'ilink/wire', 'media/cipher.ts', 'media/voice/recording.ts', 'page'],
  runner: ['core', 'text', 'home', 'media', 'ilink', 'store/port', 'agents/port', 'agents/reply'],
  views: ['core', 'home', 'ilink', 'store/port'],
  web: ['core', 'page', 'home', 'media', 'ilink', 'store/port', 'views', 'runner'],
  cli: [
    ...['core', 'text', 'settings', 'home', 'media', 'ilink', 'store', 'agents', 'simulator', 'runner'],
    ...['views', 'web'],
  ],
  // What src itself holds: main.ts, and the library.
  '.': ['core', 'settings', 'home', 'store', 'agents', 'simulator', 'runner', 'web', 'cli'],
};

/** The rooms of each layer from the bottom up: one imports those before it only; `.` is the layer's own folder. */
const ROOMS = {
  core: ['.', 'time', 'http', 'message'],
  text: ['.'],
  settings: ['tables', '.'],
  sql: ['.'],
  sqlite: ['.'],
  postgres: ['.'],
  home: ['.'],
  media: ['.', 'kind', 'download', 'upload', 'voice'],
  page: ['served', '.', 'chat'],
  ilink: ['wire', 'message', 'http', '.', 'login'],
  store: [
    'port',
    'commit',
    'access',
    'events',
    'schema',
    'workers',
    'outbox',
    'fallbacks',
    'pushes',
    'questions',
    'expected',
    'scheduled',
    'accounts',
    'inbox',
    'conversations',
    'turns',
    'transfer',
    '.',
  ],
  agents: [
    ...['port', 'reply', 'child/output', 'child', 'command', 'coprocess'],
    ...['acp/connection', 'acp/session', 'acp/turn', 'acp'],
    ...['http/client', 'http/response', 'http/request', 'http', 'openai', '.'],
  ],
  simulator: ['world', 'queue', 'phone', 'endpoints', 'http', 'control', 'page', '.'],
  runner: ['port', 'delivery', 'received', 'turns', 'shutdown', 'intake', 'upkeep', '.'],
  views: ['.'],
  web: [
    ...['port', 'guard', 'access', 'events', 'operating', 'live', 'api'],
    ...['push/port', 'push/text', 'push/dialects', 'push', 'routes'],
    ...['page/api-client', 'page/frame', 'page/login', 'page/views/overview', 'page/views/login'],
    ...['page/views/tokens', 'page/views/conversations', 'page/views/audit', 'page/views/outbox'],
    ...['page/views/workers', 'page/views/doctor', 'page/invited', 'page', '.'],
  ],
  cli: [
    ...[
      'i18n',
      'terminal',
      'port',
      'signals',
      'account',
      'agent',
      'login',
      'send',
      'ask',
      'download',
      'admin',
    ],
    ...['doctor', 'web', 'run', 'exec', 'simulate', '.'],
  ],
};

const IMPORT = /(?:\bfrom\s*|\bimport\(\s*|\bimport\s*|\bnew URL\(\s*)(['"])(\.[^'"]*)\1/g;

const root = process.argv[2] ?? fileURLToPath(new URL('..', import.meta.url));
const src = join(root, 'src');
const files = readdirSync(src, { recursive: true, withFileTypes: true })
  .filter((entry) => entry.isFile())
  .map((entry) => relative(src, join(entry.parentPath, entry.name)).split(sep).join('/'))
  .sort();
const imported = new Map(files.map((file) => [file, importsOf(file)]));
const faults = [...files.flatMap(faultsOf), ...circles(), ...fullFolders(), ...longFiles()];
for (const fault of faults) console.log(fault);
if (faults.length > 0) process.exitCode = 1;

/** The imports of one file that no rule allows. */
function faultsOf(file) {
  const [layer, room] = placeOf(file);
  if (!LAYERS[layer]) return [`src/${file}: no layer has this folder (scripts/lint-rooms.mjs)`];
  const rooms = ROOMS[layer];
  if (rooms && !rooms.includes(room)) return [`src/${file}: no room of ${layer} is called ${room}`];
  return imported.get(file).flatMap((target) => {
    const [otherLayer, otherRoom] = placeOf(target);
    if (otherLayer !== layer) {
      const isAllowed = LAYERS[layer].some((one) => target === one || target.startsWith(`${one}/`));
      return isAllowed ? [] : [`src/${file}: ${layer} does not import ${target}`];
    }
    if (!rooms || rooms.indexOf(otherRoom) <= rooms.indexOf(room)) return [];
    return [`src/${file}: ${room} lies below ${otherRoom}, so it does not import ${target}`];
  });
}

/** The files of src that a file imports. */
function importsOf(file) {
  const text = readFileSync(join(src, file), 'utf8');
  const targets = [...text.matchAll(IMPORT)].map(([, , path]) => posix.join(posix.dirname(file), path));
  return targets.filter((target) => files.includes(target));
}

/** Files that import themselves by way of others, each circle once. */
function circles() {
  const found = [];
  const done = new Set();
  const visit = (file, way) => {
    const start = way.indexOf(file);
    if (start >= 0) found.push(`src/${file}: a circle: ${[...way.slice(start), file].join(' -> ')}`);
    if (start >= 0 || done.has(file)) return;
    for (const target of imported.get(file)) visit(target, [...way, file]);
    done.add(file);
  };
  for (const file of files) visit(file, []);
  return found;
}

/** Folders with more files than anybody reads at once. */
function fullFolders() {
  const counts = new Map();
  for (const file of files) counts.set(dirname(file), (counts.get(dirname(file)) ?? 0) + 1);
  return [...counts]
    .filter(([, count]) => count > MOST_FILES)
    .map(([folder, count]) => `src/${folder}: ${count} files; a folder has at most ${MOST_FILES}`);
}

/** Files with more lines than one concept takes. */
function longFiles() {
  return files.flatMap((file) => {
    const lines = readFileSync(join(src, file), 'utf8').split('\n').length - 1;
    return lines > MOST_LINES ? [`src/${file}: ${lines} lines; a file has at most ${MOST_LINES}`] : [];
  });
}

/** The layer of a file, and its room in it. */
function placeOf(file) {
  const [layer, ...folders] = posix.dirname(file).split('/');
  return [layer, folders.length > 0 ? folders.join('/') : '.'];
}
