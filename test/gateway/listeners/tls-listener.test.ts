import { once } from 'node:events';
import type { Socket } from 'node:net';
import { connect as connectTls, type TLSSocket } from 'node:tls';
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest';
import { resetSocket } from '../../../gateway/tunnels/reset-socket.ts';
import {
  type ClientPlace,
  connectRequest,
  connectTo,
  type GatewayFixture,
  plainRequest,
  readToEnd,
  sendRaw,
  startTestGateway,
} from '../../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner } from '../../support/gateway/key-owner.ts';
import {
  startPlainTarget,
  startTcpTarget,
  type TargetServer,
} from '../../support/gateway/targets.ts';
import { connectOwner } from '../../support/personas.ts';
import { fate } from '../tunnels/relay-scene.ts';
import { type CertificateFolder, makeCertificateFolder } from './certificate-folder.ts';

const sql = connectOwner();
const perAddress = 20;
const secured: ClientPlace = { tls: {} };
let files: CertificateFolder;
let gateway: GatewayFixture;
let owner: KeyOwner;
let plain: TargetServer;
let echo: TargetServer;
const open = new Set<Socket>();

beforeAll(async () => {
  files = makeCertificateFolder();
  const { certificateFile, keyFile } = files;
  [gateway, owner, plain, echo] = await Promise.all([
    startTestGateway({
      tls: { port: 0, certificateFile, keyFile },
      firstRequestMs: 1_000,
      unprovenPerAddress: perAddress,
    }),
    newKeyOwner(sql),
    startPlainTarget(),
    startTcpTarget((socket) => {
      open.add(socket);
      socket.once('close', () => open.delete(socket));
      socket.pipe(socket);
    }),
  ]);
});

afterAll(async () => {
  await Promise.all([gateway.stop(), plain.close(), echo.close(), sql.end()]);
  files.remove();
});

const ports = () => [
  { port: gateway.port, place: {} },
  { port: gateway.tlsPort, place: secured },
];

async function openTunnel(basicAuth: string, place = secured): Promise<Socket> {
  const asked = connectRequest(`127.0.0.1:${echo.port}`, basicAuth);
  const { status, socket } = await sendRaw(gateway.tlsPort, asked, place);
  expect(status).toBe(200);
  return socket;
}

/** Expects that a customer's CONNECT succeeds on both ports. */
async function expectService(localAddress = '127.0.0.1'): Promise<void> {
  const key = await owner.newKey();
  for (const { port, place } of ports()) {
    const asked = connectRequest(`127.0.0.1:${echo.port}`, key.basicAuth);
    const { status, socket } = await sendRaw(port, asked, { ...place, localAddress });
    socket.destroy();
    expect(status).toBe(200);
  }
}

/** Resolves with all received bytes when the connection is closed. */
async function saidBy(socket: Socket): Promise<string> {
  let said = '';
  socket.on('data', (chunk) => {
    said += chunk.toString('latin1');
  });
  await new Promise((resolve) => socket.once('close', resolve));
  return said;
}

const dropped = (reason: string) => gateway.metric('gateway_dropped_connections_total', { reason });

describe('clear text and TLS get the same answers', () => {
  it.each([
    ['407 without a key', () => connectRequest('example.com:443'), 407],
    ['400 for bytes that are not a request', () => 'hello\r\n\r\n', 400],
    ['431 for a head over 64 KiB', () => `GET / HTTP/1.1\r\nX: ${'x'.repeat(66_000)}\r\n\r\n`, 431],
    ['408 for half of a request', () => 'CONNECT example.com:443 HT', 408],
  ])('%s, and then the connection closes', async (_, request, status) => {
    for (const { port, place } of ports()) {
      const answer = await sendRaw(port, request(), place);
      expect(answer.status).toBe(status);
      expect(answer.body).toMatch(/^[a-z_]+: [^\n]+\n$/);
    }
  });

  it('403 during a long upload', async () => {
    const key = await owner.newKey();
    const [head] = plainRequest('http://10.0.0.1/', key.basicAuth).split('\r\n\r\n');
    const post = `${head?.replace('GET', 'POST')}\r\nContent-Length: 3000000\r\n\r\n`;
    for (const { port, place } of ports()) {
      const { status, body } = await sendRaw(port, post + 'x'.repeat(3_000_000), place);
      expect([status, body.split(':')[0]]).toEqual([403, 'target_forbidden']);
    }
  });

  it('several plain requests on one connection', async () => {
    const key = await owner.newKey();
    const socket = connectTo(gateway.tlsPort, secured);
    let said = '';
    socket.on('data', (chunk) => {
      said += chunk;
    });
    for (const path of ['/one', '/two']) {
      socket.write(plainRequest(`http://127.0.0.1:${plain.port}${path}`, key.basicAuth));
      await vi.waitFor(() => expect(said).toContain(`GET ${path}`));
    }
    expect(said.split('HTTP/1.1 200 OK')).toHaveLength(3);
    socket.destroy();
  });
});

describe('a tunnel over TLS', () => {
  it('is metered by what the target gets and sends, without the TLS overhead', async () => {
    const keys = [await owner.newKey(), await owner.newKey()];
    const counted = [];
    for (const [index, { port, place }] of ports().entries()) {
      const key = keys[index] ?? expect.fail();
      const asked = connectRequest(`127.0.0.1:${echo.port}`, key.basicAuth);
      const { socket } = await sendRaw(port, asked, { ...place, allowHalfOpen: true });
      socket.end('x'.repeat(100_000));
      expect((await readToEnd(socket)).length).toBe(100_000);
      const [event] = await owner.eventsOf(key, 1);
      counted.push({ sent: event?.bytes_sent, received: event?.bytes_received });
    }
    expect(counted).toEqual(Array(2).fill({ sent: 100_000, received: 100_000 }));
  });

  it('half-closes on each side', async () => {
    const key = await owner.newKey();
    const socket = await openTunnel(key.basicAuth, { ...secured, allowHalfOpen: true });
    // the echo of its end comes back after everything else
    socket.end('z'.repeat(2_000_000));
    expect((await readToEnd(socket)).length).toBe(2_000_000);
    await vi.waitFor(async () => expect(await gateway.metric('gateway_open_tunnels')).toBe(0));
  });

  it('is reset if its target’s connection breaks', async () => {
    const key = await owner.newKey();
    const socket = await openTunnel(key.basicAuth);
    const learned = fate(socket);
    for (const target of open) target.resetAndDestroy();
    expect(await learned).toBe('reset');
  });

  it('is reset at its target if its client’s connection breaks', async () => {
    const key = await owner.newKey();
    const socket = await openTunnel(key.basicAuth);
    const target = [...open].at(-1);
    const learned = fate(target ?? expect.fail());
    resetSocket(socket);
    expect(await learned).toBe('reset');
  });

  it('is closed when its key is suspended', async () => {
    const key = await owner.newKey();
    await vi.waitFor(async () => expect(await gateway.metric('gateway_listening')).toBe(1), {
      timeout: 60_000,
    });
    const socket = await openTunnel(key.basicAuth);
    const learned = fate(socket);
    await sql`update proxy_private.proxy_keys set suspended_at = now() where id = ${key.id}`;
    expect(await learned).toBe('reset');
  });
});

describe('a TLS handshake', () => {
  const connected = async (tls: NonNullable<ClientPlace['tls']>) => {
    const socket = connectTo(gateway.tlsPort, { tls }) as TLSSocket;
    await once(socket, 'secureConnect');
    return socket;
  };

  it.each([
    [['http/1.1'], 'http/1.1'],
    [['h2', 'http/1.1'], 'http/1.1'],
    [undefined, false],
  ])('with ALPN %j selects %j', async (ALPNProtocols, chosen) => {
    const socket = await connected(ALPNProtocols ? { ALPNProtocols } : {});
    expect(socket.alpnProtocol).toBe(chosen);
    socket.destroy();
  });

  it('requests no client certificate, and uses TLS 1.2 or 1.3 only', async () => {
    for (const version of ['TLSv1.2', 'TLSv1.3'] as const) {
      const socket = await connected({ minVersion: version, maxVersion: version });
      expect(socket.getProtocol()).toBe(version);
      socket.destroy();
    }
    const old = connectTo(gateway.tlsPort, {
      tls: { minVersion: 'TLSv1', maxVersion: 'TLSv1.1', ciphers: 'DEFAULT:@SECLEVEL=0' },
    });
    const [error] = await once(old, 'error');
    expect(error).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_PROTOCOL_VERSION' });
    await expectService();
  });

  it('with only HTTP/2 is refused', async () => {
    const socket = connectTo(gateway.tlsPort, { tls: { ALPNProtocols: ['h2'] } });
    const [error] = await once(socket, 'error');
    expect(error).toMatchObject({ code: 'ERR_SSL_TLSV1_ALERT_NO_APPLICATION_PROTOCOL' });
  });

  it('cannot be renegotiated, which TLS 1.2 would allow without limit', async () => {
    const socket = await connected({ maxVersion: 'TLSv1.2' });
    socket.on('error', () => {}).resume();
    const made = vi.fn();
    socket.renegotiate({}, (error) => error ?? made());
    await once(socket, 'close');
    expect(made).not.toHaveBeenCalled();
    await expectService();
  });

  it('that takes too long closes the connection, started or not', async () => {
    const before = await dropped('tls_handshake_late');
    const silent = connectTo(gateway.tlsPort);
    const halting = connectTo(gateway.tlsPort);
    // announces a record of 512 bytes, which then trickles
    halting.write(Buffer.from([0x16, 0x03, 0x01, 0x02, 0x00, 0x01]));
    const trickle = setInterval(() => halting.write('\0'), 100);
    const said = await Promise.all([saidBy(silent), saidBy(halting)]);
    clearInterval(trickle);
    expect(said).toEqual(['', '']);
    expect(await dropped('tls_handshake_late')).toBe(before + 2);
  });
});

describe('a client with the wrong protocol', () => {
  it('is disconnected if it sends clear text to the TLS port', async () => {
    const before = await dropped('tls_handshake_failed');
    const socket = connectTo(gateway.tlsPort);
    socket.write(connectRequest('example.com:443'));
    // at most a TLS alert, and no HTTP answer
    expect((await saidBy(socket)).length).toBeLessThan(10);
    expect(await dropped('tls_handshake_failed')).toBe(before + 1);
    await expectService();
  });

  it('gets 400 if it sends TLS to the clear-text port, and its TLS fails', async () => {
    const socket = connectTo(gateway.port, secured);
    const [error] = await once(socket, 'error');
    expect(error).toMatchObject({ code: 'ERR_SSL_WRONG_VERSION_NUMBER' });
    await expectService();
  });

  it('is disconnected at once if it breaks off within a handshake', async () => {
    const hello = await clientHello();
    for (let length = 0; length <= hello.length; length += 16) {
      const ended = connectTo(gateway.tlsPort);
      ended.end(hello.subarray(0, length));
      const reset = connectTo(gateway.tlsPort);
      reset.write(hello.subarray(0, length), () => reset.resetAndDestroy());
      ended.resume();
      await once(ended, 'close');
    }
    await expectService();
  });

  it('is disconnected if it sends noise after a handshake', async () => {
    const carrier = connectTo(gateway.tlsPort);
    const socket = connectTls({ socket: carrier, rejectUnauthorized: false });
    socket.on('error', () => {});
    await once(socket, 'secureConnect');
    const learned = once(carrier, 'close');
    // below TLS: bytes that are not a TLS record
    carrier.write('noise'.repeat(100));
    await learned;
    socket.destroy();
    await expectService();
  });
});

describe('the limits', () => {
  it('per address count connections before their handshake', async () => {
    const localAddress = '127.0.0.9';
    const before = await gateway.metric('gateway_connects_total', { code: 'unavailable' });
    const silent = Array.from({ length: perAddress }, () =>
      connectTo(gateway.tlsPort, { localAddress }),
    );
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    const further = connectTo(gateway.tlsPort, { localAddress });
    expect(await saidBy(further)).toBe('');
    expect(await gateway.metric('gateway_connects_total', { code: 'unavailable' })).toBe(
      before + 1,
    );
    // both ports share one count, and another address is not affected
    const answer = await sendRaw(gateway.port, connectRequest('example.com:443'), { localAddress });
    expect(answer.body).toContain('unavailable');
    await expectService();
    await Promise.all(silent.map(saidBy));
    await vi.waitFor(() => expectService(localAddress));
  });

  it('of descriptors count them too', async () => {
    const { certificateFile, keyFile } = files;
    const small = await startTestGateway({
      tls: { port: 0, certificateFile, keyFile },
      descriptorLimit: 40,
      firstRequestMs: 60_000,
    });
    // clients may take half of the 30 that are not in reserve
    const silent = Array.from({ length: 15 }, () => connectTo(small.tlsPort));
    await Promise.all(silent.map((socket) => once(socket, 'connect')));
    expect(await saidBy(connectTo(small.tlsPort))).toBe('');
    for (const socket of silent) socket.destroy();
    await vi.waitFor(async () => {
      const { status } = await sendRaw(small.tlsPort, connectRequest('example.com:443'), secured);
      expect(status).toBe(407);
    });
    await small.stop();
  });
});

/** The first bytes of a TLS client. */
async function clientHello(): Promise<Buffer> {
  const received = Promise.withResolvers<Buffer>();
  const server = await startTcpTarget((socket) => socket.once('data', received.resolve));
  const socket = connectTo(server.port, secured);
  const hello = await received.promise;
  socket.destroy();
  await server.close();
  return hello;
}
