import { defineConfig } from 'vitest/config';

export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: ['test/global-setup.ts', 'test/description/provide-description.ts'],
    setupFiles: ['test/setup.ts'],
    // a hang is a failure; how long a machine takes is not
    testTimeout: 120_000,
    hookTimeout: 120_000,
    expect: { poll: { timeout: 90_000 } },
    // more than cores: most tests wait for other processes
    maxWorkers: 3,
  },
});
