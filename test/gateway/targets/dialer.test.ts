import { getEventListeners, once } from 'node:events';
import { type AddressInfo, createServer, type Server, type Socket } from 'node:net';
import { afterEach, beforeEach, describe, expect, test, vi } from 'vitest';
import { parseAllowedTargets } from '../../../gateway/targets/allowed-targets.ts';
import type { NameResolver } from '../../../gateway/targets/name-resolver.ts';
import { createTargetPolicy, type Target } from '../../../gateway/targets/target-policy.ts';
import { freePort } from '../../../scripts/stack/ports.ts';
import { openBlackHole } from '../black-hole.ts';
import { connectTarget, dial } from './test-dialer.ts';

const keyId = 'avp_test_000000000000';
const options = { keyId, timeoutMs: 10_000 };
/** Names that never resolve, until the signal is aborted. */
const names: Pick<NameResolver, 'resolve'> = {
  async resolve(_, { signal }) {
    await once(signal, 'abort');
    throw signal.reason;
  },
};
const policy = createTargetPolicy({ allowed: parseAllowedTargets('127.0.0.0/8'), names });
const closing: (() => unknown)[] = [];

/** Waits until `assertion` holds, with a long timeout, because a slow machine is not under test. */
const eventually = (assertion: () => unknown) => vi.waitFor(assertion, { timeout: 60_000 });
const openSockets = () =>
  process.getActiveResourcesInfo().filter((name) => name === 'TCPSocketWrap').length;
let openBefore: number;

beforeEach(() => {
  openBefore = openSockets();
});

afterEach(async () => {
  vi.useRealTimers();
  for (const close of closing.splice(0).reverse()) await close();
  // the test's own sockets are closed: the dialer left any others
  await eventually(() => expect(openSockets()).toBe(openBefore));
});

/** A server that records its connections, and closes with the test. */
async function listen(host = '127.0.0.1', port = 0) {
  const accepted: Socket[] = [];
  const server: Server = createServer({ allowHalfOpen: true }, (socket) => accepted.push(socket));
  server.listen(port, host);
  await once(server, 'listening');
  closing.push(() => {
    for (const socket of accepted) socket.destroy();
    server.close();
  });
  return { accepted, port: (server.address() as AddressInfo).port };
}

async function blackHole(): Promise<number> {
  const { port, close } = await openBlackHole();
  closing.push(close);
  return port;
}

/** A target with these addresses in 127.0.0.0/24, by their last number. */
function targetOf(port: number, ...lastNumbers: number[]): Target {
  const addresses = lastNumbers.map((last) => ({ address: `127.0.0.${last}`, family: 4 }));
  return { host: 'several.example', port, addresses };
}

function keep(socket: Socket): Socket {
  closing.push(() => socket.destroy());
  return socket;
}

test('connects, and returns the target', async () => {
  const { accepted, port } = await listen();
  const { socket, target } = await connectTarget(policy, '127.1', port, options);
  keep(socket);
  expect(target).toEqual({
    host: '127.0.0.1',
    port,
    addresses: [{ address: '127.0.0.1', family: 4 }],
  });
  expect(socket.allowHalfOpen).toBe(true);
  await eventually(() => expect(accepted[0]?.remotePort).toBe(socket.localPort));
});

test('the policy’s refusals are passed on', async () => {
  await expect(connectTarget(policy, '10.0.0.1', 443, options)).rejects.toMatchObject({
    code: 'target_forbidden',
    statusCode: 403,
  });
  await expect(connectTarget(policy, 'a b', 443, options)).rejects.toMatchObject({
    code: 'malformed_request',
    statusCode: 400,
  });
});

test('a closed port is unreachable', async () => {
  await expect(connectTarget(policy, '127.0.0.1', await freePort(), options)).rejects.toMatchObject(
    { code: 'target_unreachable', statusCode: 502 },
  );
  const nowhere = dial(targetOf(await freePort(), 1, 1, 1));
  await expect(nowhere).rejects.toMatchObject({ code: 'target_unreachable', statusCode: 502 });
});

test('an address that does not answer times out', async () => {
  const port = await blackHole();
  const before = openSockets();
  await expect(
    connectTarget(policy, '127.0.0.1', port, { keyId, timeoutMs: 50 }),
  ).rejects.toMatchObject({
    code: 'target_timeout',
    statusCode: 504,
  });
  // while the other end still has its connection
  await eventually(() => expect(openSockets()).toBe(before));
});

test('the time for name resolution counts', async () => {
  await expect(
    connectTarget(policy, 'slow.example', 443, { keyId, timeoutMs: 50 }),
  ).rejects.toMatchObject({ code: 'target_timeout', statusCode: 504 });
});

describe('stops when it is aborted', () => {
  const reason = new Error('the client is gone');

  test('before it starts', async () => {
    const { accepted, port } = await listen();
    const giveUp = new AbortController();
    giveUp.abort(reason);
    const connecting = connectTarget(policy, '127.0.0.1', port, { ...options, giveUp });
    await expect(connecting).rejects.toBe(reason);
    await expect(dial(targetOf(port, 1), giveUp.signal)).rejects.toBe(reason);
    expect(accepted).toEqual([]);
  });

  test('while it resolves', async () => {
    const gone = new AbortController();
    const connecting = connectTarget(policy, 'a.example', 443, { ...options, giveUp: gone });
    gone.abort(reason);
    await expect(connecting).rejects.toBe(reason);
  });

  test('while it connects', async () => {
    const gone = new AbortController();
    const port = await blackHole();
    const before = openSockets();
    const connecting = connectTarget(policy, '127.0.0.1', port, { ...options, giveUp: gone });
    await eventually(() => expect(openSockets()).toBe(before + 1));
    gone.abort(reason);
    await expect(connecting).rejects.toBe(reason);
    // while the other end still has its connection
    await eventually(() => expect(openSockets()).toBe(before));
  });

  test('but leaves a connected socket open', async () => {
    const gone = new AbortController();
    const { port } = await listen();
    const { socket } = await connectTarget(policy, '127.0.0.1', port, {
      ...options,
      giveUp: gone,
    });
    gone.abort(reason);
    expect(keep(socket).destroyed).toBe(false);
  });
});

test('a signal that outlives many connections keeps no listeners', async () => {
  const giveUp = new AbortController();
  const { signal } = giveUp;
  const { port } = await listen();
  const refused = targetOf(await freePort(), 1);
  keep(await dial(targetOf(port, 1), signal));
  keep((await connectTarget(policy, '127.0.0.1', port, { ...options, giveUp })).socket);
  await expect(dial(refused, signal)).rejects.toMatchObject({ code: 'target_unreachable' });
  await expect(
    connectTarget(policy, '127.0.0.1', refused.port, { ...options, giveUp }),
  ).rejects.toMatchObject({ code: 'target_unreachable' });
  expect(getEventListeners(signal, 'abort')).toEqual([]);
});

test('regression: a socket that fails before it has an error listener does not end the process', async () => {
  const { accepted, port } = await listen();
  const socket = await dial(targetOf(port, 1));
  await eventually(() => expect(accepted).toHaveLength(1));
  const closed = new Promise((resolve) => socket.once('close', resolve));
  accepted[0]?.resetAndDestroy();
  expect(await closed).toBe(true);
});

// only on Linux is all of 127.0.0.0/8 local
describe.runIf(process.platform === 'linux')('with several addresses', () => {
  const remoteOf = async (target: Target) => keep(await dial(target)).remoteAddress;

  test('the first is used if it answers, and no other is tried', async () => {
    const first = await listen('127.0.0.2');
    const second = await listen('127.0.0.3', first.port);
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    expect(await remoteOf(targetOf(first.port, 2, 3))).toBe('127.0.0.2');
    expect(vi.getTimerCount()).toBe(0);
    expect(second.accepted).toEqual([]);
  });

  test('the next is tried at once if one refuses', async () => {
    const { port } = await listen('127.0.0.4');
    // timers are faked, so that no delay passes
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    expect(await remoteOf(targetOf(port, 2, 3, 4))).toBe('127.0.0.4');
    expect(vi.getTimerCount()).toBe(0);
  });

  test('the next is tried in parallel if one is slow', async () => {
    const port = await blackHole();
    await listen('127.0.0.2', port);
    const before = openSockets();
    expect(await remoteOf(targetOf(port, 1, 2))).toBe('127.0.0.2');
    // both ends of the successful connection, and not the slow one
    await eventually(() => expect(openSockets()).toBe(before + 2));
  });

  test('a slow one is kept while the next one refuses', async () => {
    const port = await blackHole();
    const before = openSockets();
    vi.useFakeTimers({ toFake: ['setTimeout', 'clearTimeout'] });
    let settled = false;
    const gone = new AbortController();
    const dialling = dial(targetOf(port, 1, 2), gone.signal).finally(() => {
      settled = true;
    });
    const dialled = expect(dialling).rejects.toBe('enough');
    await vi.advanceTimersByTimeAsync(250);
    vi.useRealTimers();
    // the second has failed when only the first is left
    await eventually(() => expect(openSockets()).toBe(before + 1));
    expect(settled).toBe(false);
    gone.abort('enough');
    await dialled;
  });

  test('at most 16 are tried', async () => {
    const { port } = await listen('127.0.0.20');
    const refusing = Array.from({ length: 15 }, () => 2);
    expect(await remoteOf(targetOf(port, ...refusing, 20))).toBe('127.0.0.20');
    const unreachable = dial(targetOf(port, 2, ...refusing, 20));
    await expect(unreachable).rejects.toMatchObject({ code: 'target_unreachable' });
  });
});
