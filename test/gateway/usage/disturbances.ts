import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayProcess } from '../../support/gateway/gateway-process.ts';
import { workersOf } from '../../support/gateway/gateway-process.ts';
import type { SeededRandom } from '../../support/gateway/seeded-random.ts';
import type { TcpProxy } from '../../support/gateway/tcp-proxy.ts';
import type { RedisServer } from '../limits/redis-server.ts';
import type { TunnelLoad } from '../tunnels/tunnel-load.ts';
import type { MortalDatabase } from './mortal-database.ts';

/** What is disturbed, under which load. */
export interface Scene {
  database: MortalDatabase;
  /** Counts CONNECTs for the gateway, where Redis is installed. */
  redis: RedisServer | undefined;
  /** Between the gateway and the database. */
  network: TcpProxy;
  /** The one that runs. */
  gateway: GatewayProcess;
  startGateway: () => Promise<GatewayProcess>;
  load: TunnelLoad;
  /** How many events are in the database. */
  countEvents: () => Promise<number>;
  /** How many reports the database has taken more than once. */
  countTakenAgain: () => Promise<number>;
}

/** One thing that goes wrong. */
export interface Disturbance {
  kind:
    | 'Postgres is killed'
    | 'the gateway is killed'
    | 'a worker is killed'
    | 'Redis is killed'
    | 'the connection is cut';
  /** Whether usage has been committed that the gateway has not been told of, and never will. */
  beforeAnswer: boolean;
}

/** What ends tunnels. */
export const kills: ReadonlySet<Disturbance['kind']> = new Set([
  'the gateway is killed',
  'a worker is killed',
]);

/** Each kind 3 times, 1 of them before an answer, in a random order. */
export function makeCourse(random: SeededRandom, kinds: Disturbance['kind'][]): Disturbance[] {
  const course = kinds.flatMap((kind) =>
    [false, false, true].map((beforeAnswer) => ({ kind, beforeAnswer })),
  );
  return random.shuffled(course);
}

/**
 * Does it, undoes it, and resolves when usage is recorded again, with how many reports were sent to the
 * database that had them.
 */
export async function disturb(scene: Scene, { kind, beforeAnswer }: Disturbance): Promise<number> {
  const { database, network, load, countEvents, countTakenAgain } = scene;
  const dies = kind === 'the gateway is killed';
  const takenAgain = await countTakenAgain();
  if (beforeAnswer) await network.holdAnswerTo('record_usage');
  if (dies) {
    // what a client was told the end of must be on disk at that very moment
    await load.atNextEnd(() => {
      load.gatewayDies();
      return scene.gateway.kill();
    });
    scene.gateway = await scene.startGateway();
  } else if (kind === 'a worker is killed') {
    const [worker] = workersOf(scene.gateway);
    if (worker === undefined) throw new Error('the gateway has no worker');
    await load.atNextEnd(async () => {
      load.gatewayDies();
      process.kill(worker, 'SIGKILL');
    });
    if (beforeAnswer) await cut(network, 0);
  } else if (kind === 'Redis is killed') {
    await scene.redis?.kill();
    await load.untilEnded(10);
    await scene.redis?.start();
    if (beforeAnswer) await cut(network, 0);
  } else if (kind === 'Postgres is killed') {
    await database.kill();
    await cut(network, 0);
    await database.start();
  } else {
    await cut(network, 3);
  }
  // the oldest are sent first: when new ones are there, those in doubt were sent
  const undone = await countEvents();
  while ((await countEvents()) <= undone) await sleep(20);
  return (await countTakenAgain()) - takenAgain;
}

/** Resets all connections, and keeps the way closed until so many more were tried in vain. */
async function cut(network: TcpProxy, attempts: number): Promise<void> {
  const enough = network.accepted + attempts;
  network.cut();
  while (network.accepted < enough) await sleep(5);
  network.restore();
}
