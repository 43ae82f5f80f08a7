import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import type { Report } from '../scripts/bench/report.ts';
import { projectRoot } from '../scripts/stack/project-root.ts';

const routes = [
  'mint',
  'list (3 keys)',
  'rotate',
  'delete',
  'usage (3 keys)',
  'reactivate',
  'health',
];

const comparisons = [
  ...[1, 8].flatMap((connections) => routes.map((route) => `routes ${route} ${connections}`)),
  'sql mint_proxy_key',
  'sql rotate_proxy_key',
  'sql lookup_proxy_key',
  'flat list 1',
  'flat list_proxy_keys',
  'flat usage 1',
  'flat proxy_usage_summary',
];

test('a quick run of the benchmarks measures everything and writes finite, positive figures', async () => {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-keys-report-'));
  const file = join(folder, 'report.json');
  try {
    await promisify(execFile)(process.execPath, ['scripts/bench.ts', '--quick', '--json', file], {
      cwd: projectRoot,
    });
    const report = JSON.parse(readFileSync(file, 'utf8')) as Report;

    const measured = report.comparisons.map(({ group, name, connections }) =>
      [group, name, connections].filter((part) => part !== undefined).join(' '),
    );
    expect(measured).toEqual(comparisons);
    expect(report.database?.fsync).toBe('on');
    const figures = [
      ...report.comparisons.flatMap(({ ratio, aim, candidate, baseline }) => [
        ratio,
        aim,
        ...Object.values(candidate),
        ...Object.values(baseline),
      ]),
      ...Object.values(report.load ?? {}),
      ...Object.values(report.starts?.first ?? {}),
      ...Object.values(report.starts?.second ?? {}),
    ];
    expect(figures).toHaveLength(comparisons.length * 8 + 2 + 3 + 3);
    expect(figures.filter((figure) => !(Number.isFinite(figure) && figure > 0))).toEqual([]);
    for (const { verdict, ratio, aim } of report.comparisons) {
      expect(verdict).toBe(ratio <= aim ? 'ok' : 'over');
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
});

test('the floor runs on the same packages as the API', () => {
  const packages = (path: string) => readFileSync(join(projectRoot, path, 'deno.json'), 'utf8');
  expect(packages('scripts/bench/floor')).toBe(packages('supabase/functions/api'));
});

test('an unknown group is refused with the usage before anything is started', async () => {
  const run = promisify(execFile)(process.execPath, ['scripts/bench.ts', '--only', 'everything'], {
    cwd: projectRoot,
  });
  await expect(run).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--only <group>'),
  });
});
