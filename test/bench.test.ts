import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, test } from 'vitest';
import { worstRequests } from '../scripts/bench/edge/worst-requests.ts';
import { burdens } from '../scripts/bench/gateway/neighbours.ts';
import { haveSquid } from '../scripts/bench/gateway/proxies.ts';
import type { Report } from '../scripts/bench/report.ts';
import { routes } from '../scripts/bench/route-calls.ts';
import { chromiumPath } from '../scripts/chromium.ts';
import { projectRoot } from '../scripts/stack/project-root.ts';
import { openRoutes, protectedRoutes } from './support/contract.ts';

const routeNames = routes.map(({ name }) => name);

/** Once against a bare relay, and once against Squid if it is installed. */
const againstPeers = (name: string) => (haveSquid ? [name, name] : [name]);

const comparisons = [
  ...[1, 8].flatMap((connections) => routeNames.map((name) => `routes ${name} ${connections}`)),
  'sql mint_proxy_key',
  'sql rotate_proxy_key',
  'sql lookup_proxy_key',
  'fairness 20 users mint at once',
  'flat list_proxy_keys',
  'flat proxy_usage_summary',
  'flat proxy_account of 20 keys',
  'flat proxy_usage_summary of 20 keys',
  'flat proxy_usage_series of 20 keys',
  'flat proxy_usage_targets of 20 keys',
  'flat proxy_usage_outcomes of 20 keys',
  'flat keys: page 2',
  'flat events: page 2',
  ...againstPeers('gateway CONNECT 1'),
  ...[64, 256].flatMap((connections) => againstPeers(`gateway 1,000 CONNECTs ${connections}`)),
  ...againstPeers('gateway download 200 MB 1'),
  'gateway download 200 MB 8',
  'gateway upload 200 MB 1',
  'gateway upload 200 MB 8',
  ...burdens.map(({ name }) => `gateway CONNECT beside ${name}: p95`),
  ...[100, 1_000].flatMap((events) =>
    [1, 4, 8].map((connections) => `metering ${events} of 10 keys ${connections}`),
  ),
  ...(chromiumPath ? ['show', 'search', 'sort'] : []).map((step) => `dashboard ${step}: 20 keys`),
];
const figures = [
  'gateway 20 open tunnels',
  'gateway 20 open tunnels of a bare relay',
  'gateway 100 cached keys',
  'revocation rotate: last acceptance, from the answer on',
  'revocation delete: last acceptance, from the answer on',
  'revocation delete: end of open tunnels, from the answer on',
  ...(chromiumPath ? ['dashboard longest task of the list (0: under 50)'] : []),
  ...['alone', 'beside 30 others'].map((where) => `delivery 20 healthy receivers, ${where}`),
  'starts median of 1',
];

const somebody = { id: 'user', token: '', claims: '' };
const busyWebhook = { webhook: 'webhook', delivery: 'delivery' };
const worst = worstRequests({
  user: somebody,
  key: 'key',
  admin: somebody,
  webhooks: { own: busyWebhook, operator: busyWebhook },
});

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
    expect(report.database.fsync).toBe('on');
    const compared = report.comparisons.flatMap(({ ratio, aim, candidate, baseline }) => [
      ratio,
      aim ?? 1,
      ...Object.values(candidate),
      ...Object.values(baseline),
    ]);
    expect(compared).toHaveLength(comparisons.length * 8);
    expect(compared.filter((value) => !(Number.isFinite(value) && value > 0))).toEqual([]);
    for (const { verdict, ratio, aim } of report.comparisons) {
      expect(verdict).toBe(aim === null ? null : ratio <= aim ? 'ok' : 'over');
    }
    expect(report.figures.map(({ group, name }) => `${group} ${name}`)).toEqual(figures);
    // these may be negative: memory pages come and go, and a delay may end before the answer
    for (const { name, values } of report.figures) {
      expect(Object.values(values).every(Number.isFinite), name).toBe(true);
      expect(Object.values(values).length, name).toBeGreaterThanOrEqual(2);
    }
    const uses = process.platform === 'linux' ? worst.map(({ name }) => name) : [];
    expect(report.uses.map(({ name }) => name)).toEqual(uses);
    for (const { name, cpuMilliseconds, idleMegabytes, peakMegabytes } of report.uses) {
      expect(cpuMilliseconds, name).toBeGreaterThan(0);
      expect(peakMegabytes, name).toBeGreaterThanOrEqual(idleMegabytes);
    }
  } finally {
    rmSync(folder, { recursive: true });
  }
}, 600_000);

test('the worst case of every route is measured', () => {
  const routes = [
    ...openRoutes.map((path) => `GET ${path}`),
    ...protectedRoutes.map(
      ({ method, path }) =>
        `${method} ${path.replaceAll(/:(id|webhook|delivery)/g, (_, name) => (name === 'id' ? 'key' : name))}`,
    ),
  ];
  const measured = worst.map(({ method, path }) => `${method} ${path.split('?')[0]}`);
  expect(measured).toEqual(expect.arrayContaining(routes));
});

test('the floor runs on the same packages as the API', () => {
  const packages = (path: string) => readFileSync(join(projectRoot, path, 'deno.json'), 'utf8');
  expect(packages('scripts/bench/floor')).toBe(packages('supabase/functions/api'));
});

test('an unknown group is refused with the usage before anything starts', async () => {
  const run = promisify(execFile)(process.execPath, ['scripts/bench.ts', '--only', 'everything'], {
    cwd: projectRoot,
  });
  await expect(run).rejects.toMatchObject({
    code: 1,
    stderr: expect.stringContaining('--only <group>'),
  });
});
