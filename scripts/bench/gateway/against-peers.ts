import type { Side } from '../interleave.ts';
import { compare, type Measuring } from '../measuring.ts';
import type { Peer, Proxies } from './proxies.ts';

/** The work that is done through each proxy, and the target ratio of the gateway's time to a peer's. */
interface Workload {
  name: string;
  connections: number;
  /** The share of other comparisons' rounds. */
  share: number;
  /** Null if no target is set. If absent, there is no comparison with Squid. */
  aims: { bare: number; squid?: number | null };
  /** Whether a round starts only after the previous round's usage is recorded. */
  settled?: boolean;
  /** The duration of each piece of a round. */
  round(proxies: Proxies, peer: Peer): Promise<number[]>;
}

/** Compares the gateway to a bare relay and Squid: tunnel setup and throughput. */
export async function measureAgainstPeers(measuring: Measuring, proxies: Proxies): Promise<void> {
  const { gateway, bare, squid } = proxies;
  for (const { name, connections, share, aims, settled, round } of workloads(measuring)) {
    const side = (peer: Peer): Side => ({
      prepare: async () => settled && gateway.process.recorded(),
      round: () => round(proxies, peer),
    });
    const against = async (against: string, peer: Peer, aim: number | null) => {
      const title = { group: 'gateway', name, connections, against, aim };
      await compare(measuring, title, { candidate: side(gateway), baseline: side(peer) }, share);
    };
    await against('bare relay', bare, aims.bare);
    if (squid && aims.squid !== undefined) await against('Squid', squid, aims.squid);
  }
}

function workloads({ size }: Measuring): Workload[] {
  const transfer = (
    direction: 'download' | 'upload',
    connections: number,
    squid?: null,
  ): Workload => ({
    name: `${direction} 200 MB`,
    connections,
    share: 1 / 2,
    // 0.95 of its bytes per second
    aims: { bare: 1 / 0.95, ...(squid === undefined ? {} : { squid }) },
    async round({ load }, { process, request }) {
      const took = await load.ask('transfer', {
        proxyPort: process.port,
        request,
        connections,
        direction,
        bytes: size.transferMegabytes * 1_000_000,
      });
      return [(took / size.transferMegabytes) * 200];
    },
  });
  /** CONNECTs that are closed after the response; each connection then sends the next one. */
  const connects = (connections: number): Workload => ({
    name: '1,000 CONNECTs',
    connections,
    share: 1 / 4,
    // 0.75 of its CONNECTs per second
    aims: { bare: 1 / 0.75, squid: 1 },
    settled: true,
    async round({ load }, { process, request }) {
      const { elapsedMs, setUps } = await load.ask('connects', {
        proxyPort: process.port,
        request,
        connections,
        milliseconds: size.connectMilliseconds,
      });
      return [(elapsedMs / setUps.length) * 1_000];
    },
  });
  /** The time from the start of a TCP connection to the 200, one after another, with the key cached. */
  const setUp: Workload = {
    name: 'CONNECT',
    connections: 1,
    share: 1,
    aims: { bare: 2, squid: null },
    async round({ load }, { process, request }) {
      const count = 5 * size.statements;
      const asked = { proxyPort: process.port, request, connections: 1, count };
      return (await load.ask('connects', asked)).setUps;
    },
  };
  return [
    setUp,
    connects(64),
    connects(256),
    transfer('download', 1, null),
    transfer('download', 8),
    transfer('upload', 1),
    transfer('upload', 8),
  ];
}
