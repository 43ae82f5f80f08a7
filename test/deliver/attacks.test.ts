import { createServer as createTlsServer } from 'node:https';
import { createServer, type Socket } from 'node:net';
import { afterAll, beforeAll, describe, expect, it, onTestFinished } from 'vitest';
import { listenOnLoopback, loopback } from '../../scripts/stack/ports.ts';
import { type NameServer, type Reply, startNameServer } from '../gateway/targets/name-server.ts';
import { makeAuthority } from '../support/certificates.ts';
import { type Attempt, type DeliveryStack, startDeliveryStack } from './own-delivery-stack.ts';
import { startReceiver } from './receiver.ts';

const authority = makeAuthority('Receivers of tests');
/** DNS answers, by `A name` or `AAAA name`. */
const answers = new Map<string, Reply>();
let names: NameServer;
let stack: DeliveryStack;

beforeAll(async () => {
  names = await startNameServer((type, name) => answers.get(`${type} ${name}`) ?? { rcode: 3 });
  stack = await startDeliveryStack({
    DELIVER_NAME_SERVER: names.address,
    DELIVER_CA_CERTIFICATE: authority.cert,
  });
});
afterAll(async () => {
  await stack.stop();
  await names.close();
});

/** Sends an alert to a URL; resolves to its first attempt. */
async function deliverTo(url: string): Promise<Attempt> {
  const owner = await stack.newOwner();
  const { id } = await owner.createWebhook({ kind: 'webhook', url });
  await owner.mint();
  const first = () => stack.attemptsOf(id).then(([attempt]) => attempt);
  await expect.poll(first).toBeDefined();
  return (await first()) as Attempt;
}

/** A server that passes each connection to the test. */
async function startSocketServer(serve: (socket: Socket) => void): Promise<string> {
  const sockets = new Set<Socket>();
  const server = createServer((socket) => {
    sockets.add(socket);
    socket.on('error', () => {});
    serve(socket);
  });
  const port = await listenOnLoopback(server, 0, 'a hostile receiver');
  onTestFinished(() => {
    for (const socket of sockets) socket.destroy();
    server.close();
  });
  return `http://${loopback}:${port}/`;
}

describe('a target that is not public is never dialed', () => {
  it('by an address in any notation', async () => {
    const urls = [
      'https://10.0.0.1/',
      'https://192.168.1.1/hook',
      'https://169.254.169.254/latest/meta-data/',
      'https://168.63.129.16/',
      'https://100.64.0.1/',
      'https://0.0.0.0/',
      'https://[::ffff:10.0.0.1]/',
      'https://[fd00::1]/',
      'https://[fe80::1]/',
      'https://[64:ff9b::a00:1]/',
      'https://167772161/',
      'https://0x0a.0.0.1/',
      'https://012.0.0.1/',
      // the port is not allowed
      'https://93.184.216.34:22/',
      // clear text is allowed only on this machine
      'http://93.184.216.34/',
    ];
    const attempts = await Promise.all(urls.map(deliverTo));
    expect(attempts.map(({ outcome, status }) => [outcome, status])).toEqual(
      urls.map(() => ['target_forbidden', null]),
    );
  });

  it('by a name', async () => {
    answers.set('A inside.example.com', { addresses: ['10.1.2.3'] });
    answers.set('AAAA inside.example.com', { addresses: ['fd00::1'] });
    const attempt = await deliverTo('https://inside.example.com/');
    expect(attempt.outcome).toBe('target_forbidden');
  });

  it('by a name that resolves to another address the second time (rebinding)', async () => {
    const receiver = await startReceiver();
    const name = 'rebinding.example.com';
    let asked = 0;
    const { answer } = names;
    names.answer = (type, asking) => {
      if (asking !== name) return answer(type, asking);
      if (type === 'AAAA') return {};
      asked += 1;
      return { addresses: [asked === 1 ? loopback : '10.0.0.1'], ttl: 0 };
    };
    onTestFinished(() => {
      names.answer = answer;
    });
    const url = new URL(receiver.url);
    url.hostname = name;
    expect((await deliverTo(url.href)).outcome).toBe('delivered');
    expect(asked).toBe(1);
    expect(receiver.received[0]?.headers.host).toBe(url.host);
  });

  it('by a name that does not exist, which is reported as such', async () => {
    expect((await deliverTo('https://nowhere.example.com/')).outcome).toBe('not_resolved');
  });

  it('by a redirect, which is not followed', async () => {
    const [inner, outer] = [await startReceiver(), await startReceiver()];
    outer.answer = (response) => response.writeHead(307, { Location: inner.url }).end('moved');
    expect(await deliverTo(outer.url)).toMatchObject({ outcome: 'redirected', status: 307 });
    expect(inner.received).toEqual([]);
  });
});

describe('over TLS', () => {
  const startTlsReceiver = async (certificateOf: string) => {
    const server = createTlsServer(authority.issue({ names: [certificateOf] }), (_, response) =>
      response.end('secure'),
    );
    const port = await listenOnLoopback(server, 0, 'a receiver');
    onTestFinished(() => {
      server.closeAllConnections();
      server.close();
    });
    return port;
  };

  it('the certificate is checked against the name, though an address is dialed', async () => {
    answers.set('A hooks.example.com', { addresses: [loopback] });
    const port = await startTlsReceiver('hooks.example.com');
    expect(await deliverTo(`https://hooks.example.com:${port}/`)).toMatchObject({
      outcome: 'delivered',
      answer: 'secure',
    });
  });

  it('a certificate for another name is refused, and nothing is sent', async () => {
    answers.set('A impostor.example.com', { addresses: [loopback] });
    const port = await startTlsReceiver('hooks.example.com');
    expect((await deliverTo(`https://impostor.example.com:${port}/`)).outcome).toBe('tls_failed');
  });
});

describe('a hostile answer costs little and blocks no other delivery', () => {
  it('of 10 MB, only the first 500 bytes are kept, and the rest is not read', async () => {
    let sent = 0;
    const url = await startSocketServer((socket) => {
      socket.once('data', () => {
        socket.write('HTTP/1.1 200 OK\r\nContent-Length: 10000000\r\n\r\n');
        const more = () => {
          while (!socket.destroyed && sent < 10_000_000) {
            sent += 64_000;
            if (!socket.write('x'.repeat(64_000))) return;
          }
        };
        socket.on('drain', more);
        more();
      });
    });
    const attempt = await deliverTo(url);
    expect(attempt).toMatchObject({ outcome: 'delivered', status: 200, answer: 'x'.repeat(500) });
    // more than 500 bytes fit into the sockets' buffers
    expect(sent).toBeLessThan(9_000_000);
  });

  it('a head that arrives byte by byte times out after 10 s', async () => {
    const url = await startSocketServer((socket) => {
      const timer = setInterval(() => socket.write('x'), 100);
      socket.on('close', () => clearInterval(timer));
      socket.write('HTTP/1.1 200 OK\r\nX-Slow: ');
    });
    const attempt = await deliverTo(url);
    expect(attempt.outcome).toBe('timed_out');
    expect(attempt.duration_ms).toBeGreaterThanOrEqual(9_900);
    expect(attempt.duration_ms).toBeLessThan(20_000);
  });

  it('a body that arrives byte by byte is cut after a second; its status counts', async () => {
    const url = await startSocketServer((socket) => {
      const timer = setInterval(() => socket.write('y'), 50);
      socket.on('close', () => clearInterval(timer));
      socket.write('HTTP/1.1 202 Accepted\r\nContent-Length: 100000\r\n\r\n');
    });
    const attempt = await deliverTo(url);
    expect(attempt).toMatchObject({ outcome: 'delivered', status: 202 });
    expect(attempt.answer).toMatch(/^y+$/);
  });

  it.each([
    ['an answer that is not HTTP', 'SSH-2.0-OpenSSH_9.6\r\n\r\n'],
    ['a head over 16 KiB', `HTTP/1.1 200 OK\r\nX: ${'x'.repeat(40_000)}`],
    ['half a head', 'HTTP/1.1 200 OK\r\n'],
    ['an empty answer', ''],
    ['only interim answers', 'HTTP/1.1 100 Continue\r\n\r\n'.repeat(900)],
  ])('%s is a failed attempt', async (_, text) => {
    const url = await startSocketServer((socket) => socket.end(text));
    expect((await deliverTo(url)).outcome).toBe('broke_off');
  });

  it('characters that the database cannot store are removed', async () => {
    const body = Buffer.from([0, 1, 0xff, 0x41, 0x0a, 0x42, 0xc3]);
    const url = await startSocketServer((socket) => {
      socket.write(`HTTP/1.1 200 OK\r\nContent-Length: ${body.length}\r\n\r\n`);
      socket.end(body);
    });
    expect((await deliverTo(url)).answer).toBe('�A B�');
  });

  it('chunks are joined, and a false chunk size adds no more than the bytes that arrive', async () => {
    const url = await startSocketServer((socket) =>
      socket.end(
        'HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\nffffff\r\ndef\r\n0\r\n\r\n',
      ),
    );
    expect((await deliverTo(url)).answer).toMatch(/^abcdef/);
  });

  it('a connection that is reset during the request is a failed attempt', async () => {
    const url = await startSocketServer((socket) => socket.resetAndDestroy());
    // the reset may arrive before the connection is established
    expect(['broke_off', 'not_connected']).toContain((await deliverTo(url)).outcome);
  });

  it('a closed port is reported as not connected', async () => {
    expect((await deliverTo(`http://${loopback}:9/`)).outcome).toBe('not_connected');
  });
});

it('the function’s log has no secret, no URL and nothing from an answer', async () => {
  const receiver = await startReceiver();
  receiver.answer = (response) => response.writeHead(500).end('answer-of-a-receiver');
  const owner = await stack.newOwner();
  const url = `${receiver.url}?token=secret-of-a-customer`;
  const { id, secret } = await owner.createWebhook({ kind: 'webhook', url });
  await owner.mint();
  await expect.poll(() => stack.attemptsOf(id)).not.toEqual([]);
  const log = stack.readLog();
  for (const word of [
    secret ?? '',
    'secret-of-a-customer',
    'answer-of-a-receiver',
    stack.secretKey,
  ])
    expect(log).not.toContain(word);
});
