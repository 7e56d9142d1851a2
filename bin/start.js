const { existsSync, mkdirSync } = require('node:fs');
const nodeModule = require('node:module');
const { homedir } = require('node:os');
const { isAbsolute, join } = require('node:path');

if (existsSync(join(__dirname, '../dist/main.js'))) {
  // Node 22 and newer keep what they compiled. In the user's own folder: what lies in it is run as it is, and the
  // folder that Node takes by itself is one that everybody may write to. NODE_DISABLE_COMPILE_CACHE=1 turns it off.
  const isKept = nodeModule.enableCompileCache && !process.env.NODE_DISABLE_COMPILE_CACHE;
  const folder = isKept ? compiledFolder() : null;
  if (folder !== null) nodeModule.enableCompileCache(folder);
  // What is encrypted lies outside V8's heap and waits for its quick collection, which runs when its young space is
  // full. One that does not grow costs every start: only for who sends a file (docs/decisions/0023).
  if (process.argv.includes('--file')) require('node:v8').setFlagsFromString('--semi-space-growth-factor=1');
  // Read with every file: only for who will see a stack.
  if (process.argv.includes('--verbose')) process.setSourceMapsEnabled(true);
  import('../dist/main.js');
} else {
  process.stderr.write('wxagent: it is not built yet: dist/main.js is missing\nhint: npm run build\n');
  process.exitCode = 78;
}

/**
 * Null for a user who has no home, and for one named by a relative path: there lies what others have put there. Also where
 * it cannot be made: Node itself tries for ever to make folders where nothing can be made, as in /proc.
 */
function compiledFolder() {
  try {
    let folder = homedir();
    if (!isAbsolute(folder)) return null;
    for (const name of ['.cache', 'wxagent', 'compiled']) {
      folder = join(folder, name);
      if (!existsSync(folder)) mkdirSync(folder, { mode: 0o700 });
    }
    return folder;
  } catch {
    return null;
  }
}
