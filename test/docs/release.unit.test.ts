import { createHash } from 'node:crypto';
import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, it } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { describeApi } from '../../scripts/api-description.ts';
import { migrationsFolder } from '../../scripts/schemas.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';

/** SHA-256 of each migration of a release. A release adds a line; no line ever changes. */
const released: [file: string, sha256: string][] = [
  ['20261122000000_1_0_0.sql', 'acdad43395af6ec299f3e662c1af27a04ae405ce536c30203d12789b476e921f'],
];

it.each(released)('%s is as it was released: projects have applied it', (file, sha256) => {
  const text = readFileSync(join(migrationsFolder, file));
  expect(createHash('sha256').update(text).digest('hex')).toBe(sha256);
});

it('a later migration sorts after the released ones, so that `supabase db push` accepts it', () => {
  const files = readdirSync(migrationsFolder).sort();
  expect(files.slice(0, released.length)).toEqual(released.map(([file]) => file));
});

it('the package, the API description, the changelog and the README have the same version', async () => {
  const { info } = (await describeApi()) as { info: { version: string } };
  expect(info.version).toBe(packageJson.version);
  const changelog = readFileSync(join(projectRoot, 'CHANGELOG.md'), 'utf8');
  const [, newest] = /^## \[(\d+\.\d+\.\d+)\]/m.exec(changelog) ?? [];
  expect(newest).toBe(packageJson.version);
  const readme = readFileSync(join(projectRoot, 'README.md'), 'utf8');
  expect(readme).toContain(`Version ${packageJson.version}.`);
});
