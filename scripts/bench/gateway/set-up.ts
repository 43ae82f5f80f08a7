import { once } from 'node:events';
import type { Side } from '../interleave.ts';
import { compare, type Measuring } from '../measuring.ts';
import type { Proxies } from './proxies.ts';
import { openTunnel } from './tunnels.ts';

/**
 * From the start of a TCP connection to a proxy to its 200 to a CONNECT, the key being in the
 * gateway's cache; then the tunnel is closed.
 */
export async function measureSetUp(measuring: Measuring, proxies: Proxies): Promise<void> {
  for (const connections of [1, 8]) {
    const side = ({ port }: { port: number }, request: Buffer): Side => ({
      round: () => openAndClose(port, request, 5 * measuring.size.statements, connections),
    });
    await compare(
      measuring,
      { group: 'gateway', name: 'CONNECT', connections, against: 'proxy-chain', aim: 1.05 },
      {
        candidate: side(proxies.gateway, proxies.withKey),
        baseline: side(proxies.floor, proxies.withoutKey),
      },
    );
  }
}

async function openAndClose(
  port: number,
  request: Buffer,
  count: number,
  connections: number,
): Promise<number[]> {
  const durations: number[] = [];
  const waiting = Array(count).keys();
  const client = async () => {
    for (const _ of waiting) {
      const begun = performance.now();
      const socket = await openTunnel(port, request);
      durations.push(performance.now() - begun);
      socket.destroy();
      await once(socket, 'close');
    }
  };
  await Promise.all(Array.from({ length: connections }, client));
  return durations;
}
