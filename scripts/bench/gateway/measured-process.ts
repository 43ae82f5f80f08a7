import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import { chownSync, closeSync, mkdtempSync, openSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import type { ProcessUser } from '../../stack/process-user.ts';

/** In bytes, after garbage collection. */
export interface MemoryUse {
  resident: number;
  /** JavaScript's heap, and the buffers that it holds outside. */
  heap: number;
}

/** A program in a process, with a folder, of its own. */
export interface Program {
  processId: number;
  /** What it said, once it has ended. */
  ended(): string | null;
  /** Lets it end in order, and removes what it left on disk. */
  stop(): Promise<void>;
}

/** A script of Node's that is measured. */
export interface MeasuredProcess extends Program {
  memory(): Promise<MemoryUse>;
  /** What it answers to a message. Rejects with what it said where it ends instead. */
  ask(message: unknown): Promise<unknown>;
}

const tellMemory = new URL('./tell-memory.ts', import.meta.url).href;

/** Runs a script that can be asked for its memory. */
export function startProcess(
  script: string,
  options: {
    args?: string[];
    env?: (folder: string) => Record<string, string>;
    /** For Node itself. */
    flags?: string[];
  } = {},
): MeasuredProcess {
  const { args = [], env = () => ({}), flags = [] } = options;
  const { child, exited, ...program } = startChild({
    command: process.execPath,
    args: () => [...flags, '--expose-gc', '--import', tellMemory, script, ...args],
    env,
    channel: true,
  });
  const ask = async (message: unknown): Promise<unknown> => {
    child.send(message as string);
    const ended = exited.then(() => {
      throw new Error(`a measured program has ended: ${program.ended()}`);
    });
    const [answer] = await Promise.race([once(child, 'message'), ended]);
    return answer;
  };
  return { ...program, ask, memory: async () => (await ask('memory')) as MemoryUse };
}

/** Runs a program of Debian's as `user`, whose folder it then is. It ends with us, as scripts do. */
export function startProgram(
  command: string,
  args: (folder: string) => string[],
  user: ProcessUser | null,
): Program {
  const {
    child: _,
    exited: __,
    ...program
  } = startChild({
    command: 'setpriv',
    args: (folder) => ['--pdeathsig', 'TERM', command, ...args(folder)],
    user,
  });
  return program;
}

function startChild(options: {
  command: string;
  args: (folder: string) => string[];
  env?: (folder: string) => Record<string, string>;
  user?: ProcessUser | null;
  channel?: boolean;
}): Program & { child: ChildProcess; exited: Promise<unknown> } {
  const { command, args, env = () => ({}), user, channel } = options;
  const folder = mkdtempSync(join(tmpdir(), 'proxy-keys-bench-'));
  if (user) chownSync(folder, user.uid, user.gid);
  const logFile = join(folder, 'log');
  const log = openSync(logFile, 'a');
  // in a process group of its own: a Ctrl-C reaches it through us alone
  const child = spawn(command, args(folder), {
    env: { PATH: process.env.PATH ?? '', TZ: 'UTC', ...env(folder) },
    stdio: ['ignore', log, log, ...(channel ? (['ipc'] as const) : [])],
    detached: true,
    ...user,
  });
  closeSync(log);
  const exited = once(child, 'exit');
  const hasExited = () => child.exitCode !== null || child.signalCode !== null;
  return {
    child,
    exited,
    processId: child.pid ?? 0,
    ended: () => (hasExited() ? readFileSync(logFile, 'utf8') : null),
    async stop() {
      if (!hasExited()) {
        child.kill('SIGTERM');
        await exited;
      }
      rmSync(folder, { recursive: true, force: true });
    },
  };
}
