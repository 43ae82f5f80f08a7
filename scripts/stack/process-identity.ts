import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process. The start time distinguishes it from a later process with the same pid. */
export interface ProcessIdentity {
  pid: number;
  startedAt: string;
}

/** The identity of a running process. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startedAt: startTime(pid) ?? '' };
}

/** Whether that same process is still running. */
export function isRunning({ pid, startedAt }: ProcessIdentity): boolean {
  return startedAt !== '' && startTime(pid) === startedAt;
}

/** Sends a signal to a process group; it is no error if the group no longer exists. */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The command line of the process with this pid; empty if no such process exists. */
export function commandLine(pid: number): string {
  try {
    if (process.platform === 'linux') return readFileSync(`/proc/${pid}/cmdline`, 'utf8');
    return execFileSync('ps', ['-o', 'command=', '-p', String(pid)], { encoding: 'utf8' });
  } catch {
    return '';
  }
}

function startTime(pid: number): string | null {
  try {
    if (process.platform === 'linux') {
      // the fields after the name, which may contain spaces and brackets
      const stat = readFileSync(`/proc/${pid}/stat`, 'latin1');
      const fields = stat.slice(stat.lastIndexOf(')') + 2).split(' ');
      return fields[0] === 'Z' ? null : (fields[19] ?? null);
    }
    const words = execFileSync('ps', ['-o', 'stat=,lstart=', '-p', String(pid)], {
      encoding: 'utf8',
      env: { ...process.env, LC_ALL: 'C' },
      stdio: ['ignore', 'pipe', 'ignore'],
    }).trim();
    return words.startsWith('Z') ? null : words.replace(/^\S+\s+/, '');
  } catch {
    return null;
  }
}
