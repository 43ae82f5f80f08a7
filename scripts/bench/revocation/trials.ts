import type { Stack } from '../../stack/stack.ts';
import { type BenchKey, newBenchKeys } from '../gateway/bench-keys.ts';
import { type MeasuredProxy, startGatewayProcess } from '../gateway/measured-proxies.ts';
import { startTarget } from '../gateway/target.ts';
import { connectRequest, openTunnel } from '../gateway/tunnels.ts';
import type { Measuring } from '../measuring.ts';
import { hammer, until } from './hammer.ts';

const routes = {
  rotate: { method: 'POST', path: '/rotate', expect: 200 },
  delete: { method: 'DELETE', path: '', expect: 204 },
} as const;
type Revocation = keyof typeof routes;

/** What trials measured, in ms from the answer to the revocation; negative where it was before. */
interface Delays {
  /** To the start of the last CONNECT with the old secret that any gateway accepted. */
  lastAccepted: Record<Revocation, number[]>;
  /** To the end of the open tunnel of a deleted key, on each gateway. */
  tunnelClosed: number[];
}

const gatewayCount = 3;
/** CONNECTs that each gateway has refused in a row before a trial is over. */
const refusals = 25;

/**
 * Revokes one key after another, by rotating and deleting in turn, while each of three gateways that
 * have it in their caches is hammered with its old secret.
 */
export async function runTrials(measuring: Measuring): Promise<Delays> {
  const { stack, scene, size, signal, tell } = measuring;
  const keys = await newBenchKeys(measuring, await scene.newUsers(size.revocations));
  const delays: Delays = { lastAccepted: { rotate: [], delete: [] }, tunnelClosed: [] };
  await using undo = new AsyncDisposableStack();
  const target = undo.use(await startTarget());
  const gateways: MeasuredProxy[] = [];
  for (let count = 0; count < gatewayCount; count++) {
    gateways.push(undo.use(await startGatewayProcess(stack.gatewayDbUrl)));
  }
  for (const [trial, key] of keys.entries()) {
    signal.throwIfAborted();
    await runTrial(measuring, gateways, target.port, key, trial % 2 ? 'delete' : 'rotate', delays);
    if ((trial + 1) % 50 === 0) tell(`revocation: ${trial + 1} of ${keys.length} trials`);
  }
  return delays;
}

async function runTrial(
  { stack, signal }: Measuring,
  gateways: MeasuredProxy[],
  targetPort: number,
  key: BenchKey,
  how: Revocation,
  delays: Delays,
): Promise<void> {
  const request = connectRequest(targetPort, key.pair);
  const tunnels = await Promise.all(gateways.map(({ port }) => openTunnel(port, request)));
  const closed = tunnels.map(async (socket) => {
    // it is reset, which `once` of node:events would take for a failure
    await new Promise((resolve) => socket.once('close', resolve));
    return performance.now();
  });
  const hammers = gateways.map(({ port }) => hammer(port, request));
  await until(() => hammers.every(({ accepted }) => accepted.count >= 3), 30_000, signal);

  const answeredAt = await revoke(stack, key, how);
  await until(
    () => hammers.every(({ refusedInARow }) => refusedInARow >= refusals),
    60_000,
    signal,
  );
  await Promise.all(hammers.map((running) => running.stop()));
  const last = Math.max(...hammers.map(({ accepted }) => accepted.last));
  delays.lastAccepted[how].push(last - answeredAt);
  // a rotated key keeps its tunnels
  if (how === 'rotate') for (const socket of tunnels) socket.destroy();
  const ends = await Promise.all(closed);
  if (how === 'delete') delays.tunnelClosed.push(...ends.map((at) => at - answeredAt));
}

/** Rotates or deletes a key by its route, as its owner. Returns when the answer came. */
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
  throw new Error(`${how} answered ${response.status} instead of ${expect}: ${body}`);
}
