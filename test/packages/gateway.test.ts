import { execFile } from 'node:child_process';
import { mkdtempSync, readdirSync, rmSync, symlinkSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it, onTestFinished, vi } from 'vitest';
import packageJson from '../../package.json' with { type: 'json' };
import { pack, type Tarball } from '../../scripts/packages/pack.ts';
import { projectRoot } from '../../scripts/stack/project-root.ts';
import { plainRequest, sendRaw } from '../support/gateway/gateway-fixture.ts';
import { startGatewayProcess, workersOf } from '../support/gateway/gateway-process.ts';
import { startPlainTarget } from '../support/gateway/targets.ts';
import { type OwnDatabase, startOwnDatabase } from '../support/own-stack.ts';

// An operator installs the gateway from its tarball, on a server without a checkout.

const run = promisify(execFile);
const server = mkdtempSync(join(tmpdir(), 'an operator '));
const installed = join(server, 'node_modules', 'proxy-keys-gateway');
const command = join(server, 'node_modules', '.bin', 'proxy-keys-gateway');
let tarball: Tarball;
let own: OwnDatabase;

beforeAll(async () => {
  [tarball, own] = await Promise.all([pack('proxy-keys-gateway', server), startOwnDatabase()]);
  writeFileSync(join(server, 'package.json'), '{"private": true}');
  // works offline, because it has no dependencies
  await run('npm', ['install', '--offline', tarball.path], { cwd: server });
});

afterAll(async () => {
  rmSync(server, { recursive: true });
  await own.stop();
});

const call = (args: string[], env: Record<string, string> = {}) =>
  run(command, args, { cwd: server, env: { PATH: process.env.PATH, ...env } });

describe('the gateway from its package', () => {
  it('is plain JavaScript without dependencies, under 15 MB', () => {
    expect(tarball.unpackedBytes).toBeLessThan(15e6);
    expect(readdirSync(join(server, 'node_modules')).filter((name) => name[0] !== '.')).toEqual([
      'proxy-keys-gateway',
    ]);
    const files = readdirSync(installed, { recursive: true }).map(String);
    expect(files.filter((name) => name.endsWith('.ts') || name.endsWith('.node'))).toEqual([]);
  });

  it.each(['1', '2'])('serves traffic with %s process(es)', async (workers) => {
    const [[key], target] = await Promise.all([own.newKeys(1), startPlainTarget()]);
    onTestFinished(() => target.close());
    const gateway = startGatewayProcess(
      {
        GATEWAY_DATABASE_URL: own.gatewayDbUrl,
        GATEWAY_PORT: '0',
        GATEWAY_METRICS_PORT: '0',
        GATEWAY_SPOOL_DIR: join(server, `spool-${workers}`),
        GATEWAY_ALLOW_TARGETS: '127.0.0.0/8',
        GATEWAY_WORKERS: workers,
      },
      { node: process.env.NODE_22_BIN ?? process.execPath, script: command },
    );
    onTestFinished(async () => void (await gateway.kill()));
    const { port, operationsUrl } = await gateway.ready();
    await vi.waitFor(async () => expect((await fetch(`${operationsUrl}/readyz`)).status).toBe(200));
    expect(workersOf(gateway)).toHaveLength(workers === '1' ? 0 : 2);
    const answer = await sendRaw(
      port,
      plainRequest(`http://127.0.0.1:${target.port}/hello`, `${key?.keyId}:${key?.secret}`),
    );
    expect(answer.status).toBe(200);
    expect(await gateway.stop()).toBe(0);
  });

  it('prints its version, and the usage of its commands', async () => {
    expect((await call(['--version'])).stdout).toBe(`${packageJson.version}\n`);
    for (const name of ['--help', 'login --help', 'maintain --help']) {
      const { stdout } = await call(name.split(' '));
      expect(stdout).toContain(`proxy-keys-gateway ${name.replace('--help', '')}`);
      expect(stdout).not.toContain('npm run');
    }
    await expect(call(['mantain'])).rejects.toMatchObject({ code: 1 });
  });

  it('maintains the database in DATABASE_URL, and no other', async () => {
    const { stdout } = await call(['login', 'list'], { DATABASE_URL: own.dbUrl });
    expect(stdout).toContain('proxy_gateway_local');
    const { stdout: reports } = await call(['maintain'], { DATABASE_URL: own.dbUrl });
    expect(reports).toMatch(/^reconcile/m);
    await expect(call(['maintain'])).rejects.toMatchObject({
      code: 1,
      stderr: expect.stringContaining('DATABASE_URL is not set.'),
    });
  });

  it('archives if DuckDB is installed beside it, and otherwise says how to install it', async () => {
    const archive = ['maintain', '--archive', join(server, 'archive')];
    const environment = { DATABASE_URL: own.dbUrl };
    await expect(call(archive, environment)).rejects.toMatchObject({
      stdout: expect.stringContaining('npm install @duckdb/node-api'),
    });
    symlinkSync(join(projectRoot, 'node_modules/@duckdb'), join(server, 'node_modules/@duckdb'));
    expect((await call(archive, environment)).stdout).not.toContain('npm install');
  });
});
