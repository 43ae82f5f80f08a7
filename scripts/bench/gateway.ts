import { measureAuthentication } from './gateway/authentication.ts';
import { measureConnects } from './gateway/connects.ts';
import { measureMemory } from './gateway/memory.ts';
import { measureNeighbours } from './gateway/neighbours.ts';
import { startProxies } from './gateway/proxies.ts';
import { measureSetUp } from './gateway/set-up.ts';
import { measureThroughput } from './gateway/throughput.ts';
import type { Measuring } from './measuring.ts';

/** The gateway against a bare relay and Squid, and its parts against the least that they could cost. */
export async function measureGateway(measuring: Measuring): Promise<void> {
  {
    await using proxies = await startProxies(measuring);
    await measureSetUp(measuring, proxies);
    await measureConnects(measuring, proxies);
    await measureThroughput(measuring, proxies);
  }
  await measureNeighbours(measuring);
  await measureAuthentication(measuring);
  await measureMemory(measuring);
}
