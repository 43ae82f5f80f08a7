import { once } from 'node:events';
import type { Socket } from 'node:net';
import { networkInterfaces } from 'node:os';
import { connect as connectTls } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { parseProxyRanges } from '../../../gateway/listeners/proxy-ranges.ts';
import {
  connectRequest,
  connectTo,
  type GatewayFixture,
  plainRequest,
  readToEnd,
  startTestGateway,
} from '../../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner, type UsableKey } from '../../support/gateway/key-owner.ts';
import {
  startPlainTarget,
  startTcpTarget,
  type TargetServer,
} from '../../support/gateway/targets.ts';
import { connectOwner } from '../../support/personas.ts';
import { type CertificateFolder, makeCertificateFolder } from './certificate-folder.ts';
import { headerV1, headerV2 } from './proxy-headers.ts';

const sql = connectOwner();
const perAddress = 10;
/** The load balancers' address; other clients are at 127.0.0.1. */
const balancer = '127.0.0.2';
const hasIpv6 = Object.values(networkInterfaces())
  .flat()
  .some((address) => address?.address === '::1');
const hosts = hasIpv6 ? '::' : '0.0.0.0';
let files: CertificateFolder;
let gateway: GatewayFixture;
let owner: KeyOwner;
let echo: TargetServer;
let site: TargetServer;

beforeAll(async () => {
  files = makeCertificateFolder();
  const { certificateFile, keyFile } = files;
  [gateway, owner, echo, site] = await Promise.all([
    startTestGateway({
      host: hosts,
      tls: { port: 0, certificateFile, keyFile },
      proxyProtocolFrom: parseProxyRanges(`${balancer}, ::1`),
      firstRequestMs: 1_000,
      unprovenPerAddress: perAddress,
    }),
    newKeyOwner(sql),
    startTcpTarget((socket) => socket.pipe(socket)),
    startPlainTarget(),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), echo.close(), site.close(), sql.end()]);
  files.remove();
});

const listeners = ['plain', 'TLS'] as const;
type ListenerName = (typeof listeners)[number];
const portOf = (name: ListenerName) => (name === 'TLS' ? gateway.tlsPort : gateway.port);
const dropped = (reason: string) => gateway.metric('gateway_dropped_connections_total', { reason });

/** A key that clients in these ranges may use. */
async function keyFor(...allowed: string[]): Promise<UsableKey> {
  const key = await owner.newKey();
  const { error } = await owner.persona.supabase.rpc('update_proxy_key', {
    id: key.id,
    changes: { allowed_ips: allowed },
  });
  expect(error).toBeNull();
  return key;
}

/** Sends a header as a load balancer, and then starts TLS on the TLS listener. */
function fromBalancer(
  name: ListenerName,
  header: Uint8Array | string,
  place: { host?: string; localAddress?: string } = { localAddress: balancer },
): Socket {
  const carrier = connectTo(portOf(name), place);
  carrier.write(header);
  if (name === 'plain') return carrier;
  const socket = connectTls({ socket: carrier, rejectUnauthorized: false });
  socket.on('error', () => {});
  return socket;
}

/** `connected`, the code of a refusal, or an empty string if it was closed without an answer. */
async function answerOn(socket: Socket): Promise<string> {
  let said = '';
  for await (const chunk of socket) {
    said += chunk;
    if (said.startsWith('HTTP/1.1 200')) return 'connected';
  }
  return /\r\n\r\n([a-z_]+): /.exec(said)?.[1] ?? said;
}

/** The result of a CONNECT from a client with this header. */
async function answerTo(name: ListenerName, header: Uint8Array, key: UsableKey, host?: string) {
  const socket = fromBalancer(name, header, host ? { host } : undefined);
  socket.write(connectRequest(`127.0.0.1:${echo.port}`, key.basicAuth));
  return answerOn(socket);
}

describe.each(listeners)('on the %s listener', (name) => {
  it.each([
    ['1', headerV1],
    ['2', (source: string) => headerV2({ source, extensions: Buffer.from([4, 0, 1, 0]) })],
  ])('a version %s header sets the client’s address, over IPv4 and IPv6', async (_, header) => {
    const key = await keyFor('192.0.2.0/24', '2001:db8::/32');
    for (const [client, answer] of [
      ['192.0.2.7', 'connected'],
      ['198.51.100.7', 'address_forbidden'],
      ['2001:db8::7', 'connected'],
      ['2001:db9::7', 'address_forbidden'],
      ['::ffff:192.0.2.7', 'connected'],
    ] as const) {
      expect([client, await answerTo(name, header(client), key)]).toEqual([client, answer]);
    }
  });

  it.each([
    ['UNKNOWN', Buffer.from('PROXY UNKNOWN\r\n')],
    ['LOCAL', headerV2({ command: 0x20, source: '192.0.2.7' })],
    ['UNSPEC', headerV2({ family: 0 })],
  ])('with %s, the load balancer’s own address counts', async (_, header) => {
    expect(await answerTo(name, header, await keyFor(balancer))).toBe('connected');
    expect(await answerTo(name, header, await keyFor('192.0.2.7'))).toBe('address_forbidden');
  });

  it('a header in many packets is read, and bytes after it in the same packet are served', async () => {
    const key = await keyFor('192.0.2.7');
    const header = headerV2({ source: '192.0.2.7', extensions: Buffer.alloc(50) });
    const asked = plainRequest(`http://127.0.0.1:${site.port}/after`, key.basicAuth);
    const carrier = connectTo(portOf(name), { localAddress: balancer });
    carrier.setNoDelay();
    for (const byte of header.subarray(0, -1)) {
      await new Promise((resolve) => carrier.write(Buffer.from([byte]), resolve));
    }
    const last = header.subarray(-1);
    let socket = carrier;
    if (name === 'TLS') {
      // the header's last byte and the start of the handshake leave together
      carrier.cork();
      carrier.write(last);
      socket = connectTls({ socket: carrier, rejectUnauthorized: false });
      socket.on('error', () => {});
      socket.write(asked);
      carrier.uncork();
    } else {
      carrier.write(Buffer.concat([last, Buffer.from(asked)]));
    }
    const [answer] = await once(socket, 'data');
    expect(String(answer)).toContain('HTTP/1.1 200 OK');
    socket.destroy();
  });

  it('a tunnel is closed when its key no longer allows the announced address', async () => {
    await vi.waitFor(async () => expect(await gateway.metric('gateway_listening')).toBe(1), {
      timeout: 60_000,
    });
    const key = await keyFor('192.0.2.0/24');
    const open = async (client: string) => {
      const socket = fromBalancer(name, headerV1(client));
      socket.write(connectRequest(`127.0.0.1:${echo.port}`, key.basicAuth));
      const [answer] = await once(socket, 'data');
      expect(String(answer)).toContain('200');
      return socket;
    };
    const [outside, inside] = [await open('192.0.2.7'), await open('192.0.2.8')];
    const closed = new Promise((resolve) => outside.once('close', resolve));
    const changes = { allowed_ips: ['192.0.2.8/32'] };
    await owner.persona.supabase.rpc('update_proxy_key', { id: key.id, changes });
    await closed;
    inside.write('still there');
    expect(String((await once(inside, 'data'))[0])).toBe('still there');
    inside.destroy();
  });

  it.each([
    ['proxy_header_missing', Buffer.from(connectRequest('example.com:443'))],
    ['proxy_header_missing', Buffer.from([0x16, 0x03, 0x01, 0x00])],
    ['proxy_header_malformed', Buffer.from('PROXY TCP4 localhost 192.0.2.1 1 2\r\n')],
    ['proxy_header_malformed', headerV2({ family: 0x11, extensions: Buffer.alloc(3) })],
    ['proxy_header_late', Buffer.from('PROXY TCP4 192.0.2.7')],
    ['proxy_header_late', Buffer.alloc(0)],
  ])(
    'a load balancer without a header (%s) is disconnected without an answer',
    async (reason, bytes) => {
      const before = await dropped(reason);
      const carrier = connectTo(portOf(name), { localAddress: balancer });
      carrier.write(bytes);
      expect(await answerOn(carrier).catch(() => '')).toBe('');
      expect(await dropped(reason)).toBe(before + 1);
    },
  );

  it('a connection that ends within its header is closed at once, and a port check is no failure', async () => {
    const before = await dropped('proxy_header_cut');
    for (const bytes of ['PROXY TCP4 192.0.2.7', '']) {
      const carrier = connectTo(portOf(name), { localAddress: balancer });
      carrier.end(bytes);
      expect(await readToEnd(carrier)).toBe('');
    }
    expect(await dropped('proxy_header_cut')).toBe(before + 1);
  });

  it.each([
    ['1', headerV1('192.0.2.7')],
    ['2', headerV2({ source: '192.0.2.7' })],
  ])('a version %s header from another address is refused', async (_, header) => {
    const key = await keyFor('192.0.2.7');
    const carrier = connectTo(portOf(name));
    carrier.write(header);
    carrier.write(connectRequest(`127.0.0.1:${echo.port}`, key.basicAuth));
    const answer = await answerOn(carrier).catch(() => 'reset');
    if (name === 'plain') expect(answer).toBe('malformed_request');
    // at most a TLS alert
    else expect(answer).not.toContain('HTTP');
    expect(
      (await sql`select from proxy_private.proxy_usage_events where api_key_id = ${key.id}`).length,
    ).toBe(0);
  });

  it('the limit of unproven connections applies to the announced address', async () => {
    const open = (client: string, after = '') => {
      const header = name === 'TLS' ? headerV1(client) : headerV1(client) + after;
      const socket = fromBalancer(name, header);
      if (name === 'TLS') socket.write(after);
      return socket;
    };
    const asked = connectRequest('example.com:443');
    // each /64 of IPv6 counts as one client
    const network = name === 'TLS' ? '2001:db8:0:1' : '2001:db8:0:2';
    const silent: Socket[] = [];
    const further = await vi.waitFor(
      async () => {
        // as many again, in case a slow machine let the first ones time out
        silent.push(...Array.from({ length: perAddress }, (_, at) => open(`${network}::${at}`)));
        const answer = await answerOn(open(`${network}::ffff`, asked)).catch(() => '');
        // until all the others are counted
        expect(answer).not.toBe('credentials_required');
        return answer;
      },
      { timeout: 60_000 },
    );
    expect(further).toBe(name === 'plain' ? 'unavailable' : '');
    expect(await answerOn(open('2001:db8:1::1', asked))).toBe('credentials_required');
    for (const socket of silent) socket.destroy();
  });

  it.skipIf(!hasIpv6)('a load balancer may have an IPv6 address', async () => {
    const key = await keyFor('192.0.2.7');
    expect(await answerTo(name, headerV2({ source: '192.0.2.7' }), key, '::1')).toBe('connected');
  });
});

it('a client that sends nothing after its header is disconnected without an answer', async () => {
  const socket = fromBalancer('plain', headerV1('192.0.2.7'));
  expect(await readToEnd(socket)).toBe('');
});

it('missing headers are logged once per 10 s, with the load balancer’s address', () => {
  const lines = gateway.logged.filter((line) => line.includes('proxy_header_'));
  expect(lines.length).toBeGreaterThan(0);
  expect(lines.length).toBeLessThanOrEqual(4);
  expect(JSON.parse(lines[0] ?? '')).toMatchObject({
    level: 40,
    peer: expect.stringContaining(balancer),
  });
});
