import { spawnSync } from 'node:child_process';
import { createHash, X509Certificate } from 'node:crypto';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { exampleUrl } from '../../../dashboard/src/connect/client.ts';
import { type ClientId, clientIds, snippetFor } from '../../../dashboard/src/connect/snippets.ts';
import type { UsageEvent } from '../../../dashboard/src/data/key.ts';
import { type GatewayFixture, startTestGateway } from '../../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner, type UsableKey } from '../../support/gateway/key-owner.ts';
import {
  startPlainTarget,
  startTlsTarget,
  type TargetServer,
  targetCertificate,
} from '../../support/gateway/targets.ts';
import { connectOwner } from '../../support/personas.ts';
import { isOnPath } from '../clients/client.ts';
import { type CertificateFolder, makeCertificateFolder } from '../listeners/certificate-folder.ts';
import { type Runner, runners, type Scene, wget } from './run-snippet.ts';

const sql = connectOwner();
let files: CertificateFolder;
let gateway: GatewayFixture;
let owner: KeyOwner;
let sites: { plain: TargetServer; tls: TargetServer };
let trust: Pick<Scene, 'trusted' | 'trustedKeys'>;

beforeAll(async () => {
  files = makeCertificateFolder();
  const { folder, certificateFile, keyFile } = files;
  const [plain, tls] = await Promise.all([startPlainTarget(), startTlsTarget()]);
  sites = { plain, tls };
  [owner, gateway] = await Promise.all([
    newKeyOwner(sql),
    startTestGateway({ tls: { port: 0, certificateFile, keyFile } }),
  ]);
  const certificates = [targetCertificate.cert, readFileSync(certificateFile, 'utf8')];
  const trusted = join(folder, 'trusted.pem');
  writeFileSync(trusted, certificates.join(''));
  trust = { trusted, trustedKeys: certificates.map(hashOfKey) };
});

afterAll(async () => {
  await Promise.all([gateway.stop(), sites.plain.close(), sites.tls.close(), sql.end()]);
  files.remove();
});

function hashOfKey(certificate: string): string {
  const { publicKey } = new X509Certificate(certificate);
  const der = publicKey.export({ type: 'spki', format: 'der' });
  return createHash('sha256').update(der).digest('base64');
}

/** The ports of a deployment, and whether the snippet shows the secret. */
const inClear = {
  way: 'in clear text, with the secret in the environment',
  overTls: false,
  shown: false,
};
const ways = [inClear, { way: 'over TLS, with the secret shown', overTls: true, shown: true }];

/** The program and arguments that check a snippet's syntax, and the file's name. */
const shell = ['bash', 'snippet.sh', '-n'];
const python = ['python3', 'snippet.py', '-m', 'py_compile'];
const node = ['node', 'proxy.mjs', '--check'];
const checkers: Partial<Record<ClientId, string[]>> = {
  curl: shell,
  environment: shell,
  undici: node,
  requests: python,
  httpx: python,
  scrapy: python,
  playwright: node,
  puppeteer: node,
};

/** Runs the snippet that a customer copies; returns its output. */
async function send(
  id: ClientId,
  runner: Runner,
  key: UsableKey,
  { overTls, shown }: typeof inClear,
): Promise<string> {
  const { port: httpPort, tlsPort: httpsPort } = gateway;
  const { keyId, secret } = key;
  const snippet = snippetFor(id, {
    gateway: { host: 'localhost', httpPort, ...(overTls ? { httpsPort } : {}) },
    keyId,
    ...(shown ? { secret } : {}),
  });
  const isPlain = overTls && !runner.tlsInTls;
  const site = isPlain
    ? `http://localhost:${sites.plain.port}/`
    : `https://localhost:${sites.tls.port}/`;
  const text = snippet?.text.replace(exampleUrl, site) ?? '';
  const env: Record<string, string> = shown ? {} : { PROXY_SECRET: secret };
  return inFolder((folder) => runner.run(text, { folder, site, env, ...trust }));
}

async function inFolder<T>(use: (folder: string) => T | Promise<T>): Promise<T> {
  const folder = mkdtempSync(join(tmpdir(), 'snippet-'));
  try {
    return await use(folder);
  } finally {
    rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
  }
}

/** The key's events at the site, once there are any; a browser may also call other hosts. */
function eventsOf({ id }: UsableKey): Promise<UsageEvent[]> {
  return vi.waitFor(async () => {
    const { data } = await owner.persona.supabase.rpc('list_proxy_key_events', { id });
    const all = (data?.items ?? []) as unknown as UsageEvent[];
    const events = all.filter((event) => event.target_host === 'localhost');
    expect(events).not.toEqual([]);
    return events;
  });
}

const inChromium: ClientId[] = ['playwright', 'puppeteer'];
const required = (id: ClientId) =>
  inChromium.includes(id) ? process.env.REQUIRE_CHROMIUM : process.env.REQUIRE_CLIENTS;
const run = clientIds.filter((id) => runners[id].installed || required(id));

describe.concurrent.each(run)('the snippet for %s', (id) => {
  it.each(ways)('gets a 200 through the gateway $way', async (way) => {
    const key = await owner.newKey();
    expect((await send(id, runners[id], key, way)).trim()).toBe('200');
    for (const event of await eventsOf(key)) {
      expect(event).toMatchObject({ status_code: 200, code: null });
    }
  });
});

describe('the snippet for environment', () => {
  it.skipIf(!wget.installed && !process.env.REQUIRE_CLIENTS)('works with wget', async () => {
    const key = await owner.newKey();
    expect(await send('environment', wget, key, inClear)).toMatch(/HTTP\/1.1 200/);
    expect(await eventsOf(key)).toHaveLength(1);
  });
});

describe('a snippet without its secret', () => {
  it.skipIf(!runners.curl.installed)('is refused by the gateway', async () => {
    const key = { ...(await owner.newKey()), secret: '' };
    await expect(send('curl', runners.curl, key, inClear)).rejects.toThrow('407');
  });
});

// a machine without a client can still check the snippet's syntax
const checkable = (id: ClientId) => {
  const [program] = checkers[id] ?? [];
  return !run.includes(id) && program !== undefined && isOnPath(program);
};

describe.each(clientIds.filter(checkable))('the snippet for %s', (id) => {
  it.each([undefined, 'a'.repeat(64)])('has valid syntax, with the secret %s', async (secret) => {
    const gateway = { host: 'gateway.example.com', httpPort: 7777, httpsPort: 7443 };
    const of = { gateway, keyId: 'avp_live_0123456789ab', ...(secret ? { secret } : {}) };
    const text = snippetFor(id, of)?.text ?? '';
    const [program = '', file = '', ...options] = checkers[id] ?? [];
    const { status, stderr } = await inFolder((folder) => {
      writeFileSync(join(folder, file), text);
      return spawnSync(program, [...options, file], { cwd: folder, encoding: 'utf8' });
    });
    expect([status, stderr]).toEqual([0, '']);
  });
});
