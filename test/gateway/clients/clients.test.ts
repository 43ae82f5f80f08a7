import { execFile } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { readFileSync, writeFileSync } from 'node:fs';
import { mkdtemp, rm } from 'node:fs/promises';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { promisify } from 'node:util';
import postgres from 'postgres';
import { afterAll, beforeAll, describe, expect, inject, it, vi } from 'vitest';
import type { UsageEvent } from '../../../dashboard/src/data/key.ts';
import { type GatewayFixture, startTestGateway } from '../../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner } from '../../support/gateway/key-owner.ts';
import {
  startPlainTarget,
  startTlsTarget,
  targetCertificate,
} from '../../support/gateway/targets.ts';
import { type CertificateFolder, makeCertificateFolder } from '../listeners/certificate-folder.ts';
import { body } from './body.ts';
import { chromium } from './chromium.ts';
import type { Client, Trust } from './client.ts';
import { curl } from './curl.ts';
import { git } from './git.ts';
import { go } from './go.ts';
import { java } from './java.ts';
import { npm } from './npm.ts';
import { python } from './python.ts';
import { undici } from './undici.ts';
import { wget } from './wget.ts';

const stack = inject('stack');
const sql = postgres(stack.dbUrl, { onnotice: () => {} });
// the slowest first, because several run at once
const clients = [go, chromium, java, npm, git, ...python, wget, curl, undici].filter(
  ({ installed }) => installed || process.env.REQUIRE_CLIENTS,
);

const sum = (events: UsageEvent[], bytes: 'bytes_sent' | 'bytes_received') =>
  events.reduce((all, event) => all + event[bytes], 0);

const sites = [
  { kind: 'plain', start: startPlainTarget, scheme: 'http' },
  { kind: 'TLS', start: startTlsTarget, scheme: 'https' },
] as const;
let inClear: { url: string; trust: Trust };
let secured: typeof inClear;
let owner: KeyOwner;
let gateway: GatewayFixture;
let files: CertificateFolder;

beforeAll(async () => {
  files = makeCertificateFolder();
  const { folder, certificateFile, keyFile } = files;
  [owner, gateway] = await Promise.all([
    newKeyOwner(sql),
    startTestGateway({ tls: { port: 0, certificateFile, keyFile } }),
  ]);
  const targetFile = join(folder, 'target.pem');
  writeFileSync(targetFile, targetCertificate.cert);
  inClear = { url: stack.gatewayUrl, trust: { file: targetFile, proxyKey: undefined } };
  const cert = readFileSync(certificateFile, 'utf8');
  const publicKey = new X509Certificate(cert).publicKey.export({ type: 'spki', format: 'der' });
  const file = join(folder, 'trusted.pem');
  writeFileSync(file, targetCertificate.cert + cert);
  const proxyKey = createHash('sha256').update(publicKey).digest('base64');
  // by name, because a client may look for an address in the certificate
  secured = { url: `https://localhost:${gateway.tlsPort}`, trust: { file, proxyKey } };
});

afterAll(async () => {
  await Promise.all([gateway.stop(), sql.end()]);
  files.remove();
});

describe.concurrent.each(clients)('$name', (client: Client) => {
  const cases = ['clear text', 'TLS'].flatMap((listener) =>
    sites
      .filter(({ kind }) => listener !== 'TLS' || client.secured.includes(kind))
      .map((site) => ({ listener, ...site })),
  );
  it.each(cases)(
    'reads a $kind site through a proxy in $listener, and the owner sees the usage',
    async ({ listener, kind, start, scheme }) => {
      const key = await owner.newKey();
      const folder = await mkdtemp(join(tmpdir(), 'proxy-client-'));
      const answer = (await client.site?.(folder)) ?? ((_, response) => response.end(body));
      let requests = 0;
      const target = await start((request, response) => {
        requests += 1;
        return answer(request, response);
      });
      try {
        const { url, trust } = listener === 'TLS' ? secured : inClear;
        const proxy = url.replace('//', `//${key.basicAuth}@`);
        const site = `${scheme}://localhost:${target.port}`;
        // not toBe, which would print the whole difference
        expect((await client.read(proxy, site, folder, trust)) === body).toBe(true);

        const isPlain = kind === 'plain';
        const events = await vi.waitFor(
          async () => {
            const { data } = await owner.persona.supabase.rpc('list_proxy_key_events', {
              id: key.id,
              limit: 200,
            });
            const events = (data?.items ?? []) as unknown as UsageEvent[];
            const { received, sent } = target.bytes();
            expect(sum(events, 'bytes_sent')).toBe(received);
            expect(sum(events, 'bytes_received')).toBe(sent);
            return events;
          },
          { timeout: 60_000, interval: 100 },
        );
        // a request that continues into the next hour has a second row
        const started = events.filter(({ count }) => count === 1);
        expect(started).toHaveLength(isPlain ? requests : target.connections);
        const methods = [...new Set(events.map(({ method }) => method))].sort();
        expect(methods).toEqual(isPlain ? (client.methods ?? ['GET']) : ['CONNECT']);
        for (const event of events) {
          expect(event).toMatchObject({ target_host: 'localhost', status_code: 200 });
        }
        for (const { event_id } of started) {
          const rows = events.filter((event) => event.event_id === event_id);
          expect(sum(rows, 'bytes_sent') + sum(rows, 'bytes_received')).toBeGreaterThan(0);
        }
        // git and npm compress the body
        expect(target.bytes().sent).toBeGreaterThan(body.length / 2);
      } finally {
        await target.close();
        await rm(folder, { recursive: true });
      }
    },
  );
});

it.runIf(clients.includes(curl))('curl is asked to authenticate when it sends no key', async () => {
  const args = ['--silent', '--write-out', '%{http_connect}', '-x', stack.gatewayUrl];
  const attempt = promisify(execFile)('curl', [...args, 'https://localhost/']);
  await expect(attempt).rejects.toMatchObject({ stdout: '407' });
});
