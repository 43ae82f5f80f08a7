import { execFile } from 'node:child_process';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { describe, expect, inject, it, onTestFinished } from 'vitest';
import { freePort } from '../../scripts/stack/ports.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { isOnPath } from '../gateway/clients/client.ts';

// An operator runs the package under systemd or in a container.

const run = promisify(execFile);
const unit = readFileSync(join(projectRoot, 'ops/systemd/proxy-keys-gateway.service'), 'utf8');
const containerfile = readFileSync(join(projectRoot, 'ops/container/Containerfile'), 'utf8');

const withoutSystemd = !isOnPath('systemd-analyze') && !process.env.REQUIRE_SYSTEMD;

describe.skipIf(withoutSystemd)('the systemd unit', () => {
  /** The unit with an existing program in place of the gateway. */
  function unitFile(): string {
    const folder = mkdtempSync(join(tmpdir(), 'unit-'));
    onTestFinished(() => rmSync(folder, { recursive: true }));
    const file = join(folder, 'proxy-keys-gateway.service');
    writeFileSync(file, unit.replace(/^ExecStart=.*$/m, 'ExecStart=/bin/true'));
    return file;
  }

  it('is accepted by systemd without a warning', async () => {
    const { stderr } = await run('systemd-analyze', ['verify', unitFile()]);
    expect(stderr).not.toContain('proxy-keys-gateway');
  });

  it('has the lowest exposure that a gateway allows', async () => {
    // out of 100; systemd rates up to 20 as OK
    const args = ['security', '--offline=true', '--threshold=15', '--no-pager', unitFile()];
    await expect(run('systemd-analyze', args)).resolves.toBeDefined();
  });
});

describe('the container', () => {
  const health = JSON.parse(/^ {2}CMD (\[.*\])$/m.exec(containerfile)?.[1] ?? '[]') as string[];

  it('is healthy only while its gateway runs', async () => {
    const check = (port: string) =>
      run(process.execPath, health.slice(1), { env: { GATEWAY_METRICS_PORT: port } });
    await expect(check(new URL(inject('stack').gatewayMetricsUrl).port)).resolves.toBeDefined();
    await expect(check(String(await freePort()))).rejects.toMatchObject({ code: 1 });
  });

  it('starts the built package, as the unit does', () => {
    const script = '/opt/proxy-keys/node_modules/proxy-keys-gateway/proxy-keys-gateway.js';
    expect(containerfile).toContain(`"${script}"]`);
    expect(unit).toContain(`ExecStart=/usr/bin/node --initial-heap-size=256 ${script}\n`);
  });
});
