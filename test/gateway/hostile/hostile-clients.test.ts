import { connect, type Socket } from 'node:net';
import { afterAll, beforeAll, expect, test, vi } from 'vitest';
import {
  connectRequest,
  type GatewayFixture,
  plainRequest,
  sendRaw,
  startTestGateway,
} from '../../support/gateway/gateway-fixture.ts';
import { newKeyOwner, type UsableKey } from '../../support/gateway/key-owner.ts';
import { startTcpTarget, type TargetServer } from '../../support/gateway/targets.ts';
import { connectOwner } from '../../support/personas.ts';
import { overrideLimits } from '../../support/seeded-keys.ts';
import { strictAnswers } from '../fuzz/strict-answers.ts';
import { request } from '../malformed-requests.ts';

const sql = connectOwner();
const perAddress = 256;

let key: UsableKey;
let gateway: GatewayFixture;
/** Sends interim answers for as long as the other side reads them. */
let chatty: TargetServer;
let chattySent = 0;

beforeAll(async () => {
  const owner = await newKeyOwner(sql);
  key = await owner.newKey();
  await overrideLimits(sql, key.id, { rate_limit: 100000 });
  chatty = await startTcpTarget((socket) => {
    const hints = `HTTP/1.1 103 Early Hints\r\nLink: ${'x'.repeat(60_000)}\r\n\r\n`;
    const send = () => {
      while (chattySent < 1_000 && socket.writable && socket.write(hints)) chattySent += 1;
    };
    socket.on('drain', send);
    socket.once('data', send);
  });
  gateway = await startTestGateway({
    firstRequestMs: 1_000,
    idleMs: 1_000,
    unprovenPerAddress: perAddress,
  });
});

afterAll(async () => {
  await Promise.all([gateway.stop(), chatty.close(), sql.end()]);
});

/** Expects that a customer's CONNECT succeeds. */
async function expectService(localAddress = '127.0.0.1'): Promise<void> {
  const asked = connectRequest(`127.0.0.1:${chatty.port}`, key.basicAuth);
  const { status, socket } = await sendRaw(gateway.port, asked, { localAddress });
  socket.destroy();
  expect(status).toBe(200);
}

const refusals = (code: string) => gateway.metric('gateway_connects_total', { code });

/** Sends bytes from its own address; resolves with the answer when the connection is closed. */
async function hostileClient(bytes: string, localAddress: string): Promise<string> {
  const socket = connect({ port: gateway.port, host: '127.0.0.1', localAddress });
  let said = '';
  socket.on('error', () => {});
  socket.on('data', (chunk) => {
    said += chunk.toString('latin1');
  });
  socket.write(bytes);
  await new Promise((resolve) => socket.once('close', resolve));
  return said;
}

test.each([
  ['is refused once on each, if one read has few of them', 2_000, 8],
  ['is reset, if one read has hundreds of them', 0, 0],
])(
  'a stranger with 8 connections and 30 MB of pipelined requests %s',
  async (_, length, answers) => {
    const one = request('GET http://192.0.2.1/ HTTP/1.1', `X: ${'x'.repeat(length)}`);
    const many = one.repeat(30_000_000 / 8 / one.length);
    const before = await refusals('credentials_required');
    const said = Promise.all(Array.from({ length: 8 }, () => hostileClient(many, '127.0.0.2')));
    await expectService();
    for (const each of await said) {
      const { final } = strictAnswers(each, [{ method: 'GET', version: '1.1' }]);
      expect(final.map(({ status }) => status)).toEqual(answers === 0 ? [] : [407]);
    }
    expect(await refusals('credentials_required')).toBe(before + answers);
  },
);

test('of 1,000 slow clients, 256 at a time wait for their 408, and the others get 503', async () => {
  const elsewhere = '127.0.0.3';
  const slow = Array.from({ length: 1_000 }, () =>
    hostileClient('CONNECT example.com:443 HT', elsewhere),
  );
  await expectService();
  await vi.waitFor(async () => expect(await refusals('unavailable')).toBeGreaterThan(0));
  await expectService();
  const codes = (await Promise.all(slow)).map((said) => /\r\n\r\n([a-z_]+): /.exec(said)?.[1]);
  const timedOut = codes.filter((code) => code === 'request_timeout').length;
  expect(timedOut).toBeGreaterThanOrEqual(perAddress);
  expect(codes.filter((code) => code === 'unavailable')).toHaveLength(1_000 - timedOut);
  const warnings = gateway.logged.filter((each) => each.includes('too many connections without'));
  expect(warnings.length).toBeLessThan(5);
  // there is room again after their connections close
  await vi.waitFor(() => expectService(elsewhere));
});

test('regression: endless interim answers wait for a client that does not read them', async () => {
  const socket: Socket = connect({ port: gateway.port, host: '127.0.0.1' });
  socket.on('error', () => {});
  socket.pause();
  socket.write(plainRequest(`http://127.0.0.1:${chatty.port}/`, key.basicAuth));
  // nothing moves until the tunnel times out
  await vi.waitFor(() => expect(chattySent).toBeGreaterThan(10));
  await vi.waitFor(async () => expect(await gateway.metric('gateway_open_tunnels')).toBe(0));
  socket.destroy();
  // of 60 MB, as much as the kernel's buffers hold
  expect(chattySent).toBeLessThan(500);
});
