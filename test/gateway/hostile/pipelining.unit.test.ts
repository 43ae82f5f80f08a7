import { connect, type Socket } from 'node:net';
import { setTimeout as sleep, setImmediate as turn } from 'node:timers/promises';
import { pino } from 'pino';
import { afterEach, beforeEach, describe, expect, it, vi } from 'vitest';
import { ClientConnections } from '../../../gateway/clients/client-connections.ts';
import { Descriptors } from '../../../gateway/descriptors.ts';
import { Refusal } from '../../../gateway/refusal.ts';
import type { ProxyRequest } from '../../../gateway/requests/proxy-request.ts';
import { startListeningServer } from '../../support/gateway/listening-server.ts';
import { request } from '../malformed-requests.ts';

const readBytes = 65_536;
const megabytes = 4_000_000;
const line = 'GET http://192.0.2.1/ HTTP/1.1';
const small = request(line);
/** Fewer than 100 of these fit into one read. */
const big = request(line, `X: ${'x'.repeat(8_000)}`);

let served: ProxyRequest[];
let refused: string[];
let connections: ClientConnections;
let server: Awaited<ReturnType<typeof startListeningServer>>;
let client: Socket;
let closed: Promise<unknown>;

beforeEach(async () => {
  served = [];
  refused = [];
  connections = new ClientConnections({
    descriptors: new Descriptors(1_000),
    mostUnproven: 10,
    log: pino({ level: 'silent' }),
  });
  server = await startListeningServer({
    connections,
    headTimeoutMs: 60_000,
    now: () => performance.now(),
    serve: (each) => served.push(each),
    onRefused: ({ code }) => refused.push(code),
  });
  client = connect({ port: server.port, host: '127.0.0.1' });
  client.on('error', () => {}).resume();
  closed = new Promise((resolve) => client.once('close', resolve));
});

afterEach(async () => {
  client.destroy();
  connections.closeAll();
  await server.close();
});

/** Waits until a request is served, and the next ones wait in the kernel. */
async function firstServed(): Promise<ProxyRequest> {
  return vi.waitFor(() => {
    const [first] = served;
    if (!first?.client.isPaused()) throw new Error('it still reads');
    return first;
  });
}

async function someTurns(): Promise<void> {
  for (let count = 0; count < 50; count += 1) await turn();
}

describe('regression: requests that arrive before the previous answer', () => {
  it('are parsed from at most one more read, and none of them is served', async () => {
    client.write(big.repeat(megabytes / big.length));
    const first = await firstServed();
    const { bytesRead } = first.client;
    // the bytes that arrived with the first, and one more read
    expect(bytesRead).toBeLessThanOrEqual(2 * readBytes);
    await someTurns();
    expect(first.client.bytesRead).toBe(bytesRead);
    expect(first.connection.ahead).toBeLessThanOrEqual((2 * readBytes) / big.length);
    expect(served).toHaveLength(1);
  });

  it('reset the connection if there are more than 100', async () => {
    client.write(small.repeat(200));
    await closed;
    expect(client.errored).toMatchObject({ code: 'ECONNRESET' });
    expect(served).toHaveLength(1);
  });

  it('are not parsed after a refusal, even if they are malformed', async () => {
    client.write(`${small}${big.repeat(megabytes / big.length)}\0\0\0`);
    const first = await firstServed();
    const { bytesRead } = first.client;
    const { ahead } = first.connection;
    first.connection.refuse(new Refusal('credentials_required'), first.id, first.message);
    await closed;
    expect(first.client.bytesRead).toBe(bytesRead);
    expect(first.connection.ahead).toBe(ahead);
    expect(refused).toEqual([]);
    expect(served).toHaveLength(1);
  });

  it('are not served, because the connection closes with the answer', async () => {
    client.write(small.repeat(3));
    const { response, connection, message } = await firstServed();
    response?.end('answer');
    connection.end(message);
    await closed;
    expect(served).toHaveLength(1);
  });
});

it('regression: after a refusal, a body is read to its end, and nothing behind it', async () => {
  const body = 'b'.repeat(megabytes);
  client.write(request('POST http://192.0.2.1/ HTTP/1.1', `Content-Length: ${body.length}`));
  await vi.waitFor(() => expect(served).toHaveLength(1));
  const [first] = served;
  first?.connection.refuse(new Refusal('credentials_required'), first.id, first.message);
  client.write(`${body}${small.repeat(1_000)}`);
  await vi.waitFor(() => expect(first?.client.closed).toBe(true));
  expect(first?.message.complete).toBe(true);
  expect(first?.connection.ahead).toBeLessThanOrEqual(readBytes / small.length + 1);
  expect(served).toHaveLength(1);
});

it('regression: a client that sends for more than 2 s after a refusal still gets it', async () => {
  client.removeAllListeners('data');
  client.pause();
  client.write(request('POST http://192.0.2.1/ HTTP/1.1', 'Content-Length: 6'));
  await vi.waitFor(() => expect(served).toHaveLength(1));
  const [first] = served;
  first?.connection.refuse(new Refusal('credentials_required'), first.id, first.message);
  for (let sent = 0; sent < 6; sent += 1) {
    await sleep(500);
    client.write('b');
  }
  let answer = '';
  client.on('data', (chunk) => {
    answer += chunk.toString();
  });
  client.resume();
  await closed;
  expect(client.errored).toBeNull();
  expect(answer).toMatch(/^HTTP\/1.1 407 /);
});

it('regression: a client that aborts its upload does not take part of the answer for all of it', async () => {
  client.write(`${request('POST http://192.0.2.1/ HTTP/1.1', 'Content-Length: 10')}bbb`);
  await vi.waitFor(() => expect(served).toHaveLength(1));
  const [first] = served;
  const part = new Promise((resolve) => client.once('data', resolve));
  first?.client.write('HTTP/1.1 200 OK\r\nContent-Length: 10\r\n\r\nab');
  await part;
  client.end();
  await closed;
  expect(client.errored).toMatchObject({ code: 'ECONNRESET' });
});
