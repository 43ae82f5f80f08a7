import { startStack } from '../stack/stack.ts';

// Starts a stack in the given folder, prints how many milliseconds after this process's start it was
// ready, and stops it. SIGTERM aborts the start.
const [folder = ''] = process.argv.slice(2);
const abort = new AbortController();
process.on('SIGTERM', () => abort.abort());
try {
  const stack = await startStack({ ephemeral: true, durable: true, folder, signal: abort.signal });
  process.stdout.write(String(performance.now()));
  await stack.stop();
} catch (error) {
  if (!abort.signal.aborted) throw error;
  process.exitCode = 1;
}
