import { networkInterfaces } from 'node:os';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import { parseProxyRanges } from '../../../gateway/listeners/proxy-ranges.ts';
import {
  type ClientPlace,
  connectRequest,
  type GatewayFixture,
  readToEnd,
  sendRaw,
  startTestGateway,
} from '../../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner, type UsableKey } from '../../support/gateway/key-owner.ts';
import { startTcpTarget, type TargetServer } from '../../support/gateway/targets.ts';
import { connectOwner } from '../../support/personas.ts';
import { type CertificateFolder, makeCertificateFolder } from './certificate-folder.ts';
import { type Haproxy, startHaproxy, withoutHaproxy } from './haproxy.ts';

const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((address) => address?.address === '::1');

describe.skipIf(withoutHaproxy)('behind HAProxy', () => {
  const sql = connectOwner();
  let files: CertificateFolder;
  let gateway: GatewayFixture;
  let owner: KeyOwner;
  let echo: TargetServer;
  let balancers: { plain: Haproxy; TLS: Haproxy };

  beforeAll(async () => {
    files = makeCertificateFolder();
    const { certificateFile, keyFile } = files;
    [gateway, owner, echo] = await Promise.all([
      startTestGateway({
        tls: { port: 0, certificateFile, keyFile },
        proxyProtocolFrom: parseProxyRanges('127.0.0.2'),
      }),
      newKeyOwner(sql),
      startTcpTarget((socket) => socket.pipe(socket)),
    ]);
    const hosts = ['127.0.0.1', ...(hasIpv6 ? ['::1'] : [])];
    balancers = {
      plain: await startHaproxy(hosts, gateway.port),
      TLS: await startHaproxy(hosts, gateway.tlsPort),
    };
  });

  afterAll(async () => {
    await Promise.all([balancers.plain.stop(), balancers.TLS.stop()]);
    await Promise.all([gateway.stop(), echo.close(), sql.end()]);
    files.remove();
  });

  async function keyFor(...allowed: string[]): Promise<UsableKey> {
    const key = await owner.newKey();
    const { error } = await owner.persona.supabase.rpc('update_proxy_key', {
      id: key.id,
      changes: { allowed_ips: allowed },
    });
    expect(error).toBeNull();
    return key;
  }

  describe.each([
    ['plain', 'v1'],
    ['plain', 'v2'],
    ['TLS', 'v1'],
    ['TLS', 'v2'],
  ] as const)('on the %s listener, with %s', (listener, version) => {
    const ask = (key: UsableKey, place: ClientPlace) =>
      sendRaw(
        balancers[listener].ports[version],
        connectRequest(`127.0.0.1:${echo.port}`, key.basicAuth),
        { ...place, ...(listener === 'TLS' && { tls: {} }) },
      );

    it('a key’s allowlist applies to the clients’ own addresses', async () => {
      const key = await keyFor('127.0.0.5');
      const inside = await ask(key, { localAddress: '127.0.0.5', allowHalfOpen: true });
      expect(inside.status).toBe(200);
      inside.socket.end('x'.repeat(500_000));
      expect((await readToEnd(inside.socket)).length).toBe(500_000);
      const outside = await ask(key, { localAddress: '127.0.0.6' });
      expect([outside.status, outside.body.split(':')[0]]).toEqual([403, 'address_forbidden']);
      // HAProxy's own address
      const balancer = await ask(await keyFor('127.0.0.2'), { localAddress: '127.0.0.5' });
      expect(balancer.status).toBe(403);
    });

    it.skipIf(!hasIpv6)('a client may have an IPv6 address', async () => {
      const inside = await ask(await keyFor('::1'), { host: '::1' });
      expect(inside.status).toBe(200);
      inside.socket.destroy();
      expect((await ask(await keyFor('2001:db8::/32'), { host: '::1' })).status).toBe(403);
    });

    it('a client that sends a PROXY header itself is refused', async () => {
      const key = await keyFor('127.0.0.5');
      const spoofed = 'PROXY TCP4 127.0.0.5 127.0.0.1 51234 7777\r\n';
      const asked = spoofed + connectRequest(`127.0.0.1:${echo.port}`, key.basicAuth);
      const place = { localAddress: '127.0.0.6', ...(listener === 'TLS' && { tls: {} }) };
      const answer = await sendRaw(balancers[listener].ports[version], asked, place);
      expect([answer.status, answer.body.split(':')[0]]).toEqual([400, 'malformed_request']);
    });
  });
});
