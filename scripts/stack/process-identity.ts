import { execFileSync } from 'node:child_process';
import { readFileSync } from 'node:fs';

/** A process. The time at which it started tells it from a later one with its pid. */
export interface ProcessIdentity {
  pid: number;
  startedAt: string;
}

/** The identity of a process that runs now. */
export function identify(pid: number): ProcessIdentity {
  return { pid, startedAt: startTime(pid) ?? '' };
}

/** Whether that very process still runs. */
export function isRunning({ pid, startedAt }: ProcessIdentity): boolean {
  return startedAt !== '' && startTime(pid) === startedAt;
}

/** Sends a signal to a process group; one that has ended since is no error. */
export function signalGroup(leader: number, signal: NodeJS.Signals): void {
  try {
    process.kill(-leader, signal);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'ESRCH') throw error;
  }
}

/** The command line of the process that has this pid now; empty when none has. */
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
      // the fields after the name, which may itself hold spaces and brackets
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
