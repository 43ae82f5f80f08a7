import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, type ProcessIdentity, signalGroup } from './process-identity.ts';
import type { ProcessUser } from './process-user.ts';
import { StackError } from './stack-error.ts';

/** One program of the stack, with its own log file. */
export interface Child {
  name: string;
  /** The leader of the program's process group. */
  process: ProcessIdentity;
  logFile: string;
  stopSignal: NodeJS.Signals;
  /** Resolves when the program has exited; never rejects. */
  exited: Promise<void>;
  hasExited(): boolean;
  /** Null until it has exited, and if a signal killed it. */
  exitCode(): number | null;
  /** Sends its stop signal, then SIGKILL after 10 s; resolves when it has exited. */
  stop(): Promise<void>;
  /** The last lines of its log, for an error message. */
  lastWords(): string;
}

export interface ChildOptions {
  name: string;
  command: string;
  args: string[];
  env: Record<string, string>;
  logFile: string;
  cwd?: string;
  user?: ProcessUser | null;
  /** The signal for a graceful shutdown. Default: SIGTERM. */
  stopSignal?: NodeJS.Signals;
}

/** Starts a program in its own process group, so that a Ctrl-C reaches it only through us. */
export function spawnChild(options: ChildOptions): Child {
  const { name, logFile, stopSignal = 'SIGTERM' } = options;
  const log = openSync(logFile, 'a', 0o600);
  const logged = fstatSync(log).size;
  let child: ChildProcess;
  try {
    child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: { ...inherited(), TZ: 'UTC', LANG: 'C.UTF-8', ...options.env },
      stdio: ['ignore', log, log],
      detached: true,
      ...(options.user ?? {}),
    });
  } finally {
    closeSync(log);
  }
  let ended = false;
  const exited = new Promise<void>((resolve) => {
    const end = () => {
      ended = true;
      resolve();
    };
    child.once('exit', end);
    child.once('error', end);
  });
  const { pid } = child;
  if (pid === undefined) {
    throw new StackError(
      `${name} could not be started from ${options.command}.`,
      'Run `npm ci` again; if the error persists, this platform has no build of it.',
    );
  }
  return {
    name,
    process: identify(pid),
    logFile,
    stopSignal,
    exited,
    hasExited: () => ended,
    exitCode: () => child.exitCode,
    async stop() {
      if (ended) return;
      signalGroup(pid, stopSignal);
      const timer = setTimeout(() => signalGroup(pid, 'SIGKILL'), 10_000);
      await exited;
      clearTimeout(timer);
    },
    lastWords: () =>
      readFileSync(logFile).subarray(logged).toString().trimEnd().split('\n').slice(-20).join('\n'),
  };
}

/** Inherited variables: the PATH, and Node's compile cache if set. */
function inherited(): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE } = process.env;
  return { PATH, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) };
}

/** Polls `probe` until it returns true. Fails if the program exits first, or after `timeoutMs`. */
export async function waitUntilReady(
  child: Child,
  probe: () => Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const limit = AbortSignal.timeout(timeoutMs);
  // a probe may never settle
  const over = Promise.race([child.exited, once(limit, 'abort')]).then(() => false);
  while (!child.hasExited() && !limit.aborted) {
    if (await Promise.race([probe().catch(() => false), over])) return;
    await sleep(15);
  }
  const what = child.hasExited()
    ? 'exited before it was ready'
    : `was not ready within ${timeoutMs / 1000} s`;
  throw new StackError(
    `${child.name} ${what}.\n${child.lastWords()}`,
    `Fix the error above, then start again. The full log is ${child.logFile}.`,
  );
}
