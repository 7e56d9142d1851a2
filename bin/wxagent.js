#!/usr/bin/env node
// Syntax an old Node can still read, so that it gets a sentence instead of a SyntaxError.
const version = process.versions.node.split('.').map(Number);
const tooOld =
  version[0] < 20 ||
  (version[0] === 20 && (version[1] < 18 || (version[1] === 18 && version[2] < 1))) ||
  version[0] === 21 ||
  (version[0] === 22 && version[1] < 3);

if (tooOld) {
  process.stderr.write(
    `wxagent: Node.js 20.18.1 or newer (22.3 or newer of 22) is needed, this is ${process.versions.node}\n`,
  );
  process.exitCode = 78;
} else {
  require('./start.js');
}
