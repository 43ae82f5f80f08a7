import { type ChildProcess, spawn } from 'node:child_process';
import { closeSync, openSync, readFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { ProcessUser } from './process-user.ts';
import { StackError } from './stack-error.ts';

/** One program of the stack, its output in a log file of its own. */
export interface Child {
  name: string;
  pid: number;
  /** The program's path, by which a later run recognises what a killed one left. */
  command: string;
  /** Settles, never rejects, when the program has ended. */
  exited: Promise<void>;
  hasExited(): boolean;
  /** Sends its stop signal, then SIGKILL after 10 s; resolves when it has ended. */
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
  /** What asks it to end in order. Default SIGTERM. */
  stopSignal?: NodeJS.Signals;
}

/** Starts a program in a process group of its own, so that a Ctrl-C reaches it through us alone. */
export function spawnChild(options: ChildOptions): Child {
  const log = openSync(options.logFile, 'a', 0o600);
  let child: ChildProcess;
  try {
    child = spawn(options.command, options.args, {
      cwd: options.cwd,
      env: { PATH: process.env.PATH ?? '', TZ: 'UTC', LANG: 'C.UTF-8', ...options.env },
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
  if (child.pid === undefined) {
    throw new StackError(
      `${options.name} could not be started from ${options.command}.`,
      'Run `npm ci` again; if it persists, this platform has no build of it.',
    );
  }
  const { pid } = child;
  return {
    name: options.name,
    pid,
    command: options.command,
    exited,
    hasExited: () => ended,
    async stop() {
      if (ended) return;
      child.kill(options.stopSignal ?? 'SIGTERM');
      const timer = setTimeout(() => child.kill('SIGKILL'), 10_000);
      await exited;
      clearTimeout(timer);
    },
    lastWords: () =>
      readFileSync(options.logFile, 'utf8').trimEnd().split('\n').slice(-8).join('\n'),
  };
}

/** Polls `probe` until it holds. Fails when the program ends first, or after `timeoutMs`. */
export async function waitUntilReady(
  child: Child,
  probe: () => Promise<boolean>,
  timeoutMs = 30_000,
): Promise<void> {
  const deadline = Date.now() + timeoutMs;
  for (;;) {
    if (await probe().catch(() => false)) return;
    if (child.hasExited() || Date.now() > deadline) {
      const what = child.hasExited() ? 'ended at once' : `was not ready in ${timeoutMs / 1000} s`;
      throw new StackError(`${child.name} ${what}.\n${child.lastWords()}`, 'See its words above.');
    }
    await sleep(15);
  }
}
