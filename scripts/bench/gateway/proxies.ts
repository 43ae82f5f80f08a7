import type { Measuring } from '../measuring.ts';
import { newBenchKeys } from './bench-keys.ts';
import { type LoadProcess, startLoad } from './load-process.ts';
import type { Program } from './measured-process.ts';
import {
  type GatewayProcess,
  type ProxyProcess,
  startBareRelay,
  startGatewayProcess,
} from './proxy-process.ts';
import { haveSquid, startSquid } from './squid.ts';
import { connectRequest } from './tunnels.ts';

/** A proxy, and a CONNECT that it takes to the target of the load. */
export interface Peer<Process extends Program> {
  process: Process & { port: number };
  request: Buffer;
}

/** The gateway and what it is compared with, and a load for them. */
export interface Proxies extends AsyncDisposable {
  load: LoadProcess;
  gateway: Peer<GatewayProcess>;
  bare: Peer<ProxyProcess>;
  /** Null where it is not installed. */
  squid: Peer<Program> | null;
}

/** Starts them all; the gateway with more flags for Node. */
export async function startProxies(
  measuring: Pick<Measuring, 'scene' | 'sql' | 'stack'>,
  gatewayFlags: string[] = [],
): Promise<Proxies> {
  const [key] = await newBenchKeys(measuring, await measuring.scene.newUsers(1));
  if (!key) throw new Error('one key was asked for');
  await using undo = new AsyncDisposableStack();
  const started = <Process extends Program | LoadProcess>(process: Process) => {
    undo.defer(() => process.stop());
    return process;
  };
  const load = started(await startLoad());
  const request = (pair?: string) => connectRequest(load.targetPort, pair);
  const gateway = started(
    await startGatewayProcess(measuring.stack.gatewayDbUrl, { flags: gatewayFlags }),
  );
  const bare = started(await startBareRelay());
  const squid = haveSquid ? started(await startSquid()) : null;
  const kept = undo.move();
  return {
    load,
    gateway: { process: gateway, request: request(key.pair) },
    bare: { process: bare, request: request() },
    squid: squid && { process: squid, request: request(squid.pair) },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
