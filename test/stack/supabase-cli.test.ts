import { readdirSync, readFileSync } from 'node:fs';
import { join } from 'node:path';
import { expect, inject, test } from 'vitest';
import { generateTypes, typesFile } from '../../scripts/database-types.ts';
import { generateRefusals, refusalsFile, refusalsPage } from '../../scripts/refusals.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { runSupabaseCli } from '../../scripts/stack/supabase-cli.ts';
import { type Finding, unexplained } from '../support/advisor-findings.ts';

const { dbUrl } = inject('stack');

/** Runs a command of the real CLI against the stack and returns its answer. */
async function cli<T>(...args: string[]): Promise<T> {
  const answer = await runSupabaseCli([...args, `--remote=${dbUrl}`, '--output-format=json']);
  return JSON.parse(answer) as T;
}

test('the CLI finds exactly the migrations of the checkout applied', async () => {
  const versions = readdirSync(join(projectRoot, 'supabase/migrations')).map(
    (file) => file.split('_')[0],
  );
  const { migrations } = await cli<{ migrations: unknown[] }>('migration', 'list');
  expect(migrations).toEqual(
    versions.sort().map((version) => expect.objectContaining({ local: version, remote: version })),
  );
});

test('the CLI finds nothing to push: no migration, no seed, no role', async () => {
  const answer = await cli('db', 'push', '--include-seed', '--include-roles');
  expect(answer).toMatchObject({ upToDate: true, migrations: [], seeds: [], roles: [] });
});

test('the committed files match those generated from the database', async () => {
  expect(await generateTypes(dbUrl)).toBe(readFileSync(typesFile, 'utf8'));
  const { code, page } = await generateRefusals(dbUrl);
  expect(code).toBe(readFileSync(refusalsFile, 'utf8'));
  expect(page).toBe(readFileSync(refusalsPage, 'utf8'));
});

test('the CLI’s advisors find nothing unexplained', async () => {
  const { results } = await cli<{ results: Finding[] }>('db', 'advisors', '--level=info');
  expect(unexplained(results)).toEqual([]);
});
