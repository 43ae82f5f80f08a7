import { once } from 'node:events';
import { connect } from 'node:net';
import { afterAll, beforeAll, describe, expect, it } from 'vitest';
import {
  connectRequest,
  type GatewayFixture,
  plainRequest,
  readToEnd,
  sendRaw,
  startTestGateway,
} from '../support/gateway/gateway-fixture.ts';
import { type KeyOwner, newKeyOwner, type UsableKey } from '../support/gateway/key-owner.ts';
import { startPlainTarget, startTcpTarget, type TargetServer } from '../support/gateway/targets.ts';
import { connectOwner } from '../support/personas.ts';
import { overrideLimits } from '../support/seeded-keys.ts';

const sql = connectOwner();
let gateway: GatewayFixture;
let owner: KeyOwner;
let key: UsableKey;
/** A target that must not get a dropped request. */
let other: TargetServer;
let authority: string;

beforeAll(async () => {
  [gateway, owner, other] = await Promise.all([
    startTestGateway(),
    newKeyOwner(sql),
    startTcpTarget((socket) => socket.end()),
  ]);
  authority = `127.0.0.1:${other.port}`;
});

afterAll(async () => {
  await Promise.all([gateway.stop(), other.close(), sql.end()]);
});

/** A request with extra header lines that closes its connection. */
function request(line: string, ...headers: string[]): string {
  const auth = `Proxy-Authorization: Basic ${Buffer.from(key.basicAuth).toString('base64')}`;
  return [line, auth, 'Connection: close', ...headers, '', ''].join('\r\n');
}

/** The gateway's complete answer to these bytes. */
async function answerTo(bytes: string): Promise<string> {
  const socket = connect({ port: gateway.port, host: '127.0.0.1' });
  socket.write(bytes, 'latin1');
  return readToEnd(socket);
}

/** A target that answers each connection's first bytes with `answer`, and records what it got. */
async function startRawTarget(
  answer: string,
): Promise<TargetServer & { seen: () => string; authority: string }> {
  let seen = '';
  const server = await startTcpTarget((socket) => {
    socket.on('data', (chunk) => {
      seen += chunk.toString('latin1');
    });
    socket.once('data', () => socket.write(answer, 'latin1'));
    socket.once('end', () => socket.end());
  });
  return Object.assign(server, { seen: () => seen, authority: `127.0.0.1:${server.port}` });
}

/** A target with a slow answer. */
async function startSlowTarget(): Promise<TargetServer & { url: string }> {
  const server = await startPlainTarget((_, response) => {
    response.write('first ');
    setTimeout(() => response.end('answer'), 200);
  });
  return Object.assign(server, { url: `http://127.0.0.1:${server.port}/` });
}

const hello = 'HTTP/1.1 200 OK\r\nContent-Length: 5\r\nConnection: close\r\n\r\nhello';

describe('a plain request', () => {
  beforeAll(async () => {
    key = await owner.newKey();
    await overrideLimits(sql, key.id, { rate_limit: 100000 });
  });

  it('is forwarded without the credentials, and metered', async () => {
    const measured = await owner.newKey();
    const seen: string[] = [];
    const spying = await startPlainTarget((asked, response) => {
      seen.push(...asked.rawHeaders);
      response.end('hello');
    });
    const url = `http://127.0.0.1:${spying.port}/secret/path?token=1`;
    const answer = await sendRaw(gateway.port, plainRequest(url, measured.basicAuth));
    answer.socket.destroy();
    expect(answer.status).toBe(200);
    expect(seen.join(' ').toLowerCase()).not.toContain('proxy-authorization');
    expect(seen.join(' ')).not.toContain(Buffer.from(measured.basicAuth).toString('base64'));
    const [event] = await owner.eventsOf(measured, 1);
    expect(event).toMatchObject({ method: 'GET', status_code: 200, target_host: '127.0.0.1' });
    const moved = spying.bytes();
    expect(event?.bytes_sent).toBe(moved.received);
    expect(event?.bytes_received).toBe(moved.sent);
    await spying.close();
  });

  it('gets 502 target_unreachable in one line if the target closes before it answers', async () => {
    const refused = await owner.newKey();
    const rude = await startTcpTarget((socket) => socket.destroy());
    const url = `http://127.0.0.1:${rude.port}/`;
    const asked = plainRequest(url, refused.basicAuth).replace('Host', 'Connection: close\r\nHost');
    const answer = await sendRaw(gateway.port, asked);
    expect(answer.status).toBe(502);
    expect(answer.body).toMatch(/^target_unreachable: [^\n]+\n$/);
    expect((await owner.eventsOf(refused, 1))[0]).toMatchObject({ status_code: 502 });
    await rude.close();
  });

  it.each([
    ['a status that cannot be forwarded', 'HTTP/1.1 099 Odd\r\nContent-Length: 0\r\n\r\n', 502],
    ['bytes that are not HTTP', 'SSH-2.0-OpenSSH_9.9\r\n', 502],
    [
      'a protocol switch',
      'HTTP/1.1 101 Switching\r\nUpgrade: x\r\nConnection: upgrade\r\n\r\n',
      502,
    ],
    ['a proxy’s 407', 'HTTP/1.1 407 Auth\r\nContent-Length: 0\r\n\r\n', 407],
    ['its own 599', 'HTTP/1.1 599 Mine\r\nContent-Length: 0\r\n\r\n', 599],
  ])('gets the right status if the target answers with %s', async (_, answer, status) => {
    const odd = await startRawTarget(answer);
    const line = `GET http://${odd.authority}/ HTTP/1.1`;
    const said = await answerTo(request(line, `Host: ${odd.authority}`));
    expect(said).toMatch(new RegExp(`^HTTP/1.1 ${status} `));
    await odd.close();
  });

  it('goes to the host of its URL, not of its Host header', async () => {
    const target = await startRawTarget(hello);
    const line = `GET http://${target.authority}/ HTTP/1.1`;
    expect(await answerTo(request(line, 'Host: internal', 'Host: other'))).toContain('hello');
    expect(target.seen().match(/^host:.*$/gim)).toEqual([`Host: ${target.authority}`]);
    await target.close();
  });

  it('is 400 without a Host header, with our message', async () => {
    const target = await startRawTarget(hello);
    const said = await answerTo(request(`GET http://${target.authority}/ HTTP/1.1`));
    expect(said).toMatch(/^HTTP\/1.1 400 .*\r\n\r\nmalformed_request: [^\n]+\n$/s);
    expect(target.connections).toBe(0);
    await target.close();
  });

  it('with an expectation that Node does not know is handled as any other', async () => {
    const target = await startRawTarget(hello);
    const line = `GET http://${target.authority}/ HTTP/1.1`;
    const said = await answerTo(
      request(line, `Host: ${target.authority}`, 'Expect: the-unexpected'),
    );
    expect(said).toMatch(/^HTTP\/1.1 200 /);
    await target.close();
  });

  it.each([
    ['a length and chunks', ['Content-Length: 4', 'Transfer-Encoding: chunked'], 'POST'],
    ['two lengths', ['Content-Length: 4', 'Content-Length: 5'], 'POST'],
    ['chunked, but not named last', ['Transfer-Encoding: chunked, identity'], 'POST'],
    ['chunks by another name', ['Transfer-Encoding: xchunked'], 'POST'],
    ['a space before the colon', ['Content-Length : 4'], 'POST'],
    ['a folded header', ['Transfer-Encoding:', ' chunked'], 'POST'],
    ['chunks where they are unusual', ['Transfer-Encoding: chunked'], 'GET'],
  ])('smuggles no second request to the target: %s', async (_, headers, method) => {
    const target = await startRawTarget(hello);
    const smuggled = `GET http://${target.authority}/smuggled HTTP/1.1\r\nHost: x\r\n\r\n`;
    const chunked = `${smuggled.length.toString(16)}\r\n${smuggled}\r\n0\r\n\r\n`;
    const line = `${method} http://${target.authority}/ HTTP/1.1`;
    const said = await answerTo(
      `${request(line, `Host: ${target.authority}`, ...headers)}${chunked}`,
    );
    expect(said).toMatch(/^HTTP\/1.1 (400|200) /);
    // the bytes after the head, as a server reads them, must not look like a request
    const [, ...rest] = target.seen().split('\r\n\r\n');
    expect(rest.join('\r\n\r\n')).not.toMatch(/^GET /);
    expect(target.connections).toBeLessThanOrEqual(1);
    await target.close();
  });

  it('forwards no length that differs from the target’s chunks', async () => {
    const poisoned = await startRawTarget(
      'HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n' +
        '2c\r\nokHTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil\r\n0\r\n\r\n',
    );
    const line = `GET http://${poisoned.authority}/ HTTP/1.1`;
    const said = await answerTo(request(line, `Host: ${poisoned.authority}`));
    const [head = ''] = said.split('\r\n\r\n');
    expect(head).toMatch(/^HTTP\/1.1 (200|502) /);
    expect(head).not.toContain('Content-Length: 2');
    await poisoned.close();
  });
});

describe('requests on one connection', () => {
  it('are served one after the other if each waits for the previous answer', async () => {
    const target = await startPlainTarget((asked, response) => response.end(asked.url));
    const socket = connect({ port: gateway.port, host: '127.0.0.1' });
    for (const path of ['/first', '/second']) {
      socket.write(plainRequest(`http://127.0.0.1:${target.port}${path}`, key.basicAuth));
      let said = '';
      while (!said.endsWith(`${path}\r\n0\r\n\r\n`) && !said.endsWith(`\r\n\r\n${path}`)) {
        said += String((await once(socket, 'data'))[0]);
      }
      expect(said).toMatch(/^HTTP\/1.1 200 /);
    }
    socket.destroy();
    await target.close();
  });

  it.each([
    ['a plain request', () => plainRequest(`http://${authority}/`, key.basicAuth)],
    ['a CONNECT', () => connectRequest(authority, key.basicAuth)],
    [
      'an upgrade',
      () =>
        plainRequest(`http://${authority}/`, key.basicAuth).replace(
          'Host',
          'Connection: upgrade\r\nUpgrade: x\r\nHost',
        ),
    ],
  ])(
    '%s that comes too early is dropped, and the connection closes after the answer',
    async (_, ahead) => {
      const slow = await startSlowTarget();
      const { connections } = other;
      const said = await answerTo(plainRequest(slow.url, key.basicAuth) + ahead());
      expect(said).toMatch(/^HTTP\/1.1 200 .*first (\r\n\w+\r\n)?answer/s);
      expect(said.match(/HTTP\/1/g)).toHaveLength(1);
      expect(other.connections).toBe(connections);
      await slow.close();
    },
  );

  it('reset the connection if hundreds come too early', async () => {
    const slow = await startSlowTarget();
    const socket = connect({ port: gateway.port, host: '127.0.0.1' });
    socket.write(plainRequest(slow.url, key.basicAuth));
    socket.write('GET http://127.0.0.1/ HTTP/1.1\r\nHost: a\r\n\r\n'.repeat(1_000));
    await expect(readToEnd(socket)).rejects.toMatchObject({ code: 'ECONNRESET' });
    await slow.close();
  });

  it('are dropped after one that is refused', async () => {
    const held = await startTcpTarget((socket) => socket.resume());
    const url = `http://127.0.0.1:${held.port}/`;
    const said = await answerTo(plainRequest(url) + plainRequest(url, key.basicAuth).repeat(5));
    expect(said).toMatch(/^HTTP\/1.1 407 /);
    expect(held.connections).toBe(0);
    await held.close();
  });

  it('bytes that are not a request reset the connection, so that a partial answer does not look whole', async () => {
    const slow = await startTcpTarget((socket) => {
      socket.write('HTTP/1.1 200 OK\r\nContent-Length: 100\r\n\r\nbegun');
      socket.once('end', () => socket.end());
    });
    const url = `http://127.0.0.1:${slow.port}/`;
    const socket = connect({ port: gateway.port, host: '127.0.0.1' });
    socket.on('error', () => {});
    socket.write(plainRequest(url, key.basicAuth));
    let said = '';
    socket.on('data', (chunk) => {
      said += chunk;
      if (said.endsWith('begun')) socket.write('no request\r\n\r\n');
    });
    await new Promise((resolve) => socket.once('close', resolve));
    expect(said).toMatch(/begun$/);
    expect(socket.errored).toMatchObject({ code: 'ECONNRESET' });
    await slow.close();
  });
});
