import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { createInterface } from 'node:readline';
import { fileURLToPath } from 'node:url';
import { onTestFinished } from 'vitest';

const script = fileURLToPath(new URL('./appending-gateway.ts', import.meta.url));

/** A process that appends events until it is killed: `appending-gateway.ts`. */
export interface SpoolProcess {
  child: ChildProcess;
  /** What it said: ids of acknowledged events, and words. */
  said: string[];
  /** Resolves with the signal that ended it, when all that it said is here. */
  ended: Promise<NodeJS.Signals | null>;
  /** Ends the active segment. */
  seal(): void;
}

/** The uuids that a process said. */
export function acknowledgedBy({ said }: SpoolProcess): string[] {
  return said.filter((word) => word.length === 36);
}

/** Starts one. `fileBlocks` is the most that it may write to a file, as `ulimit -f` counts. */
export function startSpoolProcess(options: {
  directory: string;
  apiKeyId?: string;
  hands?: number;
  databaseUrl?: string;
  fileBlocks?: number;
}): SpoolProcess {
  const { directory, apiKeyId = crypto.randomUUID(), hands = 1, databaseUrl } = options;
  const args = [script, directory, apiKeyId, String(hands), ...(databaseUrl ? [databaseUrl] : [])];
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
