import { execFileSync } from 'node:child_process';
import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import type { Child } from './child-process.ts';

type Entry = Pick<Child, 'name' | 'pid' | 'command'>;

/** Notes which programs run, for the next start to clear up should this one be killed. */
export function recordProcesses(file: string, children: Child[]): void {
  const entries: Entry[] = children.map(({ name, pid, command }) => ({ name, pid, command }));
  writeFileSync(file, JSON.stringify(entries), { mode: 0o600 });
}

/** Forgets them: all have ended. */
export function forgetProcesses(file: string): void {
  rmSync(file, { force: true });
}

/**
 * Ends what a killed run left running, and names it. A pid that another program has taken since is
 * left alone: the command must be the one that was noted.
 */
export async function endOrphans(file: string): Promise<string[]> {
  const orphans = readEntries(file).filter(isRunning);
  for (const { pid, name } of orphans)
    process.kill(pid, name === 'Postgres' ? 'SIGINT' : 'SIGTERM');
  for (let waited = 0; orphans.some(isRunning); waited += 50) {
    if (waited >= 5000)
      for (const { pid } of orphans.filter(isRunning)) process.kill(pid, 'SIGKILL');
    await sleep(50);
  }
  forgetProcesses(file);
  return orphans.map(({ name }) => name);
}

function readEntries(file: string): Entry[] {
  try {
    return JSON.parse(readFileSync(file, 'utf8')) as Entry[];
  } catch {
    return [];
  }
}

function isRunning({ pid, command }: Entry): boolean {
  try {
    return commandLine(pid).includes(command);
  } catch {
    return false;
  }
}

function commandLine(pid: number): string {
  if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
  return execFileSync('ps', ['-p', String(pid), '-o', 'command='], { encoding: 'utf8' });
}
