import { execFile } from 'node:child_process';
import { promisify } from 'node:util';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  type GatewayFixture,
  plainRequest,
  sendRaw,
  startTestGateway,
} from '../../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner, type UsableKey } from '../../support/gateway/key-owner.ts';
import { startPlainTarget, type TargetServer } from '../../support/gateway/targets.ts';
import { connectOwner } from '../../support/personas.ts';
import { overrideLimits } from '../../support/seeded-keys.ts';
import { isOnPath } from '../clients/client.ts';
import { type CertificateFolder, makeCertificateFolder } from '../listeners/certificate-folder.ts';
import { runReady } from '../workers/workers-scene.ts';
import { ask, basic, keyRequest } from './own-key-scene.ts';

const sql = connectOwner();
let files: CertificateFolder;
let gateway: GatewayFixture;
let site: TargetServer;
let owner: KeyOwner;
let key: UsableKey;

beforeAll(async () => {
  files = makeCertificateFolder();
  const { certificateFile, keyFile } = files;
  [gateway, site, owner] = await Promise.all([
    startTestGateway({ tls: { port: 0, certificateFile, keyFile } }),
    startPlainTarget(),
    newKeyOwner(sql),
  ]);
  key = await owner.newKey();
  await overrideLimits(sql, key.id, { rate_limit: 100_000 });
});
afterAll(async () => {
  await Promise.all([gateway.stop(), site.close(), sql.end()]);
  files.remove();
});

const send = (line: string, ...headers: string[]) =>
  ask(gateway.port, keyRequest([basic(key.basicAuth), ...headers], line));

describe('a request for /key', () => {
  it('gets the same answer over TLS as in clear text', async () => {
    const request = keyRequest([basic(key.basicAuth)]);
    const [plain, secured] = [
      await ask(gateway.port, request),
      await ask(gateway.tlsPort, request, { tls: {} }),
    ];
    expect(plain.key.keyId).toBe(key.keyId);
    expect(secured.key).toEqual(plain.key);
  });

  it('with HEAD gets only the head, of an answer and of a refusal', async () => {
    const asked = await send('GET /key HTTP/1.1');
    const head = await send('HEAD /key HTTP/1.1');
    expect([head.status, head.body]).toEqual([200, '']);
    expect(head.headers['content-length']).toBe(String(asked.body.length));
    const refused = await ask(gateway.port, keyRequest([], 'HEAD /key HTTP/1.1'));
    expect([refused.status, refused.body]).toEqual([401, '']);
  });

  it.each(['POST', 'PUT', 'DELETE', 'PATCH', 'OPTIONS', 'TRACE'])('%s is 405', async (method) => {
    const { status, code, headers } = await send(`${method} /key HTTP/1.1`);
    expect([status, code, headers.allow]).toEqual([405, 'method_not_allowed', 'GET, HEAD']);
  });

  it.each(['/', '/key/', '/key?x', '/key#x', '//key', '/KEY', '/k%65y', '/api/v1/proxy/keys', '*'])(
    'with %s for its target is 400',
    async (target) => {
      const { status, code } = await send(`GET ${target} HTTP/1.1`);
      expect([status, code]).toEqual([400, 'malformed_request']);
    },
  );

  it('without a Host is 400, except in HTTP/1.0', async () => {
    const without = (version: string) =>
      ask(gateway.port, `GET /key HTTP/${version}\r\n${basic(key.basicAuth)}\r\n\r\n`);
    expect((await without('1.1')).code).toBe('malformed_request');
    expect((await without('1.0')).key.keyId).toBe(key.keyId);
  });

  it('with a body, sent or announced, is answered, and nothing after it is', async () => {
    const body = 'GET /key HTTP/1.1\r\n';
    const length = `Content-Length: ${body.length}`;
    const request = keyRequest([basic(key.basicAuth), length]) + body + keyRequest([]);
    expect((await ask(gateway.port, request)).key.keyId).toBe(key.keyId);
    expect((await send('GET /key HTTP/1.1', length, 'Expect: 100-continue')).status).toBe(200);
  });

  it('with an upgrade is answered without the upgrade', async () => {
    const upgrade = ['Connection: Upgrade, HTTP2-Settings', 'Upgrade: h2c', 'HTTP2-Settings: AAA'];
    expect((await send('GET /key HTTP/1.1', ...upgrade)).key.keyId).toBe(key.keyId);
  });

  it('with the URL of a site is forwarded to that site', async () => {
    const url = `http://127.0.0.1:${site.port}/key`;
    const before = site.connections;
    const { status, socket } = await sendRaw(gateway.port, plainRequest(url, key.basicAuth));
    socket.destroy();
    expect(status).toBe(200);
    expect(site.connections).toBe(before + 1);
    const [event] = await owner.eventsOf(key, 1);
    expect(event).toMatchObject({ method: 'GET', status_code: 200, target_host: '127.0.0.1' });
  });
});

describe('common programs', () => {
  const run = async (program: string, args: string[]) => {
    const { PATH = '' } = process.env;
    const { stdout } = await promisify(execFile)(program, args, {
      env: { PATH, HOME: '/nonexistent' },
    });
    return stdout;
  };
  const url = () => `http://127.0.0.1:${gateway.port}/key`;

  it.skipIf(!isOnPath('curl'))('curl -u works in clear text, over TLS, and with HEAD', async () => {
    const quiet = ['-q', '--silent', '--show-error', '-u', key.basicAuth];
    const secured = `https://127.0.0.1:${gateway.tlsPort}/key`;
    for (const args of [[url()], ['--http2', url()], ['--anyauth', url()], ['-k', secured]]) {
      const { key: state } = JSON.parse(await run('curl', [...quiet, '--fail', ...args]));
      expect(state).toMatchObject({ keyId: key.keyId, bandwidthLimitBytes: 5_000_000_000 });
    }
    expect(await run('curl', [...quiet, '--head', url()])).toMatch(/^HTTP\/1.1 200 OK\r\n/);
    const wrong = `${key.keyId}:${'0'.repeat(64)}`;
    const status = ['-q', '--silent', '-w', '%{http_code}', '-o', '/dev/null'];
    expect(await run('curl', [...status, '-u', wrong, url()])).toBe('401');
  });

  it.skipIf(!isOnPath('wget'))(
    'wget works, though it only sends a password after a 401',
    async () => {
      const { keyId, secret } = key;
      const args = [
        '--no-config',
        '-q',
        '-O',
        '-',
        `--user=${keyId}`,
        `--password=${secret}`,
        url(),
      ];
      expect(JSON.parse(await run('wget', args)).key.keyId).toBe(keyId);
    },
  );

  it('fetch works', async () => {
    const authorization = basic(key.basicAuth).replace('Authorization: ', '');
    const response = await fetch(url(), { headers: { authorization } });
    expect(await response.json()).toMatchObject({ key: { keyId: key.keyId } });
  });
});

it('a gateway of several processes answers for all of them', async () => {
  const { port } = await runReady();
  const other = await owner.newKey();
  await overrideLimits(sql, other.id, { rate_limit: 1_000 });
  const tunnels = await Promise.all(
    Array.from({ length: 10 }, () => {
      const [head] = plainRequest('http://x/', other.basicAuth).split('\r\n\r\n');
      const line = `CONNECT 127.0.0.1:${site.port} HTTP/1.1`;
      return sendRaw(port, `${head?.replace(/^.*/, line)}\r\n\r\n`);
    }),
  );
  expect(tunnels.map(({ status }) => status)).toEqual(Array(10).fill(200));
  const answers = await Promise.all(
    Array.from({ length: 20 }, () => ask(port, keyRequest([basic(other.basicAuth)]))),
  );
  expect(answers.map(({ key: state }) => state?.openTunnels)).toEqual(Array(20).fill(10));
  const refused = await ask(port, keyRequest([basic(`${other.keyId}:${'0'.repeat(64)}`)]));
  expect([refused.status, refused.code]).toEqual([401, 'credentials_required']);
  await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${other.id}`;
  await expect
    .poll(async () => (await ask(port, keyRequest([basic(other.basicAuth)]))).code)
    .toBe('key_suspended');
  for (const { socket } of tunnels) socket.on('error', () => {}).destroy();
});
