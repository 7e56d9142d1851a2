const { existsSync } = require('node:fs');
const nodeModule = require('node:module');
const { homedir } = require('node:os');
const { join } = require('node:path');

if (existsSync(join(__dirname, '../dist/main.js'))) {
  // Node 22 and newer keep what they compiled. In the user's own folder: what lies in it is run as it is, and the
  // folder that Node takes by itself is one that everybody may write to. NODE_DISABLE_COMPILE_CACHE=1 turns it off.
  nodeModule.enableCompileCache?.(join(homedir(), '.cache', 'wxagent', 'compiled'));
  // Read with every file: only for who will see a stack.
  if (process.argv.includes('--verbose')) process.setSourceMapsEnabled(true);
  import('../dist/main.js');
} else {
  process.stderr.write('wxagent: it is not built yet: dist/main.js is missing\nhint: npm run build\n');
  process.exitCode = 78;
}
