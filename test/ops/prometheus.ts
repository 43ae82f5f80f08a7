import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { freePort } from '../../scripts/stack/ports.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { isOnPath } from '../gateway/clients/client.ts';

/** Whether to skip tests of Prometheus: not on the PATH, and `REQUIRE_PROMTOOL` is not set. */
export const withoutPrometheus = !isOnPath('promtool') && !process.env.REQUIRE_PROMTOOL;

export const rulesFile = join(projectRoot, 'ops/prometheus/proxy-keys.rules.yml');

/** The names of all alerts, in file order. */
export function alertNames(): string[] {
  const rules = readFileSync(rulesFile, 'utf8');
  return Array.from(rules.matchAll(/^ +- alert: (\w+)$/gm), ([, name = '']) => name);
}

/** A firing alert; without an instance if it is about all of them. */
export interface FiringAlert {
  name: string;
  instance: string | undefined;
}

/** A Prometheus for one test. */
export interface Prometheus {
  firing(): Promise<FiringAlert[]>;
  stop(): Promise<void>;
}

/** Starts one with these rules that scrapes these hosts and ports each second. */
export async function startPrometheus(targets: string[], rules: string): Promise<Prometheus> {
  const folder = mkdtempSync(join(tmpdir(), 'prometheus-'));
  const port = await freePort();
  writeFileSync(join(folder, 'rules.yml'), rules);
  // YAML accepts JSON
  const configuration = {
    global: { scrape_interval: '1s', scrape_timeout: '1s', evaluation_interval: '1s' },
    rule_files: ['rules.yml'],
    scrape_configs: [{ job_name: 'proxy-keys-gateway', static_configs: [{ targets }] }],
  };
  writeFileSync(join(folder, 'prometheus.yml'), JSON.stringify(configuration));
  const child = spawn(
    'prometheus',
    [
      `--config.file=${join(folder, 'prometheus.yml')}`,
      `--storage.tsdb.path=${join(folder, 'data')}`,
      `--web.listen-address=127.0.0.1:${port}`,
      // a prefix, because the tests check each answer under /api/v1 against our description
      '--web.route-prefix=/prometheus',
      '--log.level=error',
    ],
    { stdio: ['ignore', 'ignore', 'inherit'] },
  );
  await once(child, 'spawn');
  const ended = once(child, 'exit');
  return {
    async firing() {
      const answer = await fetch(`http://127.0.0.1:${port}/prometheus/api/v1/alerts`);
      const { data } = (await answer.json()) as {
        data: { alerts: { state: string; labels: Record<string, string> }[] };
      };
      return data.alerts
        .filter(({ state }) => state === 'firing')
        .map(({ labels }) => ({ name: labels.alertname ?? '', instance: labels.instance }));
    },
    async stop() {
      child.kill('SIGKILL');
      await ended;
      rmSync(folder, { recursive: true });
    },
  };
}
