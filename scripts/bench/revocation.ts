import type { Stack } from '../stack/stack.ts';
import { type BenchKey, newBenchKeys } from './gateway/bench-keys.ts';
import { type MeasuredProxy, startGatewayProcess } from './gateway/measured-proxies.ts';
import { startTarget } from './gateway/target.ts';
import { connectRequest, openTunnel, sendConnect } from './gateway/tunnels.ts';
import { addFigure, type Measuring } from './measuring.ts';
import { quantile } from './statistics.ts';

const gatewayCount = 3;
/** Consecutive refused CONNECTs after which a gateway is considered to know of a revocation. */
const refusals = 25;

const routes = {
  rotate: { method: 'POST', path: '/rotate', expect: 200 },
  delete: { method: 'DELETE', path: '', expect: 204 },
} as const;
type Revocation = keyof typeof routes;

/**
 * Measures how long after the response to a rotation or deletion a gateway still accepts the old secret:
 * keys are revoked one after another, while each of three gateways that have the key cached gets
 * continuous CONNECTs with it.
 */
export async function measureRevocation(measuring: Measuring): Promise<void> {
  const { stack, scene, size, signal } = measuring;
  const keys = await newBenchKeys(measuring, await scene.newUsers(size.revocations));
  await using undo = new AsyncDisposableStack();
  const target = undo.use(await startTarget());
  const gateways: MeasuredProxy[] = [];
  for (let count = 0; count < gatewayCount; count++) {
    gateways.push(undo.use(await startGatewayProcess(stack.gatewayDbUrl)));
  }
  const lastAccepted: Record<Revocation, number[]> = { rotate: [], delete: [] };
  const tunnelClosed: number[] = [];
  for (const [trial, key] of keys.entries()) {
    const how = trial % 2 ? 'delete' : 'rotate';
    const request = connectRequest(target.port, key.pair);
    const { last, ends } = await runTrial(stack, gateways, request, key, how, signal);
    lastAccepted[how].push(last);
    // a rotated key keeps its tunnels
    if (how === 'delete') tunnelClosed.push(...ends);
  }
  addDelays(measuring, 'rotate: last acceptance', lastAccepted.rotate);
  addDelays(measuring, 'delete: last acceptance', lastAccepted.delete);
  addDelays(measuring, 'delete: end of open tunnels', tunnelClosed);
}

/** In ms from the response to the revocation; negative if earlier. */
async function runTrial(
  stack: Stack,
  gateways: MeasuredProxy[],
  request: string,
  key: BenchKey,
  how: Revocation,
  signal: AbortSignal,
): Promise<{ last: number; ends: number[] }> {
  const startedAt = performance.now();
  const tunnels = await Promise.all(gateways.map(({ port }) => openTunnel(port, request)));
  const closed = tunnels.map(async (socket) => {
    // the connection is reset, which `once` of node:events would treat as a failure
    await new Promise((resolve) => socket.once('close', resolve));
    return performance.now();
  });
  const limit = AbortSignal.any([signal, AbortSignal.timeout(60_000)]);
  const hammering = Promise.all(gateways.map(({ port }) => hammer(port, request, limit)));
  const [answeredAt, lasts] = await Promise.all([revoke(stack, key, how), hammering]);
  if (how === 'rotate') for (const socket of tunnels) socket.destroy();
  const ends = await Promise.all(closed);
  return {
    last: Math.max(startedAt, ...lasts) - answeredAt,
    ends: ends.map((at) => at - answeredAt),
  };
}

/** Sends CONNECTs one after another until they stay refused. Returns when the last accepted one started. */
async function hammer(port: number, request: string, signal: AbortSignal): Promise<number> {
  let last = Number.NEGATIVE_INFINITY;
  for (let refused = 0; refused < refusals; ) {
    signal.throwIfAborted();
    const startedAt = performance.now();
    const { status, socket } = await sendConnect(port, request);
    socket.destroy();
    if (status === 200) last = startedAt;
    refused = status === 200 ? 0 : refused + 1;
  }
  return last;
}

/** Rotates or deletes a key by its route, as its owner. Returns when the response arrived. */
async function revoke(
  { url }: Pick<Stack, 'url'>,
  { id, owner }: BenchKey,
  how: Revocation,
): Promise<number> {
  const { method, path, expect } = routes[how];
  const response = await fetch(`${url}/api/v1/proxy/keys/${id}${path}`, {
    method,
    headers: { Authorization: `Bearer ${owner.token}` },
  });
  const body = await response.text();
  const answeredAt = performance.now();
  if (response.status === expect) return answeredAt;
  throw new Error(`${how} returned ${response.status} instead of ${expect}: ${body}`);
}

function addDelays(measuring: Measuring, name: string, delays: number[]): void {
  addFigure(measuring, {
    group: 'revocation',
    name: `${name}, from the answer on`,
    unit: 'ms',
    values: {
      p50: quantile(delays, 0.5),
      p99: quantile(delays, 0.99),
      max: Math.max(...delays),
      'of all': delays.length,
      'after the answer': delays.filter((delay) => delay > 0).length,
    },
  });
}
