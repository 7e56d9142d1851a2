/**
 * `npm run test:busy`: the tests on a machine that has something else to do. Four busy loops run beside them, and
 * where `taskset` is there (Linux) the tests get half of the cores. What passes here means no quick machine.
 */
import { spawn, spawnSync } from 'node:child_process';
import { availableParallelism } from 'node:os';

const LOOPS = 4;
const cores = availableParallelism();
const half =
  cores > 1 && spawnSync('taskset', ['--version']).status === 0 ? `0-${Math.ceil(cores / 2) - 1}` : null;

const loops = Array.from({ length: LOOPS }, () =>
  spawn(process.execPath, ['-e', 'for (;;);'], { stdio: 'ignore' }),
);
const endLoops = () => {
  for (const loop of loops) loop.kill('SIGKILL');
};
process.on('exit', endLoops);
for (const signal of ['SIGINT', 'SIGTERM']) process.on(signal, () => process.exit(1));

console.log(`${LOOPS} busy loops beside the tests${half ? `, which run on core ${half} of ${cores}` : ''}`);
const command = ['npm', 'test', '--', ...process.argv.slice(2)];
const [file, ...args] = half ? ['taskset', '-c', half, ...command] : command;
const tests = spawn(file, args, { stdio: 'inherit' });
tests.on('exit', (code) => process.exit(code ?? 1));
