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
    // Processes, not threads: tests send signals, change folders and open databases.
    pool: 'forks',
    testTimeout: 20_000,
    hookTimeout: 20_000,
    // Tests of the program wait for it most of the time, so two cores serve more of them.
    maxWorkers: 3,
  },
});
