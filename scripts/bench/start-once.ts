import { startStack } from '../stack/stack.ts';

// Starts a stack in the folder given, says after how many milliseconds of this process it was
// ready, and stops it. SIGTERM cuts that short.
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
