import { once } from 'node:events';
import { connect, type Socket } from 'node:net';
import { loopback } from '../../stack/ports.ts';
import type { Side } from '../interleave.ts';
import { compare, type Measuring } from '../measuring.ts';
import type { Proxies } from './proxies.ts';
import { transfer } from './target.ts';
import { openTunnel } from './tunnels.ts';

const megabyte = 1_000_000;

/** The time that 100 MB take over open tunnels, through the gateway and otherwise. */
export async function measureThroughput(measuring: Measuring, proxies: Proxies): Promise<void> {
  const { size } = measuring;
  const { gateway, floor, target, withKey, withoutKey } = proxies;
  const few = {
    ...measuring,
    size: { ...size, rounds: Math.ceil(size.rounds / 2), warmUpRounds: 3 },
  };
  const ways = {
    gateway: () => openTunnel(gateway.port, withKey),
    'proxy-chain': () => openTunnel(floor.port, withoutKey),
    'no proxy': () => connectTo(target.port),
  };
  for (const direction of ['download', 'upload'] as const) {
    for (const connections of [1, 8]) {
      const sockets = new Map<string, Socket[]>();
      for (const [way, open] of Object.entries(ways)) {
        sockets.set(way, await Promise.all(Array.from({ length: connections }, open)));
      }
      const side = (way: keyof typeof ways): Side => ({
        round: async () => {
          const tunnels = sockets.get(way) ?? [];
          const bytes = (size.transferMegabytes * megabyte) / tunnels.length;
          const begun = performance.now();
          await Promise.all(tunnels.map((socket) => transfer(socket, direction, bytes)));
          return [((performance.now() - begun) / size.transferMegabytes) * 100];
        },
      });
      const title = { group: 'gateway', name: `${direction} 100 MB`, connections };
      const candidate = side('gateway');
      try {
        await compare(
          few,
          // 0.95 of its bytes a second
          { ...title, against: 'proxy-chain', aim: 1 / 0.95 },
          { candidate, baseline: side('proxy-chain') },
        );
        await compare(
          few,
          { ...title, against: 'no proxy', aim: null },
          { candidate, baseline: side('no proxy') },
        );
      } finally {
        for (const socket of [...sockets.values()].flat()) socket.destroy();
      }
    }
  }
}

async function connectTo(port: number): Promise<Socket> {
  const socket = connect({ host: loopback, port, noDelay: true });
  await once(socket, 'connect');
  return socket;
}
