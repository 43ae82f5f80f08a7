import { type ChildProcess, execFile, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { promisify } from 'node:util';
import { onTestFinished } from 'vitest';

const scriptOf = (work: 'appending' | 'draining') =>
  fileURLToPath(new URL(`./${work}-process.ts`, import.meta.url));

/** A process that holds a spool and appends events until it is killed. */
export interface SpoolProcess {
  child: ChildProcess;
  /** Its output: ids of acknowledged events, and words. */
  said: string[];
  /** Resolves with the signal that ended it, after all output has arrived. */
  ended: Promise<NodeJS.Signals | null>;
  /** Seals the active segment. */
  seal(): void;
}

/** The uuids in a process's output. */
export function acknowledgedBy({ said }: SpoolProcess): string[] {
  return said.filter((word) => word.length === 36);
}

/** Starts one. `fileBlocks` limits the size of its files, in the units of `ulimit -f`. */
export function startSpoolProcess(options: {
  directory: string;
  apiKeyId?: string;
  hands?: number;
  databaseUrl?: string;
  fileBlocks?: number;
}): SpoolProcess {
  const { directory, apiKeyId = crypto.randomUUID(), hands = 1, databaseUrl } = options;
  const words = [directory, apiKeyId, String(hands), ...(databaseUrl ? [databaseUrl] : [])];
  const args = [scriptOf('appending'), ...words];
  const limit = options.fileBlocks === undefined ? '' : `ulimit -f ${options.fileBlocks} && `;
  const child = spawn('sh', ['-c', `${limit}exec "$@"`, 'sh', process.execPath, ...args], {
    stdio: ['pipe', 'pipe', 'inherit'],
  });
  const said: string[] = [];
  createInterface(child.stdout).on('line', (line) => said.push(line));
  child.stdin.on('error', () => {});
  const ended = once(child, 'close').then(([, signal]) => signal as NodeJS.Signals | null);
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  return { child, said, ended, seal: () => child.stdin.write('\n') };
}

/** Records a whole spool in a process with this heap size, in MB; resolves with its output. */
export async function drainSpool(directory: string, heapSize: number): Promise<unknown> {
  const args = [`--max-old-space-size=${heapSize}`, scriptOf('draining'), directory];
  const { stdout } = await promisify(execFile)(process.execPath, args);
  return JSON.parse(stdout);
}
