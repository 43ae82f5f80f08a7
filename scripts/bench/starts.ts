import { spawn } from 'node:child_process';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { addFigure, type Measuring } from './measuring.ts';
import { median } from './statistics.ts';

const startOnce = fileURLToPath(new URL('./start-once.ts', import.meta.url));

/** Measures the time from a process's start to a ready stack: for the first start, and for a later one. */
export async function measureStarts(measuring: Measuring): Promise<void> {
  const { size, signal, tell } = measuring;
  const first: number[] = [];
  const second: number[] = [];
  for (let count = 0; count < size.starts; count++) {
    const folder = mkdtempSync(join(tmpdir(), 'proxy-keys-bench-'));
    // Postgres may run as another user
    chmodSync(folder, 0o711);
    try {
      for (const times of [first, second]) {
        times.push(await start(folder, signal));
        const which = times === first ? 'first' : 'second';
        tell(`starts: ${which} start: ${((times.at(-1) ?? 0) / 1000).toFixed(2)} s`);
      }
    } finally {
      rmSync(folder, { recursive: true, force: true, maxRetries: 5 });
    }
  }
  addFigure(measuring, {
    group: 'starts',
    name: `median of ${size.starts}`,
    unit: 'ms',
    values: { first: median(first), second: median(second) },
  });
}

async function start(folder: string, signal: AbortSignal): Promise<number> {
  signal.throwIfAborted();
  // in its own process group: a Ctrl-C must not kill it before its stack is stopped
  const child = spawn(process.execPath, [startOnce, folder], {
    stdio: ['ignore', 'pipe', 'inherit'],
    detached: true,
  });
  const cutShort = () => child.kill('SIGTERM');
  signal.addEventListener('abort', cutShort);
  let words = '';
  child.stdout.setEncoding('utf8').on('data', (text: string) => {
    words += text;
  });
  const [code] = (await once(child, 'close')) as [number | null];
  signal.removeEventListener('abort', cutShort);
  signal.throwIfAborted();
  if (code !== 0) throw new Error(`a start failed with code ${code}: see above`);
  return Number(words);
}
