import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import type { Measuring, Size } from '../measuring.ts';
import type { MemoryFigure } from '../report.ts';
import { median } from '../statistics.ts';
import { type MemoryUse, startProcess } from './measured-process.ts';
import { type Peer, startProxies } from './proxies.ts';
import type { ProxyProcess } from './proxy-process.ts';
import { openTunnel } from './tunnels.ts';

const fillKeyCache = fileURLToPath(new URL('./fill-key-cache.ts', import.meta.url));

/** What idle tunnels take in the gateway and in a bare relay, and what cached keys take. */
export async function measureMemory(measuring: Measuring): Promise<void> {
  const { size } = measuring;
  const grown: Record<'gateway' | 'bare' | 'cache', MemoryUse[]> = {
    gateway: [],
    bare: [],
    cache: [],
  };
  // new processes each time: freed memory is kept for the next use
  for (let count = 0; count < size.starts; count++) {
    measuring.signal.throwIfAborted();
    await using proxies = await startProxies(measuring);
    grown.gateway.push(await growthByTunnels(proxies.gateway, size));
    grown.bare.push(await growthByTunnels(proxies.bare, size));
    grown.cache.push(await growthByKeys(size.cachedKeys));
  }
  tell(measuring, {
    name: `${size.tunnels} open tunnels`,
    candidate: medianOf(grown.gateway),
    baseline: medianOf(grown.bare),
  });
  tell(measuring, { name: `${size.cachedKeys} cached keys`, candidate: medianOf(grown.cache) });
}

function tell({ report, tell }: Measuring, figure: MemoryFigure): void {
  report.memory = [...(report.memory ?? []), figure];
  tell(`gateway: ${figure.name}: ${(figure.candidate.resident / 1e6).toFixed(1)} MB`);
}

async function growthByTunnels(
  { process: proxy, request }: Peer<ProxyProcess>,
  { tunnels, settleMilliseconds }: Size,
): Promise<MemoryUse> {
  const open = async (count: number) => {
    const sockets = [];
    for (let opened = 0; opened < count; opened++)
      sockets.push(await openTunnel(proxy.port, request));
    return sockets;
  };
  // what the first tunnels load and compile is not theirs
  for (const socket of await open(Math.ceil(tunnels / 5))) socket.destroy();
  await sleep(settleMilliseconds);
  const before = await proxy.memory();
  const sockets = await open(tunnels);
  await sleep(settleMilliseconds);
  const after = await proxy.memory();
  for (const socket of sockets) socket.destroy();
  return difference(after, before);
}

async function growthByKeys(keys: number): Promise<MemoryUse> {
  const cache = startProcess(fillKeyCache, { args: [String(keys)] });
  try {
    const before = await cache.memory();
    const filled = await cache.ask('fill');
    if (filled !== keys) throw new Error(`${filled} keys were cached instead of ${keys}`);
    return difference(await cache.memory(), before);
  } finally {
    await cache.stop();
  }
}

function difference(after: MemoryUse, before: MemoryUse): MemoryUse {
  return { resident: after.resident - before.resident, heap: after.heap - before.heap };
}

function medianOf(uses: MemoryUse[]): MemoryUse {
  return {
    resident: median(uses.map(({ resident }) => resident)),
    heap: median(uses.map(({ heap }) => heap)),
  };
}
