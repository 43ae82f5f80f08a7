import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, expect, inject, onTestFinished, vi } from 'vitest';
import { connectRequest, type RawAnswer, sendRaw } from '../../support/gateway/gateway-fixture.ts';
import { type GatewayProcess, startGatewayProcess } from '../../support/gateway/gateway-process.ts';
import { type KeyOwner, newKeyOwner, type UsableKey } from '../../support/gateway/key-owner.ts';
import { startTcpTarget, type TargetServer } from '../../support/gateway/targets.ts';
import { connectOwner } from '../../support/personas.ts';
import { overrideLimits } from '../../support/seeded-keys.ts';

/** Enough that more than one worker gets some, however the kernel distributes them. */
export const many = 60;

/** A spool folder, removed after the test. */
export function spoolFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'spool');
}

/** Runs a gateway with three workers, or other settings; killed after the test. */
export function run(settings: Record<string, string> = {}): GatewayProcess {
  const gateway = startGatewayProcess({
    GATEWAY_DATABASE_URL: inject('stack').gatewayDbUrl,
    GATEWAY_PORT: '0',
    GATEWAY_METRICS_PORT: '0',
    GATEWAY_SPOOL_DIR: settings.GATEWAY_SPOOL_DIR ?? spoolFolder(),
    GATEWAY_ALLOW_TARGETS: '127.0.0.0/8',
    GATEWAY_WORKERS: '3',
    GATEWAY_DRAIN_MS: '0',
    ...settings,
  });
  onTestFinished(async () => void (await gateway.kill()));
  return gateway;
}

/** Runs a gateway and waits until it is ready. */
export async function runReady(settings?: Record<string, string>) {
  const gateway = run(settings);
  const { port, operationsUrl } = await gateway.ready();
  await vi.waitFor(async () => expect((await fetch(`${operationsUrl}/readyz`)).status).toBe(200), {
    timeout: 60_000,
  });
  return { gateway, port, operationsUrl };
}

/** A user with keys and an echo target, for the tests of a file. */
export function workersScene() {
  const sql = connectOwner();
  let owner: KeyOwner;
  let echo: TargetServer;
  beforeAll(async () => {
    [owner, echo] = await Promise.all([
      newKeyOwner(sql),
      startTcpTarget((socket) => socket.pipe(socket)),
    ]);
  });
  afterAll(() => Promise.all([echo.close(), sql.end()]));

  const request = (key: UsableKey) => connectRequest(`127.0.0.1:${echo.port}`, key.basicAuth);
  const open = (port: number, key: UsableKey): Promise<RawAnswer> => sendRaw(port, request(key));
  return {
    sql,
    owner: () => owner,
    async newKey(limits: Record<string, number>) {
      const key = await owner.newKey();
      await overrideLimits(sql, key.id, limits);
      return key;
    },
    /** A CONNECT to the target. */
    request,
    open,
    openMany: (port: number, key: UsableKey, count = many) =>
      Promise.all(Array.from({ length: count }, () => open(port, key))),
  };
}
