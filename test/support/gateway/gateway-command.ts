import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { fileURLToPath } from 'node:url';
import { inject, onTestFinished } from 'vitest';

const script = fileURLToPath(new URL('../../../gateway/main.ts', import.meta.url));
const stack = inject('stack');

/** A running `node gateway/main.ts`. */
export interface GatewayCommand {
  child: ChildProcess;
  stderr(): string;
  /** The lines of its log so far, as they are. */
  logged(): string[];
  /** Resolves with where it listens, when its log says so; rejects when it ends before. */
  ready(): Promise<{ port: number; operationsUrl: string }>;
  /** Resolves with its exit code, or the name of the signal that ended it. */
  ended: Promise<number | NodeJS.Signals | null>;
}

/** A folder for a spool, removed when the test is over. */
export function spoolFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'gateway-test-'));
  onTestFinished(() => rmSync(folder, { recursive: true, force: true }));
  return join(folder, 'spool');
}

/** Free ports, and loopback targets allowed. */
export function gatewayEnvironment(settings: Record<string, string>): Record<string, string> {
  return {
    GATEWAY_DATABASE_URL: stack.gatewayDbUrl,
    GATEWAY_PORT: '0',
    GATEWAY_METRICS_PORT: '0',
    GATEWAY_NODE_ID: 'test-node',
    GATEWAY_SPOOL_DIR: settings.GATEWAY_SPOOL_DIR ?? spoolFolder(),
    GATEWAY_ALLOW_TARGETS: '127.0.0.0/8',
    ...settings,
  };
}

/** Runs the command in this environment. Ended when the test is over. */
export function gatewayCommand(
  settings: Record<string, string> = {},
  nodeOptions: string[] = [],
): GatewayCommand {
  const child = spawn(process.execPath, [...nodeOptions, script], {
    env: { PATH: process.env.PATH, ...gatewayEnvironment(settings) },
    stdio: ['ignore', 'pipe', 'pipe'],
  });
  const words = { stdout: '', stderr: '' };
  for (const name of ['stdout', 'stderr'] as const) {
    child[name].setEncoding('utf8').on('data', (text: string) => {
      words[name] += text;
    });
  }
  const ended = once(child, 'close').then(
    ([code, signal]) => (code ?? signal) as number | NodeJS.Signals | null,
  );
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
  });
  const logged = () => words.stdout.split('\n').slice(0, -1);
  return {
    child,
    stderr: () => words.stderr,
    logged,
    ended,
    async ready() {
      for (;;) {
        const line = logged().find((each) => each.includes('taking CONNECTs'));
        if (line) {
          const { url, operationsUrl } = JSON.parse(line) as Record<
            'url' | 'operationsUrl',
            string
          >;
          return { port: Number(new URL(url).port), operationsUrl };
        }
        const over = await Promise.race([once(child.stdout, 'data'), ended.then(() => true)]);
        if (over === true) throw new Error(`ended before it was ready:\n${words.stderr}`);
      }
    },
  };
}
