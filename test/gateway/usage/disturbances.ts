import { setTimeout as sleep } from 'node:timers/promises';
import type { GatewayProcess } from '../../support/gateway/gateway-process.ts';
import { workersOf } from '../../support/gateway/gateway-process.ts';
import type { SeededRandom } from '../../support/gateway/seeded-random.ts';
import type { TcpProxy } from '../../support/gateway/tcp-proxy.ts';
import type { RedisServer } from '../limits/redis-server.ts';
import type { TunnelLoad } from '../tunnels/tunnel-load.ts';
import type { MortalDatabase } from './mortal-database.ts';

/** The parts that are disturbed, and their load. */
export interface Scene {
  database: MortalDatabase;
  /** Counts CONNECTs for the gateway, if Redis is installed. */
  redis: RedisServer | undefined;
  /** Between the gateway and the database. */
  network: TcpProxy;
  /** The running gateway. */
  gateway: GatewayProcess;
  startGateway: () => Promise<GatewayProcess>;
  load: TunnelLoad;
  /** The number of events in the database. */
  countEvents: () => Promise<number>;
  /** The number of reports that the database got more than once. */
  countTakenAgain: () => Promise<number>;
}

/** One failure to cause. */
export interface Disturbance {
  kind:
    | 'Postgres is killed'
    | 'the gateway is killed'
    | 'a worker is killed'
    | 'Redis is killed'
    | 'the connection is cut';
  /** Whether usage is committed for which the gateway never gets an answer. */
  beforeAnswer: boolean;
}

/** The failures that end tunnels. */
export const kills: ReadonlySet<Disturbance['kind']> = new Set([
  'the gateway is killed',
  'a worker is killed',
]);

/** Each kind 3 times, once of them before an answer, in random order. */
export function makeCourse(random: SeededRandom, kinds: Disturbance['kind'][]): Disturbance[] {
  const course = kinds.flatMap((kind) =>
    [false, false, true].map((beforeAnswer) => ({ kind, beforeAnswer })),
  );
  return random.shuffled(course);
}

/**
 * Causes a failure, repairs it, and resolves when usage is recorded again, with the number of
 * reports that the database got again.
 */
export async function disturb(scene: Scene, { kind, beforeAnswer }: Disturbance): Promise<number> {
  const { database, network, load, countEvents, countTakenAgain } = scene;
  const dies = kind === 'the gateway is killed';
  const takenAgain = await countTakenAgain();
  if (beforeAnswer) await network.holdAnswerTo('record_usage');
  if (dies) {
    // the usage of an ended tunnel must be on disk at this very moment
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
  // the oldest events are sent first, so new ones show that those in doubt were sent
  const undone = await countEvents();
  while ((await countEvents()) <= undone) await sleep(20);
  return (await countTakenAgain()) - takenAgain;
}

/** Resets all connections, and refuses new ones until this many have failed. */
async function cut(network: TcpProxy, attempts: number): Promise<void> {
  const enough = network.accepted + attempts;
  network.cut();
  while (network.accepted < enough) await sleep(5);
  network.restore();
}
