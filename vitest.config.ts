import { readFileSync } from 'node:fs';
import { defineConfig } from 'vitest/config';

const { version } = JSON.parse(readFileSync(new URL('package.json', import.meta.url), 'utf8')) as {
  version: string;
};

export default defineConfig({
  define: { __VERSION__: JSON.stringify(version) },
  test: {
    include: ['test/**/*.test.ts'],
    exclude: ['test/soak/**'],
    globalSetup: ['test/helpers/postgres-setup.ts'],
    // Processes, not threads: tests send signals, change folders and open databases.
    pool: 'forks',
    // A fork serves many files: what they import is read once. No test changes what the others see.
    isolate: false,
    // Generous ends: a slow or busy machine fails no test, only what never comes does.
    testTimeout: 180_000,
    hookTimeout: 180_000,
    expect: { poll: { timeout: 60_000 } },
    // Tests of the program wait for it most of the time, so two cores serve more of them.
    maxWorkers: 5,
  },
});
