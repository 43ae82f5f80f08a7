import { existsSync } from 'node:fs';

const library = ['x86_64', 'aarch64']
  .map((machine) => `/usr/lib/${machine}-linux-gnu/faketime/libfaketime.so.1`)
  .find((file) => existsSync(file));

/** Whether to skip tests of clocks: no libfaketime installed, and `REQUIRE_FAKETIME` not set. */
export const withoutClocks = library === undefined && !process.env.REQUIRE_FAKETIME;

/** The environment of a process whose time of day is ahead, but not its monotonic clock. */
export function clockAhead(ms: number): Record<string, string> {
  if (library === undefined) throw new Error('libfaketime is not installed');
  return {
    LD_PRELOAD: library,
    FAKETIME: `+${ms / 1_000}`,
    FAKETIME_DONT_FAKE_MONOTONIC: '1',
  };
}
