import { type ChildProcess, spawn } from 'node:child_process';
import { randomUUID } from 'node:crypto';
import { once } from 'node:events';
import { chmodSync, mkdtempSync, readdirSync, readFileSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { delimiter, join } from 'node:path';
import { setTimeout as sleep } from 'node:timers/promises';
import { onTestFinished } from 'vitest';
import { projectRoot } from '../../../scripts/stack/project-root.ts';

/** The line that `--ephemeral` prints on standard output when the stack is ready. */
export interface ReadyLine {
  url: string;
  restUrl: string;
  dbUrl: string;
  gatewayDbUrl: string;
  gatewayUrl: string;
  publishableKey: string;
  secretKey: string;
}

/** A process, with its program's path and arguments. */
export interface Process {
  pid: number;
  command: string;
}

/** A running `node scripts/start.ts`. */
export interface StartCommand {
  child: ChildProcess;
  stdout(): string;
  stderr(): string;
  /** Resolves when standard error names this step; fails if the command exits before. */
  step(words: string): Promise<void>;
  /** The standard output when the stack is ready; fails if the command exits before. */
  output(): Promise<string>;
  /** The line that a ready ephemeral stack prints. */
  readyLine(): Promise<ReadyLine>;
  /** Resolves with the exit code, or with the name of the signal that ended it. */
  ended: Promise<number | NodeJS.Signals | null>;
  /** Sends SIGINT to the command's whole process group, as the terminal does at Ctrl-C. */
  ctrlC(): void;
  /** Every running process that the command started, directly or indirectly. */
  processes(): Process[];
  /** The folder for the command's temporary files. */
  temporary: string;
}

export interface StartOptions {
  args?: string[];
  /** A script for `node --eval` that starts a stack, in place of the command. */
  script?: string;
  /** Default: this checkout. */
  checkout?: string;
  node?: string;
  user?: { uid: number; gid: number };
  env?: Record<string, string>;
  /** Starts without a database, not with a copy of the template: for tests of a first start. */
  scratch?: boolean;
  /** Shared by commands that should find each other's leftovers. Default: a new folder. */
  temporary?: string;
}

/** Runs the start command. After the test, its processes and files are always removed. */
export function startCommand(options: StartOptions = {}): StartCommand {
  const { checkout = projectRoot, args = ['--ephemeral'] } = options;
  const temporary = options.temporary ?? temporaryFolder();
  // every program of the stack inherits PATH, so this mark finds them all
  const mark = join(temporary, randomUUID());
  const script = options.script
    ? ['--input-type=module', '--eval', options.script]
    : [join(checkout, 'scripts/start.ts')];
  const child = spawn(options.node ?? process.execPath, [...script, ...args], {
    cwd: checkout,
    env: {
      ...process.env,
      ...(options.scratch ? { STACK_TEMPLATE: '' } : {}),
      ...options.env,
      TMPDIR: temporary,
      PATH: [mark, options.env?.PATH ?? process.env.PATH].join(delimiter),
    },
    stdio: ['ignore', 'pipe', 'pipe', 'ipc'],
    // its own process group, as in a terminal
    detached: true,
    ...options.user,
  });
  const words = { stdout: '', stderr: '' };
  const read = async (name: keyof typeof words) => {
    for await (const text of child[name]?.setEncoding('utf8') ?? []) words[name] += text;
  };
  let over = false;
  const end = Promise.all([once(child, 'exit'), read('stdout'), read('stderr')]);
  const ended = end.then(([[code, signal]]) => {
    over = true;
    return (code ?? signal) as number | NodeJS.Signals | null;
  });
  const command: StartCommand = {
    child,
    stdout: () => words.stdout,
    stderr: () => words.stderr,
    async step(step) {
      await until(() => over || words.stderr.includes(step));
      if (!words.stderr.includes(step)) {
        throw new Error(`ended before the step «${step}»:\n${words.stderr}`);
      }
    },
    async output() {
      await until(() => over || words.stdout.endsWith('\n'));
      if (words.stdout === '') throw new Error(`ended before it was ready:\n${words.stderr}`);
      return words.stdout;
    },
    readyLine: async () => JSON.parse(await command.output()) as ReadyLine,
    ended,
    ctrlC: () => void process.kill(-(child.pid ?? 0), 'SIGINT'),
    processes: () => processesWith(mark).filter(({ pid }) => pid !== child.pid),
    temporary,
  };
  onTestFinished(async () => {
    child.kill('SIGKILL');
    await ended;
    await endAll(() => command.processes().map(({ pid }) => pid));
  });
  return command;
}

/** A new folder that every user may enter, removed after the test. */
export function temporaryFolder(): string {
  const folder = mkdtempSync(join(tmpdir(), 'start-command-'));
  chmodSync(folder, 0o755);
  onTestFinished(() => rmSync(folder, { recursive: true, force: true, maxRetries: 5 }));
  return folder;
}

/** Resolves when `condition` holds; the test's own timeout is the limit. */
export async function until(condition: () => boolean | Promise<boolean>): Promise<void> {
  // often enough to catch short-lived states, but not so often that polling slows the test down
  while (!(await condition())) await sleep(20);
}

/** Whether a process listens on a port of the loopback address. */
export async function isListening(port: number): Promise<boolean> {
  const socket = connect(port, '127.0.0.1');
  try {
    await once(socket, 'connect');
    return true;
  } catch {
    return false;
  } finally {
    socket.destroy();
  }
}

/** The port in a URL. */
export function portOf(url: string): number {
  return Number(new URL(url).port);
}

/** Kills the processes that `remaining` finds with SIGKILL, until it finds none. */
export async function endAll(remaining: () => number[]): Promise<void> {
  await until(() => {
    const pids = remaining();
    for (const pid of pids) {
      try {
        process.kill(pid, 'SIGKILL');
      } catch {
        // it has just exited
      }
    }
    return pids.length === 0;
  });
}

function processesWith(mark: string): Process[] {
  const table = readdirSync('/proc')
    .filter((name) => /^\d+$/.test(name))
    .map((pid) => ({ pid, parent: parentOf(pid), marked: read(pid, 'environ').includes(mark) }));
  const found = new Set(table.filter(({ marked }) => marked).map(({ pid }) => pid));
  // Postgres's processes overwrite their environment with their title
  for (const { pid, parent } of table) if (found.has(parent)) found.add(pid);
  return [...found].map((pid) => ({
    pid: Number(pid),
    command: read(pid, 'cmdline').replaceAll('\0', ' '),
  }));
}

function parentOf(pid: string): string {
  return /^PPid:\s*(\d+)/m.exec(read(pid, 'status'))?.[1] ?? '';
}

function read(pid: string, file: string): string {
  try {
    return readFileSync(`/proc/${pid}/${file}`, 'utf8');
  } catch {
    return '';
  }
}
