import type { Side } from '../interleave.ts';
import { compare, type Measuring } from '../measuring.ts';
import type { Program } from './measured-process.ts';
import type { Peer, Proxies } from './proxies.ts';

/**
 * How long 1,000 CONNECTs take that are closed once they are answered, over many connections, each of
 * which sends its next when its last is closed. A round is long enough for usage to be recorded in it
 * as it always is; what is left of it is recorded before the next.
 */
export async function measureConnects(measuring: Measuring, proxies: Proxies): Promise<void> {
  const { load, gateway, bare, squid } = proxies;
  const { size, report, tell } = measuring;
  const few = {
    ...measuring,
    size: {
      ...size,
      rounds: Math.ceil(size.rounds / 4),
      warmUpRounds: Math.min(2, size.warmUpRounds),
    },
  };
  for (const connections of [64, 256]) {
    const side = ({ process, request }: Peer<Program>): Side => ({
      prepare: () => gateway.process.recorded(),
      async round() {
        const { elapsedMs, setUps } = await load.connects({
          proxyPort: process.port,
          request: request.toString(),
          connections,
          milliseconds: size.connectMilliseconds,
        });
        return [(elapsedMs / setUps.length) * 1_000];
      },
    });
    const against = async (name: string, aim: number, peer: Peer<Program>) => {
      const title = { group: 'gateway', name: '1,000 CONNECTs', connections, against: name, aim };
      await compare(few, title, { candidate: side(gateway), baseline: side(peer) });
      const { candidate, baseline } = report.comparisons.at(-1) ?? {};
      const perSecond = (spread = candidate) => Math.round(1e6 / (spread?.median ?? 0));
      tell(`gateway: CONNECTs a second: ${perSecond()}, ${name} ${perSecond(baseline)}`);
    };
    // 0.75 of its CONNECTs a second
    await against('bare relay', 1 / 0.75, bare);
    if (squid) await against('Squid', 1, squid);
  }
}
