import {
  installedVersion,
  squid as otherSquid,
  startOtherProxy,
} from '../../compare/other-proxies.ts';
import type { ThrowAwayProgram } from '../../throw-away-program.ts';
import type { Measuring } from '../measuring.ts';
import { newBenchKeys } from './bench-keys.ts';
import type { LoadActions } from './load.ts';
import {
  type MeasuredGateway,
  type MeasuredProxy,
  startBareRelay,
  startGatewayProcess,
} from './measured-proxies.ts';
import { startThread, type Thread } from './threads.ts';
import { connectRequest } from './tunnels.ts';

/** Whether Squid is installed, to compare with. */
export const haveSquid = installedVersion(otherSquid) !== undefined;

/** A proxy, and a CONNECT through it to the load's target. */
export interface Peer<Program extends ThrowAwayProgram = ThrowAwayProgram> {
  process: Program & { port: number };
  request: string;
}

/** The gateway, the proxies that it is compared with, and a load for them. */
export interface Proxies extends AsyncDisposable {
  load: Thread<LoadActions>;
  gateway: Peer<MeasuredGateway>;
  bare: Peer<MeasuredProxy>;
  /** Null if it is not installed. */
  squid: Peer | null;
}

/** A load, which is also the target of its tunnels. */
export function startLoad(): Thread<LoadActions> {
  return startThread<LoadActions>(new URL('./load.ts', import.meta.url));
}

/** Starts them all; the gateway with additional Node flags and the given number of workers. */
export async function startProxies(
  measuring: Pick<Measuring, 'scene' | 'sql' | 'stack'>,
  { flags = [], workers = 1 }: { flags?: string[]; workers?: number } = {},
): Promise<Proxies> {
  const [key] = await newBenchKeys(measuring, await measuring.scene.newUsers(1));
  if (!key) throw new Error('no key was created');
  await using undo = new AsyncDisposableStack();
  const load = undo.use(startLoad());
  const targetPort = await load.ask('targetPort', null);
  const request = (pair?: string) => connectRequest(targetPort, pair);
  const gateway = undo.use(
    await startGatewayProcess(measuring.stack.gatewayDbUrl, {
      flags,
      env: { GATEWAY_WORKERS: String(workers) },
    }),
  );
  const bare = undo.use(await startBareRelay());
  const squid = haveSquid ? undo.use(await startOtherProxy(otherSquid)) : null;
  const kept = undo.move();
  return {
    load,
    gateway: { process: gateway, request: request(key.pair) },
    bare: { process: bare, request: request() },
    // Squid accepts any user and password here
    squid: squid && { process: squid, request: request('user:password') },
    [Symbol.asyncDispose]: () => kept.disposeAsync(),
  };
}
