import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { readFileSync } from 'node:fs';
import { fileURLToPath } from 'node:url';
import { readMetric } from './read-metric.ts';

const main = fileURLToPath(new URL('../../../gateway/main.ts', import.meta.url));

/** A gateway in its own process, which may be killed at any time. */
export interface GatewayProcess {
  child: ChildProcess;
  stderr(): string;
  /** The raw lines of its log so far. */
  logged(): string[];
  /** Resolves with its ports once the log shows them; rejects if it exits before. */
  ready(): Promise<{ port: number; operationsUrl: string }>;
  /** The value of one metric since its start, summed over its labels that match. */
  metric(name: string, labels?: Record<string, string>): Promise<number>;
  /** Resolves with its exit code, or the name of the signal that ended it. */
  ended: Promise<Ending>;
  /** SIGTERM; resolves as `ended` does. */
  stop(): Promise<Ending>;
  /** SIGKILL, sent before this returns; resolves as `ended` does. */
  kill(): Promise<Ending>;
}

type Ending = number | NodeJS.Signals | null;

/** Runs `node gateway/main.ts`, or another script that starts a gateway, with this environment. */
export function startGatewayProcess(
  env: Record<string, string>,
  options: {
    node?: string;
    script?: string;
    nodeOptions?: string[];
    args?: string[];
    channel?: boolean;
  } = {},
): GatewayProcess {
  const { node = process.execPath, script = main, nodeOptions = [], args = [], channel } = options;
  const child = spawn(node, [...nodeOptions, script, ...args], {
    env: { PATH: process.env.PATH, ...env },
    stdio: ['ignore', 'pipe', 'pipe', ...(channel ? (['ipc'] as const) : [])],
  });
  const words = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name]?.setEncoding('utf8').on('data', (text: string) => {
      words[name] += text;
    });
  }
  const ended = once(child, 'close').then(([code, signal]) => (code ?? signal) as Ending);
  const end = (signal: NodeJS.Signals) => {
    child.kill(signal);
    return ended;
  };
  const logged = () => words.stdout.split('\n').slice(0, -1);
  const ready = async () => {
    for (;;) {
      const line = logged().find((each) => each.includes('taking CONNECTs'));
      if (line) {
        const { url, operationsUrl } = JSON.parse(line) as { url: string; operationsUrl: string };
        return { port: Number(new URL(url).port), operationsUrl };
      }
      const over = await Promise.race([
        once(child.stdout ?? child, 'data'),
        ended.then(() => true),
      ]);
      if (over === true) throw new Error(`ended before it was ready:\n${words.stderr}`);
    }
  };
  return {
    child,
    stderr: () => words.stderr,
    logged,
    ready,
    metric: async (name, labels) => readMetric((await ready()).operationsUrl, name, labels),
    ended,
    stop: () => end('SIGTERM'),
    kill: () => end('SIGKILL'),
  };
}

/** The process ids of a gateway's workers. */
export function workersOf({ child: { pid } }: Pick<GatewayProcess, 'child'>): number[] {
  const children = readFileSync(`/proc/${pid}/task/${pid}/children`, 'utf8');
  return children.split(' ').filter(Boolean).map(Number);
}
