import type { Side } from '../interleave.ts';
import { compare, type Measuring } from '../measuring.ts';
import type { Program } from './measured-process.ts';
import type { Peer, Proxies } from './proxies.ts';

const megabyte = 1_000_000;

/** The time that 200 MB take over open tunnels. */
export async function measureThroughput(measuring: Measuring, proxies: Proxies): Promise<void> {
  const { size } = measuring;
  const { load, gateway, bare, squid } = proxies;
  const few = {
    ...measuring,
    size: {
      ...size,
      rounds: Math.ceil(size.rounds / 2),
      warmUpRounds: Math.min(3, size.warmUpRounds),
    },
  };
  for (const direction of ['download', 'upload'] as const) {
    for (const connections of [1, 8]) {
      const side = ({ process, request }: Peer<Program>): Side => ({
        async round() {
          const took = await load.transfer({
            proxyPort: process.port,
            request: request.toString(),
            connections,
            direction,
            bytes: size.transferMegabytes * megabyte,
          });
          return [(took / size.transferMegabytes) * 200];
        },
      });
      const title = { group: 'gateway', name: `${direction} 200 MB`, connections };
      const candidate = side(gateway);
      await compare(
        few,
        // 0.95 of its bytes a second
        { ...title, against: 'bare relay', aim: 1 / 0.95 },
        { candidate, baseline: side(bare) },
      );
      if (!squid || connections > 1 || direction === 'upload') continue;
      await compare(
        few,
        { ...title, against: 'Squid', aim: null },
        { candidate, baseline: side(squid) },
      );
    }
  }
}
