import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { closeSync, fstatSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { identify, type ProcessIdentity, signalGroup } from './process-identity.ts';
import type { ProcessUser } from './process-user.ts';
import { StackError } from './stack-error.ts';

/** One program of the stack, its output in a log file of its own. */
export interface Child {
  name: string;
  /** The leader of the program's process group. */
  process: ProcessIdentity;
  logFile: string;
  stopSignal: NodeJS.Signals;
  /** Settles, never rejects, when the program has ended. */
  exited: Promise<void>;
  hasExited(): boolean;
  /** Null until it has ended, and when a signal ended it. */
  exitCode(): number | null;
  /** Sends its stop signal, then SIGKILL after 10 s; resolves when it has ended. */
  stop(): Promise<void>;
  /** The last lines it wrote to its log, for an error message. */
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
  /** What asks it to end in order. Default SIGTERM. */
  stopSignal?: NodeJS.Signals;
}

/** Starts a program in a process group of its own, so that a Ctrl-C reaches it through us alone. */
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
      'Run `npm ci` again; if it persists, this platform has no build of it.',
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

/** Where programs are, and where Node keeps what it has compiled, if anywhere. */
function inherited(): Record<string, string> {
  const { PATH = '', NODE_COMPILE_CACHE } = process.env;
  return { PATH, ...(NODE_COMPILE_CACHE === undefined ? {} : { NODE_COMPILE_CACHE }) };
}

/** Polls `probe` until it holds. Fails when the program ends first, or after `timeoutMs`. */
export async function waitUntilReady(
  child: Child,
  probe: () => Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const limit = AbortSignal.timeout(timeoutMs);
  // a probe may itself never be answered
  const over = Promise.race([child.exited, once(limit, 'abort')]).then(() => false);
  while (!child.hasExited() && !limit.aborted) {
    if (await Promise.race([probe().catch(() => false), over])) return;
    await sleep(15);
  }
  const what = child.hasExited()
    ? 'ended before it was ready'
    : `was not ready in ${timeoutMs / 1000} s`;
  throw new StackError(
    `${child.name} ${what}.\n${child.lastWords()}`,
    `Correct what it names and start again. All of its log is in ${child.logFile}.`,
  );
}
