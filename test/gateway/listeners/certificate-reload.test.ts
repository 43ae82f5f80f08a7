import { X509Certificate } from 'node:crypto';
import { once } from 'node:events';
import { mkdtempSync, rmSync, truncateSync } from 'node:fs';
import type { Socket } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { TLSSocket } from 'node:tls';
import { pino } from 'pino';
import { afterAll, beforeAll, describe, expect, inject, it, onTestFinished, vi } from 'vitest';
import { readConfiguration } from '../../../gateway/configuration.ts';
import { startGateway } from '../../../gateway/gateway.ts';
import { explainStartFailure } from '../../../gateway/start-failure.ts';
import { connectRequest, connectTo, sendRaw } from '../../support/gateway/gateway-fixture.ts';
import { startGatewayProcess } from '../../support/gateway/gateway-process.ts';
import { type KeyOwner, newKeyOwner } from '../../support/gateway/key-owner.ts';
import { startTcpTarget, type TargetServer } from '../../support/gateway/targets.ts';
import { connectOwner } from '../../support/personas.ts';
import { expectOpen } from '../keys/warm-gateway.ts';
import { certificateFolder } from './certificate-folder.ts';

const stack = inject('stack');
const sql = connectOwner();
const patient = { timeout: 60_000, interval: 50 };
const fingerprintOf = ({ cert }: { cert: string }) => new X509Certificate(cert).fingerprint256;
let owner: KeyOwner;
let echo: TargetServer;

beforeAll(async () => {
  [owner, echo] = await Promise.all([
    newKeyOwner(sql),
    startTcpTarget((socket) => socket.pipe(socket)),
  ]);
});

afterAll(async () => {
  await Promise.all([echo.close(), sql.end()]);
});

function environment(settings: Record<string, string>): Record<string, string> {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return {
    GATEWAY_DATABASE_URL: stack.gatewayDbUrl,
    GATEWAY_PORT: '0',
    GATEWAY_METRICS_PORT: '0',
    GATEWAY_SPOOL_DIR: join(folder, 'spool'),
    GATEWAY_ALLOW_TARGETS: '127.0.0.0/8',
    GATEWAY_DRAIN_MS: '0',
    ...settings,
  };
}

const tlsSettings = (files: { certificateFile: string; keyFile: string }) => ({
  GATEWAY_TLS_PORT: '0',
  GATEWAY_TLS_CERT_FILE: files.certificateFile,
  GATEWAY_TLS_KEY_FILE: files.keyFile,
});

/** Runs `node gateway/main.ts`; killed after the test. */
async function run(settings: Record<string, string>) {
  const gateway = startGatewayProcess(environment(settings));
  onTestFinished(async () => void (await gateway.kill()));
  const { port } = await gateway.ready();
  const lines = () => gateway.logged().map((line) => JSON.parse(line) as Record<string, unknown>);
  const { tlsUrl } = lines().find(({ msg }) => msg === 'taking CONNECTs') ?? {};
  const tlsPort = tlsUrl === undefined ? 0 : Number(new URL(String(tlsUrl)).port);
  return { ...gateway, port, tlsPort, lines };
}

/** The fingerprint of the certificate that a client gets now. */
async function fingerprintAt(port: number): Promise<string> {
  const socket = connectTo(port, { tls: {} }) as TLSSocket;
  await once(socket, 'secureConnect');
  const { fingerprint256 } = socket.getPeerCertificate();
  socket.destroy();
  return fingerprint256;
}

async function openTunnel(port: number, tls?: object): Promise<Socket> {
  const key = await owner.newKey();
  const asked = connectRequest(`127.0.0.1:${echo.port}`, key.basicAuth);
  const { status, socket } = await sendRaw(port, asked, tls ? { tls } : {});
  expect(status).toBe(200);
  return socket;
}

describe('while tunnels run', () => {
  it('certificates are replaced after SIGHUP or a change of their files; invalid ones are rejected', async () => {
    const files = certificateFolder();
    const first = files.write();
    const gateway = await run(tlsSettings(files));
    expect(await fingerprintAt(gateway.tlsPort)).toBe(fingerprintOf(first));
    const tunnels = [await openTunnel(gateway.tlsPort, {}), await openTunnel(gateway.port)];
    const expectUntouched = async () => {
      for (const tunnel of tunnels) await expectOpen(tunnel);
    };
    const logged = (line: object) =>
      vi.waitFor(
        () => expect(gateway.lines()).toContainEqual(expect.objectContaining(line)),
        patient,
      );
    const expectNext = async (next: { cert: string }) => {
      await vi.waitFor(async () => {
        expect(await fingerprintAt(gateway.tlsPort)).toBe(fingerprintOf(next));
      }, patient);
      await logged({ msg: 'certificate in use', fingerprint: fingerprintOf(next) });
      const { validTo } = new X509Certificate(next.cert);
      expect(await gateway.metric('gateway_tls_certificate_expires_seconds')).toBe(
        Date.parse(validTo) / 1_000,
      );
      await expectUntouched();
    };

    const second = files.write();
    gateway.child.kill('SIGHUP');
    await expectNext(second);

    const third = files.write({ validTo: new Date(Date.now() + 5 * 86_400_000) });
    await expectNext(third);
    await logged({ level: 40, msg: 'the certificate expires soon' });

    for (const [code, spoil] of [
      ['key_malformed', () => truncateSync(files.keyFile, 50)],
      ['certificate_expired', () => files.write({ validTo: new Date(Date.now() - 1_000) })],
    ] as const) {
      spoil();
      gateway.child.kill('SIGHUP');
      await logged({ level: 50, code, msg: 'the old certificate stays' });
      expect(await fingerprintAt(gateway.tlsPort)).toBe(fingerprintOf(third));
      await expectUntouched();
    }

    await expectNext(files.write());
    expect(await gateway.stop()).toBe(0);
    expect(gateway.stderr()).toBe('');
    expect(gateway.logged().join('\n')).not.toContain('PRIVATE KEY');
  });

  it('without TLS, SIGHUP changes nothing', async () => {
    const gateway = await run({});
    const tunnel = await openTunnel(gateway.port);
    for (let count = 0; count < 5; count += 1) gateway.child.kill('SIGHUP');
    await expectOpen(tunnel);
    expect(gateway.tlsPort).toBe(0);
    const metrics = await gateway.metric('gateway_tls_certificate_expires_seconds');
    expect(metrics).toBe(0);
    expect(await gateway.stop()).toBe(0);
  });

  it('SIGHUP before the gateway is ready does not end it', async () => {
    const gateway = startGatewayProcess(environment(tlsSettings(certificateFolder())));
    onTestFinished(async () => void (await gateway.kill()));
    // its first line, before anything listens
    await vi.waitFor(() => expect(gateway.logged()).not.toEqual([]), patient);
    gateway.child.kill('SIGHUP');
    await gateway.ready();
    expect(await gateway.stop()).toBe(0);
  });
});

it.each<[string, (files: ReturnType<typeof certificateFolder>) => void, 'certificate' | 'key']>([
  ['is missing', ({ certificateFile }) => rmSync(certificateFile), 'certificate'],
  ['is half written', ({ keyFile }) => truncateSync(keyFile, 50), 'key'],
  ['has expired', (files) => files.write({ validTo: new Date(0) }), 'certificate'],
])('a start with a file that %s is explained', async (_, spoil, which) => {
  const files = certificateFolder();
  spoil(files);
  const configuration = readConfiguration(environment(tlsSettings(files)));
  const error = await startGateway(configuration, { log: pino({ level: 'silent' }) }).then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
  const explained = explainStartFailure(error, configuration);
  expect(explained).toContain(which === 'key' ? files.keyFile : files.certificateFile);
  expect(explained).toContain('GATEWAY_TLS_CERT_FILE');
});

it('a start on a TLS port that is in use is explained, and leaves nothing open', async () => {
  const files = certificateFolder();
  const settings = { ...tlsSettings(files), GATEWAY_TLS_PORT: String(echo.port) };
  const configuration = readConfiguration(environment(settings));
  const error = await startGateway(configuration, { log: pino({ level: 'silent' }) }).then(
    () => expect.unreachable(),
    (error: unknown) => error,
  );
  expect(explainStartFailure(error, configuration)).toContain('set GATEWAY_TLS_PORT.');
});
