import { createServer } from 'node:http';
import { loopback } from '../../stack/ports.ts';

/** In bytes, after garbage collection. */
export interface MemoryUse {
  resident: number;
  /** JavaScript's heap, and the buffers that it holds outside. */
  heap: number;
}

/** What this process takes once all garbage is collected: needs `--expose-gc`. */
export function memoryUse(): MemoryUse {
  // what one collection finalizes, the next one frees
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, heap: heapUsed + external };
}

/** What has come since `before`. */
export function growth(before: MemoryUse, after: MemoryUse): MemoryUse {
  return { resident: after.resident - before.resident, heap: after.heap - before.heap };
}

// imported ahead of a program that is measured, it answers at this port; of a gateway's processes the first
const port = process.env.TELL_MEMORY_PORT;
if (port && !process.env.GATEWAY_WORKER) {
  const server = createServer((_, response) => response.end(JSON.stringify(memoryUse())));
  server.listen(Number(port), loopback).unref();
}
