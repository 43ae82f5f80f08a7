import { readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import { projectRoot } from '../../scripts/stack/project-root.ts';

interface LockEntry {
  dev?: boolean;
  optional?: boolean;
  license?: string;
  integrity?: string;
}

const lockfile = readFileSync(join(projectRoot, 'package-lock.json'), 'utf8');
const { packages } = JSON.parse(lockfile) as { packages: Record<string, LockEntry> };
const entries = Object.entries(packages).filter(([path]) => path !== '');

const permissive =
  /^\(?(MIT|ISC|0BSD|BSD-[23]-Clause|Apache-2\.0|BlueOak-1\.0\.0|Unlicense|PSF-2\.0|Python-2\.0|CC0-1\.0)\)?$/;

/** Licenses of tools whose code and data no package of ours contains. */
const toolsOnly = ['MPL-2.0', 'WTFPL', 'CC BY-SA 4.0'];

it('each dependency has a license that permits our use', () => {
  const others = entries.filter(([, { license, dev, optional }]) => {
    // binaries of other platforms, whose license the lockfile could not read
    if (license === undefined) return !optional;
    if (toolsOnly.includes(license)) return !dev;
    return !license.split(/ (?:OR|and) /).every((one) => permissive.test(one));
  });
  expect(others).toEqual([]);
});

it('each dependency has a checksum, except unreachable binaries', () => {
  const without = entries.filter(([, { integrity }]) => integrity === undefined);
  expect(without.every(([, { optional }]) => optional)).toBe(true);
  expect(without.length).toBeLessThanOrEqual(10);
  expect(lockfile).not.toMatch(/"resolved": /);
});
