import { mkdirSync, readdirSync, readFileSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { afterAll, beforeAll, beforeEach, expect, test } from 'vitest';
import { readBuildRecord } from '../../scripts/dashboard/build-record.ts';
import { buildsFolder, runBuild } from '../support/stack/build-command.ts';
import { copyDashboard, type DashboardCopy } from '../support/stack/dashboard-copy.ts';

const { folder, remove } = buildsFolder();
let copy: DashboardCopy;
let output: string;
let count = 0;
beforeAll(async () => {
  copy = await copyDashboard(folder);
});
afterAll(remove);
beforeEach(() => {
  copy.write('document.title = "good";');
  mkdirSync(join(folder, `output-${++count}`));
  output = join(folder, `output-${count}`, 'dist');
});

const build = (environment: Record<string, string> = {}) =>
  runBuild(output, environment, copy.folder);
/** The folder that contains the output folder. */
const beside = () => readdirSync(join(output, '..'));

test.each([
  [
    { SUPABASE_URL: 'https://project.supabase.co' },
    /^Set all of SUPABASE_URL, .+ or none of them\.$/m,
  ],
  [
    {
      SUPABASE_URL: 'https://project.supabase.co',
      SUPABASE_PUBLISHABLE_KEY: 'sb_secret_0123',
      PROXY_GATEWAY_URL: 'http://gateway.example.com:7777',
    },
    /^SUPABASE_PUBLISHABLE_KEY must be .+/m,
  ],
])('an invalid deployment is explained, and nothing is built', async (environment, words) => {
  const { code, stdout, stderr } = await build(environment);
  expect([code, stdout]).toEqual([1, '']);
  expect(stderr).toMatch(words);
  expect(stderr).toContain('Correct the environment');
  expect(stderr).not.toMatch(/^\s+at |sb_secret_0123/m);
  expect(beside()).toEqual([]);
});

test('concurrent builds end as one complete build, which a failed build does not change', async () => {
  const ends = await Promise.all([build(), build(), build()]);
  expect(ends.map(({ code }) => code)).toEqual([0, 0, 0]);
  expect(beside()).toEqual(['dist']);
  const html = readFileSync(join(output, 'index.html'), 'utf8');
  const [, script = ''] = /src="\.\/([^"]+\.js)"/.exec(html) ?? [];
  expect(readFileSync(join(output, script), 'utf8')).toContain('good');
  expect(await readBuildRecord(output)).not.toBeNull();

  copy.write('import "./missing.ts";');
  const { code, stderr } = await build();
  expect(code).toBe(1);
  expect(stderr).toContain('dashboard/src/main.tsx');
  expect(stderr).toContain('missing.ts');
  expect(stderr).not.toMatch(/^\s+at /m);
  expect(readFileSync(join(output, 'index.html'), 'utf8')).toBe(html);
  expect(beside()).toEqual(['dist']);
});

test('a folder with other content is not replaced', async () => {
  mkdirSync(output);
  writeFileSync(join(output, 'thesis.txt'), 'years of work');
  const { code, stderr } = await build();
  expect(code).toBe(1);
  expect(stderr).toContain('DASHBOARD_OUT_DIR');
  expect(readdirSync(output)).toEqual(['thesis.txt']);
});

test('a build records its sources: a change to any of them changes the record, and building does not', async () => {
  // the hash that a build of the copy records, as the first and last one seen
  const { hashDashboardSources: sources } = (await import(
    join(copy.folder, 'scripts/dashboard/sources.ts')
  )) as typeof import('../../scripts/dashboard/sources.ts');
  const built = async () => {
    expect(await build()).toMatchObject({ code: 0 });
    return (await readBuildRecord(output))?.sources;
  };
  const seen = [await sources()];
  // builds inside the source folder, complete and unfinished
  for (const name of ['dist', 'dist.unfinished-1', 'dist.replaced-1']) {
    mkdirSync(join(copy.folder, 'dashboard', name));
    writeFileSync(join(copy.folder, 'dashboard', name, 'index.html'), 'a build');
  }
  expect(await built()).toBe(seen[0]);
  const append = (file: string, text: string) => {
    const path = join(copy.folder, file);
    writeFileSync(path, `${readFileSync(path, 'utf8')}${text}`);
  };
  for (const file of [
    'dashboard/src/main.tsx',
    'dashboard/index.html',
    'dashboard/vite.config.ts',
    'supabase/functions/_shared/database.types.ts',
    'supabase/functions/deliver/formats/sentence.ts',
    'package-lock.json',
    'tsconfig.json',
  ]) {
    append(file, '\n');
    const now = await sources();
    expect(seen).not.toContain(now);
    seen.push(now);
  }
  expect(await built()).toBe(seen.at(-1));
});
