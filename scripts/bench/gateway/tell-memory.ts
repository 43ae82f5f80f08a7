import { createServer } from 'node:http';
import { loopback } from '../../stack/ports.ts';

/** Memory in bytes, after garbage collection. */
export interface MemoryUse {
  resident: number;
  /** The JavaScript heap, and its external buffers. */
  heap: number;
}

/** This process's memory after full garbage collection; requires `--expose-gc`. */
export function memoryUse(): MemoryUse {
  // the second collection frees what the first one finalizes
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  return { resident: rss, heap: heapUsed + external };
}

/** The growth since `before`. */
export function growth(before: MemoryUse, after: MemoryUse): MemoryUse {
  return { resident: after.resident - before.resident, heap: after.heap - before.heap };
}

// when preloaded into a measured program, it responds on this port; only in a gateway's first process
const port = process.env.TELL_MEMORY_PORT;
if (port && !process.env.GATEWAY_WORKER) {
  const server = createServer((_, response) => response.end(JSON.stringify(memoryUse())));
  server.listen(Number(port), loopback).unref();
}
