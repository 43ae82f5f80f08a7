import { setTimeout as sleep } from 'node:timers/promises';
import { startTcpProxy } from '../../../test/support/gateway/tcp-proxy.ts';
import { type BenchKey, newBenchKeys } from '../gateway/bench-keys.ts';
import { type ProxyProcess, startGatewayProcess } from '../gateway/proxy-process.ts';
import { startTarget } from '../gateway/target.ts';
import { connectRequest, sendConnect } from '../gateway/tunnels.ts';
import type { Measuring } from '../measuring.ts';
import { type Hammer, hammer, until } from './hammer.ts';
import { revoke } from './revoke.ts';

/** What the contract promises, in ms. */
const promiseMs = 30_000;
const keyCount = 20;
/** For 20 keys a gateway that serves each often, and a machine that has time for more. */
const pauseMs = 50;
/** Gateways notice at different moments of their heartbeat. */
const gatewayCount = 3;

/**
 * Revokes keys while the gateways' connections to the database pass no byte, and nobody tells them.
 * Gives the ms from each answer to the start of the last CONNECT with the old secret that was
 * accepted. Fails if the gateways, never restarted, do not know of it all once bytes pass again.
 */
export async function runBlackHole(measuring: Measuring): Promise<number[]> {
  const { stack, scene, signal, tell } = measuring;
  const keys = await newBenchKeys(measuring, await scene.newUsers(keyCount));
  await using undo = new AsyncDisposableStack();
  const target = await startTarget();
  undo.defer(() => target.close());
  const networks = [];
  const trials: { key: BenchKey; gateway: ProxyProcess; hammering: Hammer }[] = [];
  for (let count = 0; count < gatewayCount; count++) {
    const network = await startTcpProxy(stack.gatewayDbUrl);
    undo.defer(() => network.close());
    const gateway = await startGatewayProcess(network.through(stack.gatewayDbUrl));
    undo.defer(() => gateway.stop());
    networks.push(network);
    for (const key of keys) {
      const request = connectRequest(target.port, key.pair);
      const hammering = hammer(gateway.port, request, pauseMs);
      undo.defer(() => hammering.stop());
      trials.push({ key, gateway, hammering });
    }
  }
  await until(
    () => trials.every(({ hammering }) => hammering.accepted.count > 0),
    promiseMs,
    signal,
  );

  for (const network of networks) network.blackHole();
  tell('revocation: the database is in a black hole');
  const revoked = new Map<string, Awaited<ReturnType<typeof revoke>>>();
  for (const [index, key] of keys.entries()) {
    revoked.set(key.id, await revoke(stack, key, index % 2 ? 'delete' : 'rotate'));
  }
  await sleep(promiseMs + 5_000, undefined, { signal });
  for (const network of networks) network.restore();
  await until(
    () => trials.every(({ hammering }) => hammering.refusedInARow >= 3),
    promiseMs,
    signal,
  );

  for (const { key, gateway } of trials) {
    const pair = revoked.get(key.id)?.pair;
    const fresh = pair && connectRequest(target.port, pair);
    // look-ups that were under way in the black hole time out before others are answered
    while (fresh && !(await accepts(gateway.port, fresh))) {
      signal.throwIfAborted();
      await sleep(pauseMs);
    }
  }
  return trials.map(
    ({ key, hammering }) =>
      hammering.accepted.last - (revoked.get(key.id)?.answeredAt ?? Number.NaN),
  );
}

async function accepts(proxyPort: number, request: Buffer): Promise<boolean> {
  const { status, socket } = await sendConnect(proxyPort, request);
  socket.destroy();
  return status === 200;
}
