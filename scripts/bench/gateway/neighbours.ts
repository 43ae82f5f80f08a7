import { addComparison, type Measuring } from '../measuring.ts';
import { quantile, spreadOf } from '../statistics.ts';
import { newBenchKeys } from './bench-keys.ts';
import type { HostileActions, HostileKind } from './hostile.ts';
import { startGatewayProcess } from './measured-proxies.ts';
import { startLoad } from './proxies.ts';
import { startThread } from './threads.ts';
import { connectRequest } from './tunnels.ts';

/** The allowed slowdown of a customer's slowest CONNECTs beside hostile clients. */
const aim = 3;
const tunnelLimit = 100;
/** The load from a customer's neighbors. */
export const burdens: { kind: HostileKind; name: string }[] = [
  {
    kind: 'pipelined requests',
    name: 'a stranger with 8 connections, 30 MB of pipelined requests',
  },
  { kind: 'silent names', name: 'a key with 40 silent names' },
  { kind: 'a key at its tunnel limit', name: 'a key at its tunnel limit, 100 more a second' },
  { kind: 'slow clients', name: '1,000 slow clients' },
];

/** Measures the 95th percentile of a customer's sequential CONNECTs beside hostile clients. */
export async function measureNeighbours(measuring: Measuring): Promise<void> {
  const { size, sql, scene, stack, signal } = measuring;
  const [good, bad] = await newBenchKeys(measuring, await scene.newUsers(2));
  if (!good || !bad) throw new Error('two keys were not created');
  await sql`
    update proxy_private.proxy_keys set limit_overrides = ${sql.json({ tunnel_limit: tunnelLimit })}
    where id = ${bad.id}`;
  await using load = startLoad();
  const targetPort = await load.ask('targetPort', null);
  await using hostile = startThread<HostileActions>(new URL('./hostile.ts', import.meta.url));
  await using gateway = await startGatewayProcess(stack.gatewayDbUrl, {
    env: { GATEWAY_DNS_SERVERS: await hostile.ask('nameServer', null) },
  });

  const connects = async () => {
    signal.throwIfAborted();
    const { setUps } = await load.ask('connects', {
      proxyPort: gateway.port,
      request: connectRequest(targetPort, good.pair),
      connections: 1,
      count: size.statements * 10,
    });
    return setUps;
  };
  await connects();
  for (const { kind, name } of burdens) {
    const silentName = connectRequest(443, bad.pair).replaceAll('127.0.0.1', 'a.test');
    const request = kind === 'silent names' ? silentName : connectRequest(targetPort, bad.pair);
    const quiet: number[] = [];
    const burdened: number[] = [];
    for (let round = 0; round < Math.ceil(size.rounds / 4); round += 1) {
      quiet.push(...(await connects()));
      await hostile.ask('begin', { kind, proxyPort: gateway.port, request });
      burdened.push(...(await connects()));
      await hostile.ask('rest', null);
      await gateway.recorded();
    }
    addComparison(
      measuring,
      { group: 'gateway', name: `CONNECT beside ${name}: p95`, against: 'quiet', aim },
      {
        candidate: spreadOf(burdened),
        baseline: spreadOf(quiet),
        ratio: quantile(burdened, 0.95) / quantile(quiet, 0.95),
      },
    );
  }
}
