import type { MemoryUse } from './measured-process.ts';

// Loaded ahead of a program that is measured: tells its parent, when asked, what memory is in use
// once all garbage is collected. Ends with its parent.
process.on('message', (question) => {
  if (question !== 'memory') return;
  // what one collection finalizes, the next one frees
  globalThis.gc?.();
  globalThis.gc?.();
  const { rss, heapUsed, external } = process.memoryUsage();
  process.send?.({ resident: rss, heap: heapUsed + external } satisfies MemoryUse);
});
process.on('disconnect', () => process.exit(1));
