import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { expect, inject, it, onTestFinished } from 'vitest';
import { generateGrafana } from '../../scripts/ops/grafana.ts';
import { freePort } from '../../scripts/stack/ports.ts';
import { certificateFolder } from '../gateway/listeners/certificate-folder.ts';
import { startGatewayProcess } from '../support/gateway/gateway-process.ts';
import { rulesFile, withoutPrometheus } from './prometheus.ts';

const run = promisify(execFile);
const expressions = Array.from(
  generateGrafana().matchAll(/"expr": (".*")/g),
  ([, text = '']) => JSON.parse(text) as string,
);

function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'metrics-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return folder;
}

/** Each metric of a gateway with every optional part: workers, TLS and Redis. */
async function readMetricNames(): Promise<Set<string>> {
  const { certificateFile, keyFile } = certificateFolder();
  const gateway = startGatewayProcess({
    GATEWAY_DATABASE_URL: inject('stack').gatewayDbUrl,
    GATEWAY_PORT: '0',
    GATEWAY_METRICS_PORT: '0',
    GATEWAY_TLS_PORT: '0',
    GATEWAY_TLS_CERT_FILE: certificateFile,
    GATEWAY_TLS_KEY_FILE: keyFile,
    GATEWAY_SPOOL_DIR: join(temporaryFolder(), 'spool'),
    GATEWAY_WORKERS: '2',
    GATEWAY_DRAIN_MS: '0',
    REDIS_URL: `redis://127.0.0.1:${await freePort()}`,
  });
  onTestFinished(async () => void (await gateway.kill()));
  const { operationsUrl } = await gateway.ready();
  const text = await (await fetch(`${operationsUrl}/metrics`)).text();
  const types = [...text.matchAll(/^# TYPE (\w+) (\w+)$/gm)];
  return new Set(
    types.map(([, name, type]) => (type === 'histogram' ? `${name}_bucket` : `${name}`)),
  );
}

it('the alerts and the dashboard query only metrics that a gateway has', async () => {
  const asked = [readFileSync(rulesFile, 'utf8'), ...expressions].join('\n');
  const names = new Set(asked.match(/\b(gateway|process|nodejs)_\w+/g));
  expect(names.size).toBeGreaterThan(30);
  const there = await readMetricNames();
  expect([...names].filter((name) => !there.has(name))).toEqual([]);
});

it.skipIf(withoutPrometheus)('the dashboard’s expressions are valid PromQL', async () => {
  const file = join(temporaryFolder(), 'rules.yml');
  const rules = expressions.map((expr, at) => ({
    record: `dashboard:${at}`,
    expr: expr.replaceAll('$__rate_interval', '5m').replaceAll('$instance', '.*'),
  }));
  writeFileSync(file, JSON.stringify({ groups: [{ name: 'dashboard', rules }] }));
  await expect(run('promtool', ['check', 'rules', file])).resolves.toBeDefined();
});
