import { readFileSync, rmSync, writeFileSync } from 'node:fs';
import { setTimeout as sleep } from 'node:timers/promises';
import { writeFileAtomically } from './atomic-file.ts';
import type { Child } from './child-process.ts';
import { identify, isRunning, type ProcessIdentity, signalGroup } from './process-identity.ts';
import { StackError } from './stack-error.ts';

/** A run's record in its folder, so that the next start can clean up after it if it is killed. */
export interface RunRecord {
  owner: ProcessIdentity;
  programs: Program[];
}

/** A program of a run. */
export type Program = Pick<Child, 'name' | 'process' | 'stopSignal'>;

/**
 * Claims the stack in a folder for this process. Stops the programs that a killed run left running, and
 * returns their names. Fails if a run is still alive.
 */
export async function claimRun(file: string): Promise<string[]> {
  const record = readRunRecord(file);
  if (record && isRunning(record.owner)) throw alreadyRunning(record.owner.pid);
  const ended = await endPrograms(record?.programs ?? []);
  rmSync(file, { force: true });
  const claim: RunRecord = { owner: identify(process.pid), programs: [] };
  try {
    writeFileSync(file, JSON.stringify(claim), { mode: 0o600, flag: 'wx' });
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== 'EEXIST') throw error;
    throw alreadyRunning(readRunRecord(file)?.owner.pid);
  }
  return ended;
}

/** Records the running programs. */
export function recordPrograms(file: string, children: Child[]): void {
  const record: RunRecord = {
    owner: identify(process.pid),
    programs: children.map(({ name, process, stopSignal }) => ({ name, process, stopSignal })),
  };
  writeFileAtomically(file, JSON.stringify(record));
}

/** Removes the record after all programs have exited. */
export function forgetRun(file: string): void {
  rmSync(file, { force: true });
}

/** The record of a run that has not shut down cleanly, or null. */
export function readRunRecord(file: string): RunRecord | null {
  try {
    const record = JSON.parse(readFileSync(file, 'utf8')) as Partial<RunRecord>;
    return record.owner && record.programs ? (record as RunRecord) : null;
  } catch {
    return null;
  }
}

/** Stops those of a killed run's programs that are still running, and returns their names. */
export async function endPrograms(programs: Program[]): Promise<string[]> {
  const orphans = programs.filter((program) => isRunning(program.process));
  for (const { process, stopSignal } of orphans) signalGroup(process.pid, stopSignal);
  for (let waited = 0; orphans.some((orphan) => isRunning(orphan.process)); waited += 20) {
    if (waited === 5000) {
      for (const { process } of orphans) signalGroup(process.pid, 'SIGKILL');
    }
    await sleep(20);
  }
  return orphans.map(({ name }) => name);
}

function alreadyRunning(pid: number | undefined): StackError {
  return new StackError(
    `This checkout's stack is already running${pid ? ` (process ${pid})` : ''}.`,
    'Use it, or stop it first with Ctrl-C in its terminal. ' +
      'To run another stack beside it, use `npm start -- --ephemeral`.',
  );
}
