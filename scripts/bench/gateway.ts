import { measureAgainstPeers } from './gateway/against-peers.ts';
import { measureMemory } from './gateway/memory.ts';
import { measureNeighbours } from './gateway/neighbours.ts';
import { startProxies } from './gateway/proxies.ts';
import type { Measuring } from './measuring.ts';

/** Measures the gateway against a bare relay and Squid, beside hostile clients, and its memory. */
export async function measureGateway(measuring: Measuring): Promise<void> {
  {
    await using proxies = await startProxies(measuring);
    await measureAgainstPeers(measuring, proxies);
  }
  await measureNeighbours(measuring);
  await measureMemory(measuring);
}
