const { existsSync } = require('node:fs');
const nodeModule = require('node:module');
const { join } = require('node:path');

if (existsSync(join(__dirname, '../dist/main.js'))) {
  // Node 22.3 and newer keep what they compiled, until it changes; NODE_DISABLE_COMPILE_CACHE=1 turns that off.
  nodeModule.enableCompileCache?.();
  // Read with every file: only for who will see a stack.
  if (process.argv.includes('--verbose')) process.setSourceMapsEnabled(true);
  import('../dist/main.js');
} else {
  process.stderr.write('wxagent: it is not built yet: dist/main.js is missing\nhint: npm run build\n');
  process.exitCode = 78;
}
