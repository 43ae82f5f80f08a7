import type { Side } from '../interleave.ts';
import { compare, type Measuring } from '../measuring.ts';
import type { Program } from './measured-process.ts';
import type { Peer, Proxies } from './proxies.ts';

/**
 * From the start of a TCP connection to a proxy to its 200 to a CONNECT, one after another, the key
 * being in the gateway's cache; each tunnel is then closed.
 */
export async function measureSetUp(measuring: Measuring, proxies: Proxies): Promise<void> {
  const { load, gateway, bare, squid } = proxies;
  const side = ({ process, request }: Peer<Program>): Side => ({
    async round() {
      const { setUps } = await load.connects({
        proxyPort: process.port,
        request: request.toString(),
        connections: 1,
        count: 5 * measuring.size.statements,
      });
      return setUps;
    },
  });
  const title = { group: 'gateway', name: 'CONNECT', connections: 1 };
  const candidate = side(gateway);
  await compare(
    measuring,
    { ...title, against: 'bare relay', aim: 2 },
    { candidate, baseline: side(bare) },
  );
  if (!squid) return;
  await compare(
    measuring,
    { ...title, against: 'Squid', aim: null },
    { candidate, baseline: side(squid) },
  );
}
