import { defineConfig } from 'vitest/config';
import config from './vitest.config.ts';

/** `npm run soak`: what takes too long for `npm test`. */
export default defineConfig({
  ...config,
  test: { ...config.test, include: ['test/soak/*.test.ts'], exclude: [] },
});
