import type { Measuring } from '../measuring.ts';
import { newBenchKeys } from './bench-keys.ts';
import { type ProxyProcess, startFloorProxy, startGatewayProcess } from './proxy-process.ts';
import { type BenchTarget, startTarget } from './target.ts';
import { connectRequest } from './tunnels.ts';

/** The gateway and what it is compared with, and CONNECTs for each to the same target. */
export interface Proxies extends AsyncDisposable {
  gateway: ProxyProcess;
  /** proxy-chain alone, without authentication. */
  floor: ProxyProcess;
  target: BenchTarget;
  withKey: Buffer;
  withoutKey: Buffer;
}

/** Starts both proxies and a target. */
export async function startProxies(measuring: Measuring): Promise<Proxies> {
  const [key] = await newBenchKeys(measuring, await measuring.scene.newUsers(1));
  if (!key) throw new Error('one key was asked for');
  await using undo = new AsyncDisposableStack();
  const target = await startTarget();
  undo.defer(() => target.close());
  const gateway = await startGatewayProcess(measuring.stack.gatewayDbUrl);
  undo.defer(() => gateway.stop());
  const floor = await startFloorProxy();
  undo.defer(() => floor.stop());
  const kept = undo.move();
  return {
    gateway,
    floor,
    target,
    withKey: connectRequest(target.port, key.pair),
    withoutKey: connectRequest(target.port),
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
