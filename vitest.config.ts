import { defineConfig } from 'vitest/config';
import { SlowestFirst } from './test/slowest-first.ts';

const unit = 'test/**/*.unit.test.ts';

/** What a test needs says in which project it is: `npm test -- --project database` runs one. */
const projects = {
  system: [
    'test/*.test.ts',
    'test/archive/*.test.ts',
    'test/stack/*.test.ts',
    'test/verify/*.test.ts',
    'test/packages/*.test.ts',
    'test/ops/*.test.ts',
    'test/deliver/*.test.ts',
    'test/docs/readme.test.ts',
    'test/dashboard/*.test.ts',
  ],
  browser: ['test/dashboard/browser/*.test.ts'],
  gateway: ['test/gateway/**/*.test.ts'],
  database: ['test/database/**/*.test.ts'],
  http: [
    'test/functions/**/*.test.ts',
    'test/supabase-js/*.test.ts',
    'test/clients/*.test.ts',
    'test/description/*.test.ts',
    'test/stack/auth/*.test.ts',
    'test/docs/*.test.ts',
  ],
};

const test = {
  setupFiles: ['test/setup.ts'],
  // a hang is a failure; how long a machine takes is not
  testTimeout: 120_000,
  hookTimeout: 120_000,
  expect: { poll: { timeout: 90_000 } },
  // modules are loaded once for each worker, not once for each file
  isolate: false,
};

const browser = {
  globalSetup: ['test/dashboard/browser/provide-chromium.ts'],
  // a browser, a stack and other tests share a small machine; a hang is still a failure
  testTimeout: 300_000,
};

export default defineConfig({
  test: {
    globalSetup: ['test/description/provide-description.ts', 'test/global-setup.ts'],
    // more than cores: most tests wait for other processes
    maxWorkers: 3,
    sequence: { sequencer: SlowestFirst },
    projects: [
      ...Object.entries(projects).map(([name, include]) => ({
        test: {
          ...test,
          name,
          include,
          exclude: [unit, ...(name === 'http' ? ['test/docs/readme.test.ts'] : [])],
          ...(name === 'browser' ? browser : {}),
        },
      })),
      { test: { ...test, name: 'unit', include: [unit] } },
    ],
  },
});
