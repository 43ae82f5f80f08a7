import { execFile } from 'node:child_process';
import { setTimeout as sleep } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { addFigure, type Measuring, type Size } from '../measuring.ts';
import { median } from '../statistics.ts';
import type { MeasuredProxy } from './measured-proxies.ts';
import { type Peer, startProxies } from './proxies.ts';
import { growth, type MemoryUse } from './tell-memory.ts';
import { openTunnel } from './tunnels.ts';

/** Measures the memory of idle tunnels in the gateway and in a bare relay, and of cached keys. */
export async function measureMemory(measuring: Measuring): Promise<void> {
  const { size, signal } = measuring;
  const [gateway, bare, cache]: [MemoryUse[], MemoryUse[], MemoryUse[]] = [[], [], []];
  // new processes each time, as a process keeps freed memory for reuse
  for (let count = 0; count < size.starts; count++) {
    signal.throwIfAborted();
    await using proxies = await startProxies(measuring);
    gateway.push(await growthByTunnels(proxies.gateway, size));
    bare.push(await growthByTunnels(proxies.bare, size));
    cache.push(await growthByKeys(size.cachedKeys));
  }
  const add = (name: string, uses: MemoryUse[]) =>
    addFigure(measuring, {
      group: 'gateway',
      name,
      unit: 'MB',
      values: {
        resident: median(uses.map(({ resident }) => resident / 1e6)),
        'heap and buffers': median(uses.map(({ heap }) => heap / 1e6)),
      },
    });
  add(`${size.tunnels} open tunnels`, gateway);
  add(`${size.tunnels} open tunnels of a bare relay`, bare);
  add(`${size.cachedKeys} cached keys`, cache);
}

async function growthByTunnels(
  { process: proxy, request }: Peer<MeasuredProxy>,
  { tunnels, settleMilliseconds }: Size,
): Promise<MemoryUse> {
  const open = async (count: number) => {
    const sockets = [];
    for (let opened = 0; opened < count; opened++)
      sockets.push(await openTunnel(proxy.port, request));
    return sockets;
  };
  // not counting what the first tunnels load and compile
  for (const socket of await open(Math.ceil(tunnels / 5))) socket.destroy();
  await sleep(settleMilliseconds);
  const before = await proxy.memory();
  const sockets = await open(tunnels);
  await sleep(settleMilliseconds);
  const after = await proxy.memory();
  for (const socket of sockets) socket.destroy();
  return growth(before, after);
}

async function growthByKeys(keys: number): Promise<MemoryUse> {
  const script = fileURLToPath(new URL('./fill-key-cache.ts', import.meta.url));
  const { stdout } = await promisify(execFile)(process.execPath, [
    '--expose-gc',
    script,
    String(keys),
  ]);
  return JSON.parse(stdout) as MemoryUse;
}
