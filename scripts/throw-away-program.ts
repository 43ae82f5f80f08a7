import { chmodSync, mkdtempSync, rmSync } from 'node:fs';
import { connect } from 'node:net';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { spawnChild, waitUntilReady } from './stack/child-process.ts';
import { loopback } from './stack/ports.ts';

/** A program that runs until it is disposed of; its folder is removed with it. */
export interface ThrowAwayProgram extends AsyncDisposable {
  processId: number;
  stop(): Promise<void>;
}

/** Starts a program in its own temporary folder, and resolves when it is ready. */
export async function startProgram(options: {
  name: string;
  command: string;
  args(folder: string): string[];
  env?(folder: string): Record<string, string>;
  ready(): Promise<boolean>;
}): Promise<ThrowAwayProgram> {
  const folder = mkdtempSync(join(tmpdir(), 'proxy-keys-program-'));
  // a program that root starts may switch to another user
  chmodSync(folder, 0o777);
  const child = spawnChild({
    name: options.name,
    command: options.command,
    args: options.args(folder),
    env: options.env?.(folder) ?? {},
    cwd: folder,
    logFile: join(folder, 'log'),
  });
  const stop = async () => {
    await child.stop();
    rmSync(folder, { recursive: true, force: true });
  };
  try {
    await waitUntilReady(child, options.ready);
  } catch (error) {
    await stop();
    throw error;
  }
  return { processId: child.process.pid, stop, [Symbol.asyncDispose]: stop };
}

/** Whether a program listens on a loopback port. */
export function takesConnections(port: number): Promise<boolean> {
  return new Promise((resolve) => {
    const socket = connect({ port, host: loopback });
    socket.once('error', () => resolve(false));
    socket.once('connect', () => {
      socket.destroy();
      resolve(true);
    });
  });
}
