import type { Measuring } from '../measuring.ts';
import { quantile, spreadOf } from '../statistics.ts';
import { newBenchKeys } from './bench-keys.ts';
import { type HostileKind, startHostile } from './hostile-process.ts';
import { startLoad } from './load-process.ts';
import { startGatewayProcess } from './proxy-process.ts';
import { connectRequest } from './tunnels.ts';

/** Its slowest CONNECTs beside hostile clients may take this many times what they take in quiet. */
const aim = 3;
const tunnelLimit = 100;
/** What a customer's neighbours do. */
export const burdens: { kind: HostileKind; name: string }[] = [
  {
    kind: 'pipelined requests',
    name: 'a stranger with 8 connections, 30 MB of pipelined requests',
  },
  { kind: 'silent names', name: 'a key with 40 silent names' },
  { kind: 'a key at its tunnel limit', name: 'a key at its tunnel limit, 100 more a second' },
  { kind: 'slow clients', name: '1,000 slow clients' },
];

/** The 95th percentile of a customer's CONNECTs, one after another, beside clients that mean harm. */
export async function measureNeighbours(measuring: Measuring): Promise<void> {
  const { size, sql, scene, stack, report, signal, tell } = measuring;
  const [good, bad] = await newBenchKeys(measuring, await scene.newUsers(2));
  if (!good || !bad) throw new Error('two keys were asked for');
  await sql`
    update private.proxy_keys set limit_overrides = ${sql.json({ tunnel_limit: tunnelLimit })}
    where id = ${bad.id}`;
  await using undo = new AsyncDisposableStack();
  const load = await startLoad();
  undo.defer(() => load.stop());
  const hostile = await startHostile();
  undo.defer(() => hostile.stop());
  const gateway = await startGatewayProcess(stack.gatewayDbUrl, {
    env: { GATEWAY_DNS_SERVERS: hostile.nameServer },
  });
  undo.defer(() => gateway.stop());

  const connects = async () => {
    signal.throwIfAborted();
    const { setUps } = await load.connects({
      proxyPort: gateway.port,
      request: connectRequest(load.targetPort, good.pair).toString(),
      connections: 1,
      count: size.statements * 10,
    });
    return setUps;
  };
  await connects();
  for (const { kind, name } of burdens) {
    const silentName = connectRequest(443, bad.pair).toString().replaceAll('127.0.0.1', 'a.test');
    const request =
      kind === 'silent names' ? silentName : connectRequest(load.targetPort, bad.pair).toString();
    const quiet: number[] = [];
    const burdened: number[] = [];
    for (let round = 0; round < Math.ceil(size.rounds / 4); round += 1) {
      quiet.push(...(await connects()));
      await hostile.begin({ kind, proxyPort: gateway.port, request });
      burdened.push(...(await connects()));
      await hostile.rest();
      await gateway.recorded();
    }
    const ratio = quantile(burdened, 0.95) / quantile(quiet, 0.95);
    report.comparisons.push({
      group: 'gateway',
      name: `CONNECT beside ${name}: p95`,
      against: 'quiet',
      aim,
      candidate: spreadOf(burdened),
      baseline: spreadOf(quiet),
      ratio,
      verdict: ratio <= aim ? 'ok' : 'over',
    });
    tell(`gateway: a CONNECT's p95 beside ${name}: ${ratio.toFixed(2)}`);
  }
}
