import { spawn } from 'node:child_process';

/** What `sh -c cat` prints for a text on its stdin: the least a spawned turn can be. */
export function catThrough(text) {
  return new Promise((resolve, reject) => {
    const child = spawn('/bin/sh', ['-c', 'cat'], { stdio: 'pipe' });
    const chunks = [];
    child.stdout.on('data', (chunk) => chunks.push(chunk));
    child.on('error', reject);
    child.on('close', () => resolve(Buffer.concat(chunks).toString('utf8')));
    child.stdin.end(text);
  });
}
